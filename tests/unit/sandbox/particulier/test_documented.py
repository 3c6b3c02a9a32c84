"""The page of the sandbox lists the fictive persons, their households and the special names as they are."""

from pathlib import Path

from apientreprise_gateway.contract.identification import Meaning
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.sandbox.particulier.person import Household, Person
from apientreprise_gateway.sandbox.particulier.persons import HOUSEHOLDS, PERSONS
from apientreprise_gateway.sandbox.particulier.specials import NUMBERS, SPECIALS, Special

PAGE = Path(__file__).resolve().parents[4] / "docs" / "bac-a-sable.md"
_STATUSES = {
    code: status for endpoint in PARTICULIER.endpoints for status, codes in endpoint.codes.items() for code in codes
}


def person_row(person: Person) -> str:
    """The line of a person: who it is, its numbers, its test token of FranceConnect, and what it is."""
    numbers = [
        f"INE `{person.studies.ine}`" if person.studies else "",
        f"école `{person.schooling.uai}`" if person.schooling else "",
        f"France Travail `{person.job_seeker.identifier}`" if person.job_seeker else "",
        f"sport `{person.athlete.number}`" if person.athlete else "",
        f"véhicule `{person.vehicle.plate}`" if person.vehicle else "",
    ]
    place = (
        f"{person.birthplace.name} (`{person.birthplace.code}`)" if person.birthplace else f"pays `{person.country}`"
    )
    used = f", nom d'usage {person.used_name}" if person.used_name else ""
    name = f"{' '.join(person.first_names)} **{person.birth_name}**{used}"
    known = "<br>".join(filter(None, numbers))
    return (
        f"| {name} | {person.sex} | {person.birth:%d/%m/%Y} | {place} | {known} | `fc-{person.key}` "
        f"| {person.description} |"
    )


def household_row(home: Household) -> str:
    """The line of a household: its file and who is in it."""
    adults, children = (
        ", ".join(f"{each.first_names[0]} {each.birth_name}" for each in members)
        for members in (home.adults, home.children)
    )
    return f"| `{home.number}` | `{home.address.postcode}` | {home.fund} | {adults} | {children} | {home.quotient} |"


def special_row(special: Special) -> str:
    """The beginning of a special person's line: the name, the digits and what the provider does."""
    digits = f"`{special.digits}`" if special.digits else ""
    return f"| `{special.name}` | {digits} | {special.description} |"


def test_persons_and_households_are_listed() -> None:
    """Each has its line, as it is."""
    lines = PAGE.read_text().splitlines()
    assert [row for row in map(person_row, PERSONS) if row not in lines] == []
    assert [row for row in map(household_row, HOUSEHOLDS) if row not in lines] == []


def test_special_names_are_listed() -> None:
    """Each has its line, with the errors that it may get."""
    lines = PAGE.read_text().splitlines()
    for special in SPECIALS:
        (line,) = (line for line in lines if line.startswith(special_row(special)))
        assert all(f"{_STATUSES[code]} `{code}`" in line for code in special.codes), special.name


def test_numbers_are_explained() -> None:
    """The page shows how the digits become a number, in each way of asking."""
    page = PAGE.read_text()
    assert all(f"`{number('503')}`" in page for number in NUMBERS.values())
    assert Meaning.INE in NUMBERS
