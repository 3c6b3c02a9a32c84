"""Calls about fictive persons: what an operation is asked with, as the gateway would ask it."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode, Meaning
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.sandbox.app import create_app
from apientreprise_gateway.sandbox.particulier.person import Person
from apientreprise_gateway.sandbox.particulier.persons import CLAIRE
from apientreprise_gateway.sandbox.particulier.register import HOMES
from unit.sandbox.calling import Answer, Clock, get

ENDPOINTS = tuple(PARTICULIER.endpoints)
BY_OPERATION = {endpoint.operation: endpoint for endpoint in ENDPOINTS}
APP = create_app(products=(PARTICULIER,), sleep=Clock().sleep)
_CIVIL_STATUS = ("nomNaissance", "prenoms[]", "anneeDateNaissance", "moisDateNaissance", "jourDateNaissance")


def examples_of(endpoint: Endpoint) -> list[tuple[str, str]]:
    """The parameters of an endpoint with their examples; FranceConnect says the civil status of the same person."""
    assert endpoint.person is not None
    given = [(each.name, each.example) for each in endpoint.person.parameters if each.example]
    return given + (pivot_of(CLAIRE) if endpoint.person.mode is CallMode.FRANCE_CONNECT else [])


def pivot_of(person: Person) -> list[tuple[str, str]]:
    """The parameters with which the gateway asks a provider about somebody for whom FranceConnect vouches."""
    town = [("codeCogInseeCommuneNaissance", person.birthplace.code)] if person.birthplace else []
    return [
        ("nomNaissance", person.birth_name),
        *(("prenoms[]", name) for name in person.first_names),
        ("anneeDateNaissance", str(person.birth.year)),
        ("moisDateNaissance", str(person.birth.month)),
        ("jourDateNaissance", str(person.birth.day)),
        ("sexeEtatCivil", person.sex),
        ("codeCogInseePaysNaissance", person.country),
        *town,
    ]


def parameters_for(endpoint: Endpoint, person: Person) -> list[tuple[str, str]]:
    """Everything that an endpoint may be told about a person; what the person has not is that of nobody."""
    assert endpoint.person is not None
    known = _known(person, endpoint)
    given: list[tuple[str, str]] = []
    for parameter in endpoint.person.parameters:
        values = known.get(parameter.meaning, ())
        given += [(parameter.name, value) for value in values]
    return given + (pivot_of(person) if endpoint.person.mode is CallMode.FRANCE_CONNECT else [])


def _known(person: Person, endpoint: Endpoint) -> Mapping[Meaning, Iterable[str]]:
    home = HOMES[person.key]
    account = person.job_seeker.identifier if person.job_seeker else "personne"
    if "sdh" in endpoint.operation:
        account = person.athlete.number if person.athlete else "0"
    several = endpoint.person is not None and any(each.name == "prenoms[]" for each in endpoint.person.parameters)
    return {
        Meaning.BIRTH_NAME: (person.birth_name,),
        Meaning.USED_NAME: (person.used_name,) if person.used_name else (),
        Meaning.FIRST_NAMES: person.first_names if several else person.first_names[:1],
        Meaning.BIRTH_YEAR: (str(person.birth.year),),
        Meaning.BIRTH_MONTH: (str(person.birth.month),),
        Meaning.BIRTH_DAY: (str(person.birth.day),),
        Meaning.BIRTH_DATE: (person.birth.isoformat(),),
        Meaning.SEX: (person.sex,),
        Meaning.BIRTH_COUNTRY: (person.country,),
        Meaning.BIRTH_TOWN: (person.birthplace.code,) if person.birthplace else (),
        Meaning.INE: (person.studies.ine,) if person.studies and endpoint.version > 2 else (),
        Meaning.ACCOUNT: (account,),
        Meaning.ALLOWANCE: (home.number,),
        Meaning.POSTCODE: (home.address.postcode,),
        Meaning.PLATE: (person.vehicle.plate if person.vehicle else "ZZ-999-ZZ",),
        Meaning.SCHOOL: (person.schooling.uai,) if person.schooling else ("0000000Z",),
        Meaning.SCHOOL_YEAR: ("2025-2026",),
    }


def ask(endpoint: Endpoint, parameters: Iterable[tuple[str, str]]) -> Answer:
    """Ask the fictive provider of an endpoint."""
    return get(APP, f"{endpoint.path}?{urlencode(list(parameters))}")
