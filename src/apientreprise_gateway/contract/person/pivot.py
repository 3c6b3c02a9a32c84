"""The pivot identity of FranceConnect in place of what a caller says of a person: under the names of each operation."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from apientreprise_gateway.contract.identification import CallMode, Identification
from apientreprise_gateway.contract.person.families import PIVOT, RULES
from apientreprise_gateway.contract.person.fields import BirthDate, BirthDateText, Field, FirstNames, FirstNamesText
from apientreprise_gateway.contract.person.identity import Identity
from apientreprise_gateway.contract.person.places import Birthplace
from apientreprise_gateway.contract.person.reading import Rule
from apientreprise_gateway.contract.person.rules import IdentityRules

_ABOUT_PERSONS: Final = (FirstNames, FirstNamesText, BirthDate, BirthDateText, Birthplace)


class ByToken(NamedTuple):
    """How the calls of an operation that come with an access token of FranceConnect are read."""

    always: bool
    """Whether all of its calls do; else a call may say itself whom it is about."""
    names: IdentityRules
    """The rules whose parameters name the person."""
    rules: IdentityRules
    """Judge what the call itself says, which is nothing of the person."""


def by_token(person: Identification) -> ByToken | None:
    """How an operation takes access tokens of FranceConnect; None if it takes none."""
    if not person.france_connect:
        return None
    rules = RULES[person.family]
    if person.mode is CallMode.FRANCE_CONNECT:
        return ByToken(True, PIVOT, rules)
    return ByToken(False, rules, IdentityRules(tuple(rule for rule in rules.rules if not _is_about_person(rule))))


def _is_about_person(rule: Rule) -> bool:
    return isinstance(rule, _ABOUT_PERSONS) or (isinstance(rule, Field) and bool(rule.part))


def written(identity: Identity, rules: IdentityRules) -> tuple[tuple[str, str], ...]:
    """An identity as the parameters that rules read, in their order; what is not known of it is left out."""
    return tuple((name, value) for rule in rules.rules for name, value in _written(identity, rule) if value)


def _written(identity: Identity, rule: Rule) -> Iterator[tuple[str, str]]:
    date = (identity.birth_year, identity.birth_month, identity.birth_day)
    match rule:
        case FirstNames(name=name):
            yield from ((name, each) for each in identity.first_names)
        case FirstNamesText(name=name, split=several):
            yield name, " ".join(identity.first_names if several else identity.first_names[:1])
        case BirthDate(names=names):
            yield from ((name, str(part or "")) for name, part in zip(names, date, strict=True))
        case BirthDateText(name=name) if None not in date:
            yield name, "{:04d}-{:02d}-{:02d}".format(*date)
        case Birthplace(commune=commune, country=""):  # one parameter for both: a town of France, or a country
            yield commune, identity.birth_commune or identity.birth_country
        case Birthplace(commune=commune, country=country):
            yield country, identity.birth_country
            yield commune, identity.birth_commune
        case Field(name=name, part=part) if part:
            yield name, getattr(identity, part)
