"""Ordinary queries about a person, read in one pass: by civil status, and by the number of a student.

Most callers send values that are right and canonical as they are. One regular expression for each family of operations
knows such a query as a whole, in whatever order its parameters are; its values go to the provider as they came. Every
other query, whatever is unusual or wrong with it, is left to the rules, which say the same of an ordinary one: this
saves time, and decides nothing.
"""

import re
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus, unquote_plus

from apientreprise_gateway.contract.person.fields import (
    ANY_DATE,
    OF_THE_LIVING,
    BirthDate,
    Field,
    FirstNames,
    NumberField,
)
from apientreprise_gateway.contract.person.places import Birthplace, Period
from apientreprise_gateway.contract.person.reading import Rule
from apientreprise_gateway.contract.person.rules import IdentityRules
from apientreprise_gateway.contract.person.texts import COUNTRY
from apientreprise_gateway.contract.pseudonym import civil_status, student

Found = tuple[str | Any, ...]
"""The values of an ordinary query, still encoded, in the order of the rules, then the recipient; None if one is absent.
First names are one text, with the name of their parameter between them."""

_MOST_PARAMETERS: Final = 64
"""Parameters that an ordinary query has at most, which bounds what the expression may cost."""
_YEAR: Final = r"19\d\d|20[01]\d"
"""Years whose days are past, whenever this runs."""
_MONTH: Final = "1[0-2]|[1-9]"
_DAY: Final = r"1\d|2[0-8]|[1-9]"
"""The days that each month has."""


class _Slot(NamedTuple):
    """A parameter of ordinary queries."""

    part: str
    """What it is of an identity."""
    name: str
    value: str
    """Regular expression of its ordinary values, as they are sent."""
    required: bool
    zeros: str = ""
    """Regular expression of what may stand before the canonical form."""
    most: int = 1
    """How many values it may have, one right after the other."""

    def pattern(self, number: int) -> str:
        """The expression of the parameter, whose value is the group of this number."""
        name = re.escape(quote_plus(self.name))
        if self.most == 1:
            return f"{name}={self.zeros}({self.value})"
        # Values that stand apart are left to the rules: a group holds only what it has found last.
        return f"{name}(?({number})(?!))=((?:{self.value})(?:&{name}=(?:{self.value})){{0,{self.most - 1}}})"


_RECIPIENT: Final = _Slot("", "recipient", r"\d{14}", required=True)
_NEEDED: Final = frozenset({"birth_name", "first_names", "birth_year", "birth_month", "birth_day"})
"""What the digest of a civil status is made of: an ordinary query gives all of it, whatever the family requires."""
_INE: Final = "ine"


class OrdinaryQueries:
    """The ordinary queries of a family of operations."""

    def __init__(self, slots: tuple[_Slot, ...]) -> None:
        """Compile them; `slots` are the parameters that go to the provider, in their order."""
        every = (*slots, _RECIPIENT)
        patterns = "|".join(slot.pattern(number) for number, slot in enumerate(every, 1))
        complete = "".join(f"(?({number})|(?!))" for number, slot in enumerate(every, 1) if slot.required)
        self._match = re.compile(rf"(?:(?:{patterns})&){{1,{_MOST_PARAMETERS}}}{complete}", re.ASCII).fullmatch
        self._prefixes = tuple(f"{quote_plus(slot.name)}=" for slot in slots)
        self._places = {slot.part: place for place, slot in enumerate(slots)}

    def find(self, query: bytes) -> Found | None:
        """The values of a query; None if it is not an ordinary one."""
        match = self._match(query.decode("latin-1").replace("[]=", "%5B%5D=") + "&")
        return None if match is None else match.groups()

    def written(self, found: Found) -> str:
        """The query for the provider, as `query.encoded` writes what the rules find."""
        # There is no prefix for the recipient, which stands last and stays here.
        return "&".join([prefix + value for prefix, value in zip(self._prefixes, found, strict=False) if value])

    def basis(self, found: Found) -> str:
        """What the digest of the person is made of, as `pseudonym.basis` says it of what the rules find."""
        raise NotImplementedError


class _ByCivilStatus(OrdinaryQueries):
    def __init__(self, slots: tuple[_Slot, ...]) -> None:
        super().__init__(slots)
        places = self._places
        self._name, self._names = places["birth_name"], places["first_names"]
        self._birth = slice(places["birth_year"], places["birth_day"] + 1)
        self._between = f"&{self._prefixes[self._names]}"

    def basis(self, found: Found) -> str:
        sent = [found[self._name], *found[self._names].split(self._between)]
        name, *names = [each if each.isalnum() else unquote_plus(each) for each in sent]
        return civil_status(name, names, "-".join(found[self._birth]))


class _ByStudent(OrdinaryQueries):
    def basis(self, found: Found) -> str:
        return student(found[self._places[_INE]])


def ordinary_queries(rules: IdentityRules) -> OrdinaryQueries | None:
    """The ordinary queries of a family; None if it has none, or is given neither civil status nor INE."""
    slots: list[_Slot] = []
    for rule in rules.rules:
        found = _slots(rule)
        if found is None:
            return None
        slots += found
    parts = {slot.part for slot in slots}
    if _INE in parts:  # it counts before a civil status, see `pseudonym.basis`
        return _ByStudent(tuple(slots))
    return _ByCivilStatus(tuple(slots)) if parts >= _NEEDED else None


def _slots(rule: Rule) -> tuple[_Slot, ...] | None:
    """The parameters of ordinary queries that a rule judges, in its order; None if it can judge no ordinary query."""
    match rule:
        case Field(part=part, name=name, kind=kind, required=required) if part:
            return (_Slot(part, name, kind.sent, required or part in _NEEDED),)
        case FirstNames(name=name, kind=kind, most=most):
            return (_Slot("first_names", name, kind.sent, required=True, most=most),)
        case BirthDate(year=year, month=month, day=day, judge=judge) if judge in (ANY_DATE, OF_THE_LIVING):
            return (
                _Slot("birth_year", year, _YEAR, required=True),
                _Slot("birth_month", month, _MONTH, required=True, zeros="0?"),
                _Slot("birth_day", day, _DAY, required=True, zeros="0?"),
            )
        case Birthplace(country="", commune=commune, communes=communes):
            return (_Slot("birth_commune", commune, communes.sent, required=False),)
        case Birthplace(country=country, commune=commune, communes=communes):
            return (
                _Slot("birth_country", country, COUNTRY.sent, rule.country_required),
                _Slot("birth_commune", commune, communes.sent, rule.needed_in_france),
            )
        case Period() | NumberField(required=False):
            return ()  # where they are given, a query is not an ordinary one
    return None
