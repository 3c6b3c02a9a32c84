"""Guests: persons of the published sandbox, of whom as much is said as of the ordinary person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode, Meaning
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from unit.sandbox.particulier.asking import BY_OPERATION, ENDPOINTS, ask, examples_of

_GUEST = {
    Meaning.BIRTH_NAME: "ASSIN",
    Meaning.FIRST_NAMES: "Marc",
    Meaning.BIRTH_YEAR: "2003",
    Meaning.BIRTH_MONTH: "2",
    Meaning.BIRTH_DAY: "1",
    Meaning.BIRTH_DATE: "2003-02-01",
    Meaning.SEX: "M",
    Meaning.BIRTH_TOWN: "97411",
    Meaning.BIRTH_TOWN_NAME: "Saint-Denis",
    Meaning.BIRTH_DEPARTMENT: "974",
    Meaning.INE: "1234567890A",
    Meaning.ACCOUNT: "12345",
    Meaning.ALLOWANCE: "4400100",
    Meaning.POSTCODE: "44100",
    Meaning.PLATE: "FC-123-AB",
}


def _parameters(endpoint: Endpoint) -> list[tuple[str, str]]:
    assert endpoint.person is not None
    meanings = {each.name: each.meaning for end in ENDPOINTS if end.person for each in end.person.parameters}
    given = ((name, _GUEST.get(meanings[name], value)) for name, value in examples_of(endpoint))
    return list(dict.fromkeys(given))  # who has one first name gives one


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
def test_guests_are_answered(endpoint: Endpoint) -> None:
    """A guest is known to all providers, and what is said has the published fields."""
    answer = ask(endpoint, _parameters(endpoint))
    assert answer.status == 200, answer.body
    schema = PARTICULIER.schemas.of(endpoint.operation)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.json())


def test_a_guest_has_the_identity_of_the_call() -> None:
    """Names, date, sex and place of birth are those that were asked about."""
    endpoint = BY_OPERATION["api_particulier_v3_cnav_participation_familiale_eaje_with_civility"]
    (adult,) = ask(endpoint, _parameters(endpoint)).json()["data"]["allocataires"]
    assert (adult["nom_naissance"], adult["prenoms"], adult["date_naissance"]) == ("ASSIN", "Marc", "2003-02-01")
    assert (adult["sexe"], adult["code_cog_insee_commune_naissance"]) == ("M", "97411")


def test_the_vehicle_of_a_guest_is_whose_it_is_asked_for() -> None:
    """A plate of the published sandbox belongs to whoever FranceConnect vouches for."""
    endpoint = next(each for each in ENDPOINTS if "vehicule" in each.operation)
    assert endpoint.person is not None
    assert endpoint.person.mode is CallMode.FRANCE_CONNECT
    given = [(name, "TM-001-KB" if name == "immatriculation" else value) for name, value in examples_of(endpoint)]
    data = ask(endpoint, given).json()["data"]
    assert data["identite_particulier"]["nom"] == "MARTIN"
    assert data["donnees_immatriculation_vehicule"]["numero_immatriculation"] == "TM-001-KB"


_NAMES = sorted({parameter.name for end in ENDPOINTS if end.person for parameter in end.person.parameters})
_VALUES = st.sampled_from(
    ["", " ", "MARTIN", "ASSIN", "PANNE", "0", "9" * 5000, "²", "-1", "2008", "\0", "ÿ", "a b", "\U0001f600"]
)


@given(
    st.sampled_from(ENDPOINTS),
    st.lists(
        st.tuples(st.sampled_from(_NAMES), _VALUES | st.text(st.characters(exclude_categories=["Cs"]), max_size=9))
    ),
)
def test_any_call_is_answered(endpoint: Endpoint, parameters: list[tuple[str, str]]) -> None:
    """Whatever is sent to the sandbox, without a gateway before it, gets an answer."""
    assert ask(endpoint, parameters).status is not None


def test_errors_of_guests() -> None:
    """Who got an error gets one of the same kind, wherever the call is."""
    seeker = BY_OPERATION["api_particulier_v3_france_travail_statut_with_identifiant"]
    assert ask(seeker, [("identifiant", "internal_error")]).status == 500
    benefit = BY_OPERATION["api_particulier_v3_cnav_prime_activite_with_civility"]
    situdi = [("nomNaissance", "SITUDI"), ("prenoms[]", "Clément")]
    born = [("anneeDateNaissance", "2002"), ("moisDateNaissance", "12"), ("jourDateNaissance", "5")]
    late = ask(benefit, situdi + born)
    assert (late.status, late.json()["errors"][0]["code"]) == (504, "36002")
    assert ask(benefit, situdi).status == 404
