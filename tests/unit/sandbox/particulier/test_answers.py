"""The answers about fictive persons: true to their schemas, and alike whoever answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode, Meaning
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.sandbox.particulier.person import Person
from apientreprise_gateway.sandbox.particulier.persons import CLAIRE, HOUSEHOLDS, PERSONS
from apientreprise_gateway.sandbox.particulier.register import HOMES, plain
from unit.sandbox.particulier.asking import BY_OPERATION, ENDPOINTS, ask, examples_of, parameters_for, pivot_of

_NAMES = frozenset({"nom", "nom_naissance", "nomNaissance"})
_OTHERS = frozenset({"etablissement", "etablissement_etudes"})
"""Fields that are about somebody else."""
_QUOTIENT = BY_OPERATION["api_particulier_v3_cnav_quotient_familial_with_civility"]
_PUPIL = BY_OPERATION["api_particulier_v5_men_scolarites_with_civility"]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
def test_examples_are_answered(endpoint: Endpoint) -> None:
    """The examples of an operation's parameters get all of its fields, of the right types."""
    answer = ask(endpoint, examples_of(endpoint))
    assert answer.status == 200, answer.body
    schema = PARTICULIER.schemas.of(endpoint.operation)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.json())
    assert not set(_missing(schema, answer.json()))


def _missing(schema: Any, value: Any, path: str = "") -> Iterator[str]:
    """The fields of a schema that a value has not."""
    if isinstance(value, list):
        for each in value:
            yield from _missing(schema.get("items", {}), each, f"{path}[]")
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name not in value:
                yield f"{path}.{name}"
            else:
                yield from _missing(inner, value[name], f"{path}.{name}")


@pytest.mark.parametrize("person", PERSONS, ids=lambda person: person.key)
def test_answers_are_true_to_their_schema(person: Person) -> None:
    """Whatever is answered about anybody has the fields and types that are published; some do not know everybody."""
    known = 0
    for endpoint in ENDPOINTS:
        answer = ask(endpoint, parameters_for(endpoint, person))
        if answer.status == 200:
            schema = PARTICULIER.schemas.of(endpoint.operation)
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.json())
            known += 1
        else:
            assert answer.status in {404, 422}, (endpoint.operation, answer.body)
    assert known >= 19
    assert person is not CLAIRE or known == len(ENDPOINTS)


@pytest.mark.parametrize("person", PERSONS, ids=lambda person: person.key)
def test_everybody_says_the_same_of_a_person(person: Person) -> None:
    """Names, dates of birth and addresses in all answers are those of the person's household."""
    home = HOMES[person.key]
    names = {each.birth_name for each in (*home.adults, *home.children)}
    births = {each.birth.isoformat() for each in (*home.adults, *home.children)}
    for endpoint in ENDPOINTS:
        answer = ask(endpoint, parameters_for(endpoint, person))
        if answer.status == 200:
            for name, value in _leaves(answer.json()):
                assert name not in _NAMES or value in names, endpoint.operation
                assert name not in {"date_naissance", "dateNaissance"} or value in births
                assert name not in {"code_postal", "codePostal"} or value == home.address.postcode
                assert name not in {"sexe", "sexe_etat_civil"} or value in {"M", "F"}


def _leaves(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list):
                yield from () if name in _OTHERS else _leaves(inner)
            else:
                yield name, inner


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
def test_everybody_else_is_unknown(endpoint: Endpoint) -> None:
    """Who is none of the fictive persons, and a call that names nobody, is a 404 in the provider's form."""
    assert endpoint.person is not None
    stranger = {
        Meaning.BIRTH_NAME: "ZOLA",
        Meaning.INE: "1111111111A",
        Meaning.ACCOUNT: "zola",
        Meaning.ALLOWANCE: "1111111",
        Meaning.PLATE: "ZZ-999-ZZ",
    }
    parameters = [(each.name, stranger.get(each.meaning, each.example)) for each in endpoint.person.parameters]
    if endpoint.person.mode is CallMode.FRANCE_CONNECT:
        parameters += [("nomNaissance", "ZOLA")]
    for given in (parameters, []):
        answer = ask(endpoint, given)
        assert answer.status == 404
        assert answer.json().keys() == {"message"}


def _with(endpoint: Endpoint, **changes: str) -> list[tuple[str, str]]:
    return [(name, changes.get(name.removesuffix("[]"), value)) for name, value in parameters_for(endpoint, CLAIRE)]


