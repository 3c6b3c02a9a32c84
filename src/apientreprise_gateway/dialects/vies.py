"""The dialect of the European Commission: the translation of its operation to and from VIES.

The provider's address must be `https://ec.europa.eu/taxation_customs/vies/rest-api`. VIES itself asks the tax office of
the country, and gives the outcome in `userError`, with status 200 or another.
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
"""The outcomes of VIES that are failures, with the last three digits of our error code; any other means 999. `TIMEOUT`
is that of the tax office, not our own deadline."""


async def numero_tva(request: ProviderRequest, get: Get) -> ProviderAnswer:
    """The VAT number of a legal unit, if VIES confirms that it is valid."""
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
    """The outcome in an answer of VIES; empty if there is none."""
    if not isinstance(content, dict):
        return ""
    wrapped = content.get("errorWrappers")
    if isinstance(wrapped, list) and wrapped and isinstance(wrapped[0], dict):
        return str(wrapped[0].get("error"))
    return str(content.get("userError"))


def _confirms(content: dict[str, Any], national: str) -> bool:
    """Whether an answer says that the requested number is valid."""
    return content.get("isValid") is True and content.get("vatNumber", national) == national


TRANSLATIONS: Final[Mapping[str, Translation]] = MappingProxyType(
    {"api_entreprise_v3_european_commission_vies": numero_tva}
)
"""The translation of each operation."""
