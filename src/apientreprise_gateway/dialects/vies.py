"""The European Commission in its own language: the translation of its operation to and from VIES.

The address to set for it is `https://ec.europa.eu/taxation_customs/vies/rest-api`. VIES asks the tax office of the
country in its turn, and says in `userError` what came of that, with a status of 200 as well as without.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

from apientreprise_gateway.dialects.vat import vat_number
from apientreprise_gateway.upstream.reading import ProviderAnswer, content_of, failure, refusal
from apientreprise_gateway.upstream.source import Get, ProviderRequest, Translation

DIALECT: Final = "vies-rest"
_VALID: Final = "VALID"
_COUNTRY: Final = len("FR")

_SUBCODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "INVALID": "003",
        "MS_UNAVAILABLE": "001",
        "SERVICE_UNAVAILABLE": "001",
        "TIMEOUT": "001",
        "MS_MAX_CONCURRENT_REQ": "008",
        "MS_MAX_CONCURRENT_REQ_TIME": "008",
        "GLOBAL_MAX_CONCURRENT_REQ": "008",
        "GLOBAL_MAX_CONCURRENT_REQ_TIME": "008",
        "IP_BLOCKED": "008",
        "VAT_BLOCKED": "008",
    }
)
"""The outcomes of VIES that are failures, with the last three digits of their code; any other means 999. `TIMEOUT` is
that of the tax office: our own deadline has not passed."""


async def numero_tva(request: ProviderRequest, get: Get) -> ProviderAnswer:
    """The number of a legal unit, if it is in use."""
    number = vat_number(request.values[0])
    country, national = number[:_COUNTRY], number[_COUNTRY:]
    answer = await get(f"/ms/{country}/vat/{national}")
    content = content_of(answer)
    outcome = _outcome(content)
    if outcome in _SUBCODES:
        raise refusal(request.route, _SUBCODES[outcome])
    if answer.status != 200:
        raise failure(request.route, answer.status)
    if outcome != _VALID or not _confirms(content, national):
        raise refusal(request.route, "999")
    return ProviderAnswer(200, orjson.dumps({"data": {"tva_number": number}, "links": {}, "meta": {}}))


def _outcome(content: Any) -> str:
    """The outcome that VIES gives, empty if there is none."""
    if not isinstance(content, dict):
        return ""
    wrapped = content.get("errorWrappers")
    if isinstance(wrapped, list) and wrapped and isinstance(wrapped[0], dict):
        return str(wrapped[0].get("error"))
    return str(content.get("userError"))


def _confirms(content: dict[str, Any], national: str) -> bool:
    """Whether an answer says that the number that was asked for is in use."""
    return content.get("isValid") is True and content.get("vatNumber", national) == national


TRANSLATIONS: Final[Mapping[str, Translation]] = MappingProxyType(
    {"api_entreprise_v3_european_commission_vies": numero_tva}
)
"""The translation of each operation."""
