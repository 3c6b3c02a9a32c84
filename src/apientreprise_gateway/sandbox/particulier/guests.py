"""Whom the published sandbox knows: calls that got data there get data here, and errors are errors of the same kind.

Only who they are is kept (`published.yaml`). What is said of such a guest is what is said of the ordinary person, under
the identity of the call, alone in the household.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import yaml

from apientreprise_gateway.contract.identification import Meaning
from apientreprise_gateway.sandbox.particulier.person import Household, Person, Place
from apientreprise_gateway.sandbox.particulier.persons import CLAIRE
from apientreprise_gateway.sandbox.particulier.register import HOMES, Said, plain
from apientreprise_gateway.sandbox.particulier.specials import BY_NAME, Special

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBERS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {"ine": Meaning.INE, "account": Meaning.ACCOUNT, "allowance": Meaning.ALLOWANCE, "plate": Meaning.PLATE}
)
_NUMBERED: Final = tuple(_NUMBERS.values())


class _Named(NamedTuple):
    """Somebody by the civil status; what is empty may be anything."""

    first_names: str
    birth: tuple[str, str, str]
    """Year, month and day, without leading zeros."""
    town: str
    special: Special | None
    """What becomes of calls about that person; None for data."""

    def fits(self, first_names: str, birth: tuple[str, str, str], town: str) -> bool:
        return (
            self.first_names in ("", first_names)
            and all(own in ("", given) for own, given in zip(self.birth, birth, strict=True))
            and self.town in ("", town)
        )


class _Guests(NamedTuple):
    """All guests."""

    named: Mapping[str, tuple[_Named, ...]]
    """By birth name; those of whom most is known come first."""
    numbered: Mapping[tuple[Meaning, str], Special | None]
    """By number."""


@cache
def _guests() -> _Guests:
    """All of them, read when they are first needed."""
    text = resources.files(__package__).joinpath("published.yaml").read_text()
    content = yaml.load(text, Loader=_LOADER)  # noqa: S506 - this is the safe loader, in C where that is built
    named: dict[str, list[_Named]] = {}
    numbered: dict[tuple[Meaning, str], Special | None] = {}
    for kind, meaning in _NUMBERS.items():
        numbered |= dict.fromkeys(((meaning, number) for number in content["known"][kind]), None)
    for entry, special in _entries(content):
        kind, _, number = entry.partition(" ")
        if kind in _NUMBERS:
            numbered[_NUMBERS[kind], number] = special
        else:
            name, first_names, birth, *town = (part.strip() for part in entry.split(";"))
            year, month, day = (part.lstrip("0") for part in (birth if birth.count("-") == 2 else "--").split("-"))
            known = _Named(first_names, (year, month, day), town[0] if town else "", special)
            named.setdefault(name, []).append(known)
    ordered = {name: tuple(sorted(known, key=_known_of, reverse=True)) for name, known in named.items()}
    return _Guests(ordered, numbered)


def _entries(content: Mapping[str, Any]) -> Iterator[tuple[str, Special | None]]:
    yield from ((entry, None) for entry in content["known"]["persons"])
    for name, entries in content["errors"].items():
        yield from ((entry, BY_NAME[name]) for entry in entries)


def _known_of(named: _Named) -> int:
    return sum(map(bool, (named.first_names, *named.birth, named.town)))


class Guest(NamedTuple):
    """Somebody whom the published sandbox knows."""

    person: Person
    home: Household
    special: Special | None
    """What becomes of calls about that person; None for data."""


def guest_of(said: Said, known: Iterable[Person] = ()) -> Guest | None:
    """The guest whom a call is about; None if it is about none.

    Args:
        said: what the call says.
        known: the persons whom it describes besides: the vehicle of a guest is theirs.
    """
    guests = _guests()
    for meaning in _NUMBERED:
        number = _number(said, meaning)
        if (meaning, number) in guests.numbered:
            owner = next(iter(known), None) if meaning is Meaning.PLATE else None
            return _guest(said, guests.numbered[meaning, number], owner)
    birth = _birth(said)
    first_names, town = plain(said.get(Meaning.FIRST_NAMES, "")), said.get(Meaning.BIRTH_TOWN, "")
    for named in guests.named.get(plain(said.get(Meaning.BIRTH_NAME, "")), ()):
        if named.fits(first_names, birth, town):
            return _guest(said, named.special)
    return None


def _number(said: Said, meaning: Meaning) -> str:
    number = said.get(meaning, "")
    if meaning is Meaning.ALLOWANCE:
        return f"{number} {said.get(Meaning.POSTCODE, '')}"
    return number.lower() if meaning is Meaning.ACCOUNT else number.upper()


def _birth(said: Said) -> tuple[str, str, str]:
    parts = [said.get(part, "") for part in (Meaning.BIRTH_YEAR, Meaning.BIRTH_MONTH, Meaning.BIRTH_DAY)]
    whole = said.get(Meaning.BIRTH_DATE, "").split("-")
    year, month, day = (part.lstrip("0") for part in (whole if len(whole) == 3 else parts))
    return year, month, day


def _guest(said: Said, special: Special | None, owner: Person | None = None) -> Guest:
    """A guest with the identity of a call, and all else of the ordinary person, or of the owner of a vehicle."""
    base = CLAIRE if owner is None else owner
    home = HOMES[base.key]
    person = _with_numbers(said, base if owner is not None else _identified(said))
    return Guest(person, replace(home, adults=(person,), children=()) if owner is None else home, special)


def _identified(said: Said) -> Person:
    """The ordinary person, under the identity of a call."""
    name = said.get(Meaning.BIRTH_NAME)
    town = said.get(Meaning.BIRTH_TOWN)
    first_names = tuple(said.get(Meaning.FIRST_NAMES, "").split())
    return replace(
        CLAIRE,
        key="invite",
        birth_name=name or CLAIRE.birth_name,
        used_name=said.get(Meaning.USED_NAME, "") if name else CLAIRE.used_name,
        first_names=first_names or CLAIRE.first_names,
        sex=said.get(Meaning.SEX, CLAIRE.sex).upper(),
        birth=_date(_birth(said)),
        birthplace=Place(code=town, name=said.get(Meaning.BIRTH_TOWN_NAME, ""), department=_department(town))
        if town
        else CLAIRE.birthplace,
        country=said.get(Meaning.BIRTH_COUNTRY, CLAIRE.country),
    )


def _department(town: str) -> str:
    return town[:3] if town.startswith("97") else town[:2]


def _date(parts: tuple[str, str, str]) -> date:
    """The date of birth that is given; what is missing of it is the ordinary person's."""
    usual = (CLAIRE.birth.year, CLAIRE.birth.month, CLAIRE.birth.day)
    try:
        return date(*(int(part or own) for part, own in zip(parts, usual, strict=True)))
    except (ValueError, OverflowError):
        return CLAIRE.birth


def _with_numbers(said: Said, person: Person) -> Person:
    """A person who has the numbers that a call names."""
    studies, schooling, seeker = CLAIRE.studies, CLAIRE.schooling, CLAIRE.job_seeker
    athlete, vehicle = CLAIRE.athlete, CLAIRE.vehicle
    if Meaning.PLATE in said and vehicle is not None:
        person = replace(person, vehicle=replace(vehicle, plate=said[Meaning.PLATE].upper()))
    if Meaning.INE in said and studies is not None:
        person = replace(person, studies=replace(studies, ine=said[Meaning.INE].upper()))
    if Meaning.SCHOOL in said and schooling is not None:
        person = replace(person, schooling=replace(schooling, uai=said[Meaning.SCHOOL].upper()))
    if Meaning.ACCOUNT in said and seeker is not None and athlete is not None:
        account = said[Meaning.ACCOUNT]
        person = replace(
            person, job_seeker=replace(seeker, identifier=account), athlete=replace(athlete, number=account)
        )
    return person