@pytest.mark.parametrize(
    "changes",
    [
        {"nomNaissance": "MARTINS"},
        {"prenoms": "JULIE"},
        {"anneeDateNaissance": "2007"},
        {"moisDateNaissance": "5"},
        {"jourDateNaissance": "24"},
        {"sexeEtatCivil": "M"},
        {"codeCogInseeCommuneNaissance": "75056"},
        {"codeCogInseePaysNaissance": "99352"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_wrong_part_of_an_identity_is_somebody_else(changes: dict[str, str]) -> None:
    """One part that is not the person's, and nobody is found."""
    assert ask(_QUOTIENT, _with(_QUOTIENT)).status == 200
    assert ask(_QUOTIENT, _with(_QUOTIENT, **changes)).status == 404


def test_spellings_of_a_name_are_one() -> None:
    """Case, accents and hyphens do not matter, nor first names that are left out."""
    emma = next(person for person in PERSONS if person.birth_name == "MOREAU-LE GALL")
    gaelle = next(person for person in PERSONS if person.first_names == ("GAËLLE",))
    assert plain("Moreau-Le Gall") == plain("MOREAU LE GALL") == plain(emma.birth_name)
    for person, spelling in ((emma, "moreau le gall"), (gaelle, "Roussel")):
        given = [(name, spelling if name == "nomNaissance" else value) for name, value in pivot_of(person)]
        assert ask(_QUOTIENT, [(name, "gaelle" if value == "GAËLLE" else value) for name, value in given]).status == 200


def test_too_little_finds_nobody() -> None:
    """A name that several bear, alone, is that of several persons: nobody is found, or they say so."""
    assert ask(_QUOTIENT, [("nomNaissance", "LEFEVRE")]).status == 404
    grants = BY_OPERATION["api_particulier_v3_cnous_etudiant_boursier_with_civility"]
    assert ask(grants, [("nomNaissance", "LEFEVRE")]).status == 409


def test_period_is_that_of_the_call() -> None:
    """The month and year that are asked for are those of the answer."""
    answer = ask(_QUOTIENT, [*parameters_for(_QUOTIENT, CLAIRE), ("annee", "2025"), ("mois", "3")])
    quotient = answer.json()["data"]["quotient_familial"]
    assert (quotient["annee"], quotient["mois"]) == (2025, 3)


def test_funds_show_the_household() -> None:
    """A household's file has its adults and children, and is not a child's."""
    for home in HOUSEHOLDS:
        data = ask(_QUOTIENT, pivot_of(home.adults[-1])).json()["data"]
        assert [each["prenoms"] for each in data["enfants"]] == [" ".join(child.first_names) for child in home.children]
        assert data["quotient_familial"]["fournisseur"] == home.fund
        for child in home.children:
            answer = ask(_QUOTIENT, pivot_of(child))
            code = {"CNAF": "23003", "MSA": "10003"}[home.fund]
            assert (answer.status, answer.json()["errors"][0]["code"]) == (404, code)


def test_pupils_are_found_where_they_are_looked_for() -> None:
    """A pupil is found by school, or by degree and department; not elsewhere."""
    pupil = next(person for person in PERSONS if person.key == "titouan-lefevre")
    identity = [(name, value) for name, value in pivot_of(pupil) if "Cog" not in name]

    def status(*search: tuple[str, str]) -> int | None:
        return ask(_PUPIL, [*identity, ("anneeScolaire", "2025"), *search]).status

    assert status(("codeEtablissement", "0229901B")) == 200
    assert status(("codeEtablissement", "0351234A")) == 404
    assert status(("degreEtablissement", "2D"), ("codesBcnDepartements[]", "022")) == 200
    assert status(("degreEtablissement", "2D"), *(("codesBcnDepartements[]", code) for code in ("75", "22"))) == 200
    assert status(("degreEtablissement", "2D"), ("codesBcnDepartements[]", "75")) == 404
    assert status(("degreEtablissement", "1D"), ("codesBcnDepartements[]", "022")) == 404
    assert status(("degreEtablissement", "2D"), ("codesBcnRegions[]", "17")) == 200


def test_vehicle_of_another_person() -> None:
    """A plate that is not the person's is refused with the provider's own error."""
    vehicle = next(endpoint for endpoint in ENDPOINTS if "vehicule" in endpoint.operation)
    answer = ask(vehicle, [*pivot_of(CLAIRE), ("immatriculation", "BC-234-DE")])
    assert (answer.status, answer.json()["errors"][0]["code"]) == (404, "42005")
