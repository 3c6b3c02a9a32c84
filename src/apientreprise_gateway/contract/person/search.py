"""Whom a journal is searched for, as an operator says it: `nomNaissance=DURAND`, `ine=0123456789A`."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from apientreprise_gateway.contract.person.families import CNAF_V2, CNOUS_INE, FRANCE_TRAVAIL
from apientreprise_gateway.contract.person.fields import BirthDate, BirthDateText, Field, FirstNames
from apientreprise_gateway.contract.person.identity import Asked, Identity
from apientreprise_gateway.contract.person.rules import IdentityRules
from apientreprise_gateway.contract.person.texts import anything

_FIRST_NAMES: Final = "prenoms"
_DATE: Final = BirthDateText(name="dateNaissance", code="00363")
_CIVIL_STATUS: Final = IdentityRules(
    (
        Field(name="nomNaissance", code="00420", kind=anything, part="birth_name"),
        FirstNames(name=_FIRST_NAMES, required=False),
        BirthDate(required=False),
    )
)
_WITH_DATE: Final = IdentityRules((*_CIVIL_STATUS.rules[:2], _DATE))
_NUMBERS: Final[Mapping[str, IdentityRules]] = {
    "ine": CNOUS_INE,
    "numeroAllocataire": IdentityRules(CNAF_V2.rules[:1]),
    "identifiant": FRANCE_TRAVAIL,
}
NAMES: Final = (*_NUMBERS, "nomNaissance", _FIRST_NAMES, _DATE.name, *BirthDate().names)
"""What an operator may say of somebody."""


def searched_for(arguments: Iterable[str], today: date) -> Identity:
    """The identity that an operator has given, one that `Pseudonyms` gives the digest of those who asked by it.

    Args:
        arguments: `name=value` each, by `NAMES`: one number, or a civil status with what the calls had of it. First
            names are separated by commas, or given one by one; a date of birth is given whole or in its parts.
        today: the day in Paris.

    Raises:
        ValueError: this names nobody; the message does not repeat a value.
    """
    query: dict[str, list[str]] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        name = name.removesuffix("[]")
        if not equals or name not in NAMES:
            raise ValueError(f"write name=value, where the name is one of {', '.join(NAMES)}")
        query.setdefault(name, []).extend(value.split(",") if name == _FIRST_NAMES else [value])
    found = _rules(query).read(query, today)
    if isinstance(found, Asked):
        return found.identity
    raise ValueError(f"not valid: {', '.join(dict.fromkeys(fault.parameter for fault in found))}")


def _rules(query: Mapping[str, list[str]]) -> IdentityRules:
    """How a query is read.

    Raises:
        ValueError: it says one thing and another that does not go with it.
    """
    numbers = [name for name in _NUMBERS if name in query]
    rules = _NUMBERS[numbers[0]] if numbers else _WITH_DATE if _DATE.name in query else _CIVIL_STATUS
    if besides := [name for name in query if name not in rules.names]:
        raise ValueError(f"{', '.join(besides)}: give one number, or a civil status, with one date of birth")
    return rules
