"""The fictive VIES: the French VAT number of every entity of the sandbox is valid."""

import re
from typing import Any, Final

from apientreprise_gateway.sandbox.entreprise.answers.shape import vat_number
from apientreprise_gateway.sandbox.entreprise.dialects.reply import DialectReply, reply
from apientreprise_gateway.sandbox.entreprise.directory import DIRECTORY
from apientreprise_gateway.sandbox.entreprise.entities import AT_INSEE

_QUESTION: Final = re.compile(r"/ms/([A-Z]{2})/vat/(\w{2,12})", re.ASCII)
_SIREN: Final = 9
_CHECKED: Final = "2026-03-02T10:00:00.000Z"


def speak(path: str, _query: str) -> DialectReply:
    """The answer to a call, by its path and query."""
    question = _QUESTION.fullmatch(path)
    if question is None:
        return reply(404, {"actionSucceed": False, "errorWrappers": [{"error": "NOT_FOUND"}]})
    country, number = question.groups()
    siren = number[-_SIREN:]
    entity = DIRECTORY.get(siren)
    known = entity is not None and entity not in AT_INSEE
    return reply(200, _checked(number, valid=known and country + number == vat_number(siren)), siren)


def _checked(number: str, *, valid: bool) -> dict[str, Any]:
    return {
        "isValid": valid,
        "requestDate": _CHECKED,
        "userError": "VALID" if valid else "INVALID",
        "name": "---",
        "address": "---",
        "requestIdentifier": "",
        "originalVatNumber": number,
        "vatNumber": number,
        "viesApproximate": dict.fromkeys(("name", "street", "postalCode", "city", "companyType"), "---"),
    }
