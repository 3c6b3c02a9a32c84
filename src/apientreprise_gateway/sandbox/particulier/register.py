"""Finds the persons whom a call may be about, by what it says."""

import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.identification import Meaning
from apientreprise_gateway.sandbox.particulier.person import Household, Person
from apientreprise_gateway.sandbox.particulier.persons import HOUSEHOLDS, PERSONS

Said = Mapping[Meaning, str]
"""What a call says, by its meaning; the values of an array are separated by spaces."""
HOMES: Final[Mapping[str, Household]] = MappingProxyType(
    {person.key: home for home in HOUSEHOLDS for person in (*home.adults, *home.children)}
)
"""The household of each person, by the person's key."""


def plain(text: str) -> str:
    """A name in capitals, without accents, hyphens and apostrophes, which spellings differ in."""
    letters = unicodedata.normalize("NFKD", text.upper())
    return " ".join("".join(each if each.isalpha() else " " for each in letters if not _is_accent(each)).split())


def _is_accent(letter: str) -> bool:
    return unicodedata.combining(letter) != 0


def found_by(said: Said, provider: str, persons: tuple[Person, ...] = PERSONS) -> list[Person]:
    """The persons whom a call describes: by a number if it gives one, else by their civil status.

    Args:
        said: what the call says.
        provider: key of the provider, as some give persons numbers of their own.
        persons: among whom to look.
    """
    if Meaning.INE in said:
        return [each for each in persons if each.studies and each.studies.ine == said[Meaning.INE].upper()]
    if Meaning.ALLOWANCE in said:
        return [
            home.adults[0]
            for home in HOUSEHOLDS
            if (home.number, home.address.postcode) == (said[Meaning.ALLOWANCE], said.get(Meaning.POSTCODE))
        ]
    if Meaning.ACCOUNT in said:
        return [each for each in persons if said[Meaning.ACCOUNT].lower() == _account(each, provider)]
    if Meaning.BIRTH_NAME not in said:
        plate = said.get(Meaning.PLATE, "").upper()
        return [each for each in persons if each.vehicle and each.vehicle.plate == plate]
    return [each for each in persons if _fits(each, said)]


def _account(person: Person, provider: str) -> str:
    if provider == "sdh":
        return person.athlete.number if person.athlete else ""
    return person.job_seeker.identifier if person.job_seeker else ""


def _fits(person: Person, said: Said) -> bool:
    """Whether nothing that is said of a person is wrong."""
    return all(fits(person, said[meaning]) for meaning, fits in _CHECKS.items() if said.get(meaning))


def _first_names_fit(person: Person, given: str) -> bool:
    """Whether the first names that are given are the first of the person's, in order."""
    own, words = plain(" ".join(person.first_names)).split(), plain(given).split()
    return own[: len(words)] == words


def _number_fits(own: int, given: str) -> bool:
    return given.isascii() and given.isdigit() and int(given) == own


_CHECKS: Final[Mapping[Meaning, Callable[[Person, str], bool]]] = MappingProxyType(
    {
        Meaning.BIRTH_NAME: lambda person, given: plain(given) == plain(person.birth_name),
        Meaning.FIRST_NAMES: _first_names_fit,
        Meaning.BIRTH_YEAR: lambda person, given: _number_fits(person.birth.year, given),
        Meaning.BIRTH_MONTH: lambda person, given: _number_fits(person.birth.month, given),
        Meaning.BIRTH_DAY: lambda person, given: _number_fits(person.birth.day, given),
        Meaning.BIRTH_DATE: lambda person, given: given == person.birth.isoformat(),
        Meaning.SEX: lambda person, given: given.upper() == person.sex,
        Meaning.BIRTH_COUNTRY: lambda person, given: given == person.country,
        Meaning.BIRTH_TOWN: lambda person, given: given in (_town(person), person.country),
        Meaning.BIRTH_TOWN_NAME: lambda person, given: plain(given) == plain(_town_name(person)),
    }
)
"""What is compared; a used name is not, as a fund may know another."""


def _town(person: Person) -> str:
    return person.birthplace.code if person.birthplace else person.country


def _town_name(person: Person) -> str:
    return person.birthplace.name if person.birthplace else ""
