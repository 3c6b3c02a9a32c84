"""The fictive persons: each is somebody, and lives in one household."""

from collections import Counter
from datetime import date

from apientreprise_gateway.contract.identification import Meaning
from apientreprise_gateway.contract.person.families import PIVOT, RULES
from apientreprise_gateway.contract.person.fields import OF_AGE_FOR_SERVICE
from apientreprise_gateway.contract.person.identity import Asked
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.sandbox.particulier.persons import CLAIRE, HOUSEHOLDS, PERSONS

_IN_PARTS = {
    Meaning.BIRTH_YEAR: str(CLAIRE.birth.year),
    Meaning.BIRTH_MONTH: str(CLAIRE.birth.month),
    Meaning.BIRTH_DAY: str(CLAIRE.birth.day),
    Meaning.BIRTH_DATE: CLAIRE.birth.isoformat(),
}


def test_every_person_lives_in_one_household() -> None:
    """Nobody is in two files of the family funds, or in none."""
    homes = Counter(person.key for home in HOUSEHOLDS for person in (*home.adults, *home.children))
    assert homes == Counter(person.key for person in PERSONS)


def test_what_names_a_person_is_that_person_s_alone() -> None:
    """Names with dates, numbers of students, of job seekers, of athletes, plates and files are given once each."""
    for names in (
        [(person.birth_name, person.first_names, person.birth) for person in PERSONS],
        [person.studies.ine for person in PERSONS if person.studies],
        [person.job_seeker.identifier for person in PERSONS if person.job_seeker],
        [person.athlete.number for person in PERSONS if person.athlete],
        [person.vehicle.plate for person in PERSONS if person.vehicle],
        [home.number for home in HOUSEHOLDS],
    ):
        assert len(set(names)) == len(names)


def test_pivot_identities_are_complete() -> None:
    """What FranceConnect would say of anybody is an identity that the gateway takes, a birth abroad included."""
    for person in PERSONS:
        claims = person.pivot()
        year, month, day = claims["birthdate"].split("-")
        query = {
            "nomNaissance": [claims["family_name"]],
            "prenoms[]": claims["given_name_array"],
            "anneeDateNaissance": [year],
            "moisDateNaissance": [month],
            "jourDateNaissance": [day],
            "sexeEtatCivil": [person.sex],
            "codeCogInseePaysNaissance": [claims["birthcountry"]],
            "codeCogInseeCommuneNaissance": [claims["birthplace"]],
        }
        assert isinstance(PIVOT.read(query, date(2026, 12, 1)), Asked), person.key


def test_examples_are_the_ordinary_person() -> None:
    """The example of every parameter is hers, and is accepted by the rules of each operation that has it."""
    for endpoint in PARTICULIER.endpoints:
        assert endpoint.person is not None
        for parameter in endpoint.person.parameters:
            expected = _IN_PARTS.get(parameter.meaning)
            assert expected is None or parameter.example == expected, (endpoint.operation, parameter.name)
        query = {parameter.name: [parameter.example] for parameter in endpoint.person.parameters if parameter.example}
        for today in (date(2026, 1, 1), date(2026, 12, 1), date(2034, 4, 22)):
            assert isinstance(RULES[endpoint.person.family].read(query, today), Asked), endpoint.operation


def test_the_ordinary_person_is_of_age_for_years() -> None:
    """Her date of birth is a right example of the national service from 2025 to 2034."""
    assert OF_AGE_FOR_SERVICE.accepts(CLAIRE.birth, date(2025, 1, 1))
    assert OF_AGE_FOR_SERVICE.accepts(CLAIRE.birth, date(2034, 4, 22))
