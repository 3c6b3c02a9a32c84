"""Tests of API Particulier as a whole: its product, its operations, and the schemas of their answers."""

import re
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from apientreprise_gateway.auth.token import token_reader
from apientreprise_gateway.contract.codes import PROVIDER_ERRORS
from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.error_forms import OBJECTS
from apientreprise_gateway.contract.errors import GATEWAY_PREFIX, refuse
from apientreprise_gateway.contract.identification import CallMode
from apientreprise_gateway.contract.masks import Masks
from apientreprise_gateway.contract.routes import Routes
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from apientreprise_gateway.providers.particulier.ants import OTHER_OWNER
from apientreprise_gateway.providers.particulier.flat_errors import FLAT
from apientreprise_gateway.providers.particulier.groups import PARTICULIER as GROUP
from apientreprise_gateway.providers.particulier.product import PARTICULIER, PROVIDERS
from apientreprise_gateway.providers.particulier.schemas import SCHEMAS

ENDPOINTS = list(PARTICULIER.endpoints)
BY_NAME = {endpoint.operation: endpoint for endpoint in ENDPOINTS}
KEY = {b"x-api-key": b"key"}
BEARER = {b"authorization": b"Bearer bearer"}
each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.key)


# The product.


def test_nothing_is_shared_with_the_other_product() -> None:
    """Operations, paths, pages, groups, settings, pings and the keys of providers are no other product's."""
    sides = [
        {
            product.key,
            product.name,
            product.specification,
            product.errors,
            *(page.path for page in product.privileges),
            *(endpoint.operation for endpoint in product.endpoints),
            *(endpoint.path for endpoint in product.endpoints),
            *(group.name for group in product.groups),
            *(group.limit.setting for group in product.groups),
            *(provider.key for provider in product.providers),
            *(ping.key for provider in product.providers for ping in provider.pings),
        }
        for product in (ENTREPRISE, PARTICULIER)
    ]
    assert not sides[0] & sides[1]


def test_paths_of_both_products() -> None:
    """Both products are found by their paths in one tree, at the versions that each endpoint has."""
    routes = Routes((*ENTREPRISE.providers, *PROVIDERS))
    for endpoint in ENDPOINTS:
        match = routes.find(endpoint.path.encode("ascii"))
        assert match is not None
        assert match.route is not None
        assert match.route.endpoint is endpoint


def test_one_window_for_all() -> None:
    """All endpoints count together, in one window of one second."""
    assert {endpoint.group for endpoint in ENDPOINTS} == {GROUP}
    assert (GROUP.limit.calls, GROUP.seconds, GROUP.limit.setting) == (20, 1, "limit_particulier")


@pytest.mark.parametrize(
    ("number", "headers", "parameters", "token"),
    [
        (2, KEY, {}, "key"),
        (2, {}, {"token": "t"}, "t"),
        (2, KEY, {"token": "t"}, "key"),
        (2, BEARER, {}, None),
        (3, BEARER, {}, "bearer"),
        (3, KEY, {}, "key"),
        (5, BEARER | KEY, {}, "bearer"),
        (4, {}, {"token": "t"}, None),
    ],
)
def test_where_the_token_stands(
    number: int, headers: dict[bytes, bytes], parameters: dict[str, str], token: str | None
) -> None:
    """In v2 the token is a key of its own or a parameter; later it is a bearer's, or that key."""
    (version,) = [each for each in PARTICULIER.versions if each.number == number]
    assert token_reader(version.token)(headers, parameters) == token


def test_what_a_version_asks_for() -> None:
    """v2 requires nothing and has flat errors; later versions require a SIRET, and have errors as objects."""
    flat, *later = PARTICULIER.versions
    assert (flat.path, flat.traceability.required, flat.errors.name) == ("/api/v2/", (), FLAT.name)
    assert [version.path for version in later] == ["/v3/", "/v4/", "/v5/"]
    assert all(version.errors.name == OBJECTS.name for version in later)
    assert all(version.traceability.required == ("recipient",) for version in later)
    assert all(version.traceability.siret_recipient for version in PARTICULIER.versions)


def test_no_error_names_a_page_that_is_not_served() -> None:
    """Where a right is missing, every version says which page of this product lists those of the token."""
    refusal = refuse("00100")
    for version in PARTICULIER.versions:
        body = version.errors.render(refusal, None)[1].decode()
        assert "/api/introspect" in body
        assert "/privileges" not in body


def test_introspection() -> None:
    """What a token opens is told with its id."""
    (page,) = PARTICULIER.privileges
    assert page.path == "/api/introspect"
    assert page.body("a-b", frozenset({"b", "a"})) == {"_id": "a-b", "name": "", "scopes": ["a", "b"]}


def test_what_is_gone_is_not_served() -> None:
    """A path that is gone is no endpoint's; the family composition by allowance number is not gone."""
    paths = {endpoint.path for endpoint in ENDPOINTS}
    assert not paths & set(PARTICULIER.gone)
    assert "/api/v2/composition-familiale" in paths


# Its operations.


@each_endpoint
def test_how_a_person_is_found(endpoint: Endpoint) -> None:
    """The last segment of a path is the mode of its calls from v3 on; in v2 the parameters say it."""
    person = endpoint.person
    assert person is not None
    assert person.mode == (CallMode.QUERY if endpoint.flat else endpoint.path.rpartition("/")[2])
    names = [parameter.name for parameter in person.parameters]
    assert len(set(names)) == len(names)
    assert all(parameter.description.endswith(".") for parameter in person.parameters)
    assert all(re.fullmatch(r"00\d{3}", code) for code in person.codes)
    assert list(person.codes) == sorted(person.codes)


def test_families() -> None:
    """A family has one set of parameters; versions of grants differ in how many first names there may be."""
    families: dict[str, set[tuple[str, ...]]] = {}
    for endpoint in ENDPOINTS:
        assert endpoint.person is not None
        names = tuple(parameter.name for parameter in endpoint.person.parameters)
        families.setdefault(endpoint.person.family, set()).add(names)
    assert all(len(names) == 1 for names in families.values())


@each_endpoint
def test_texts(endpoint: Endpoint) -> None:
    """A summary is one line of French; nothing is asked for in the path."""
    assert re.fullmatch(r"[A-ZÉ].{10,119}[^.\s]", endpoint.summary)
    assert endpoint.scopes
    assert endpoint.parameters == ()


@each_provider
def test_own_errors(provider: Provider) -> None:
    """An error of its own says who has it, with a title and a sentence, and is none that any provider may have.

    One was published although any provider may have its code; an error of the gateway's range names nobody.
    """
    for code in provider.errors:
        (error,) = provider.own_error(code, status=404).errors
        assert error.title.strip()
        assert error.detail.strip().endswith(".")
        if code.startswith(GATEWAY_PREFIX):
            assert error.meta == {}
        else:
            assert error.meta["provider"]
            assert code == OTHER_OWNER or code[2:] not in PROVIDER_ERRORS or code[:2] != provider.prefix
    used = {code for endpoint in provider.endpoints for codes in endpoint.codes.values() for code in codes}
    assert used == set(provider.errors)


def test_an_error_names_the_fund_that_has_it() -> None:
    """Who knows no file of a person is a fund, whichever provider was asked."""
    (cnav,) = [provider for provider in PROVIDERS if provider.key == "cnav"]
    names = {code: cnav.own_error(code, status=404).errors[0].meta["provider"] for code in ("10003", "23003", "40003")}
    assert names == {"10003": "MSA", "23003": "CNAF", "40003": "RNCPS"}


# Schemas and masks.


def test_there_is_one_schema_per_operation() -> None:
    """Every operation of the catalogue has its entry, once, and nothing else has one."""
    assert sorted(SCHEMAS.operations) == sorted(BY_NAME)


@each_endpoint
def test_schemas_are_valid(endpoint: Endpoint) -> None:
    """Each is a JSON Schema, with an envelope unless it is of v2, and a description of one line."""
    schema = SCHEMAS.of(endpoint.operation)
    Draft202012Validator.check_schema(schema)
    assert ("links" in schema["properties"]) is not endpoint.flat
    assert re.fullmatch(r"[A-ZÉ].{15,110}[^.\s]", SCHEMAS.descriptions[endpoint.operation])


@each_endpoint
def test_masks_are_of_fields(endpoint: Endpoint) -> None:
    """Every rule of a mask is about a field of the schema, and every scope that it asks for opens the endpoint."""
    if endpoint.mask is None:
        assert len(endpoint.scopes) == 1
        return
    Masks(endpoint.mask, SCHEMAS.of(endpoint.operation))
    assert endpoint.mask.scopes <= set(endpoint.scopes)


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [
        ({"mesri_admission"}, [{}, {}, {"statut": "admis"}]),
        ({"mesri_inscription_etudiant"}, [{"statut": "inscrit", "regime": "formation initiale"}, {}, {}]),
        ({"mesri_inscription_autre"}, [{}, {"statut": "inscrit", "regime": "formation continue"}, {}]),
        (
            {"mesri_inscription_autre", "mesri_etablissements"},
            [{}, {"statut": "inscrit", "regime": "formation continue", "codeCommune": "35238"}, {}],
        ),
        ({"mesri_etablissements"}, [{}, {}, {}]),
        ({"mesri_identite"}, None),
    ],
)
def test_populations_of_students(scopes: set[str], seen: list[dict[str, str]] | None) -> None:
    """In v2 a scope opens the students of its own population; the others are left empty."""
    entries = [
        {"statut": "inscrit", "regime": "formation initiale", "codeCommune": "35238"},
        {"statut": "inscrit", "regime": "formation continue", "codeCommune": "35238"},
        {"statut": "admis", "codeCommune": "35238"},
    ]
    assert (
        masked("api_particulier_v2_mesri_student_status", {"inscriptions": entries}, scopes).get("inscriptions") == seen
    )


def test_a_level_of_grants_needs_two_scopes() -> None:
    """In v2 the level of a pupil's grant is for who may see the grant and the levels."""
    operation, body = "api_particulier_v2_men_scolarites", {"code_etablissement": "0351234A", "niveau_bourse": 2}
    school = {"code_etablissement": "0351234A"}
    assert masked(operation, body, {"men_echelon_bourse"}) == school
    assert masked(operation, body, {"men_statut_boursier"}) == school
    assert masked(operation, body, {"men_statut_boursier", "men_echelon_bourse"}) == body


def test_an_identity_is_never_given_back_by_token() -> None:
    """Where FranceConnect says who the person is, an identity that comes is left out without its scope."""
    operation = "api_particulier_v3_mesri_statut_etudiant_with_france_connect"
    body = {"data": {"admissions": [], "identite": {"prenom": "CLAIRE"}}, "links": {}, "meta": {}}
    scopes = {scope for scope in BY_NAME[operation].scopes if "_identite" not in scope}
    assert masked(operation, body, scopes)["data"] == {"admissions": []}


def masked(operation: str, body: dict[str, Any], scopes: set[str]) -> dict[str, Any]:
    """What of a body may be seen by who holds these scopes."""
    mask = BY_NAME[operation].mask
    assert mask is not None
    seen: dict[str, Any] = orjson.loads(Masks(mask, SCHEMAS.of(operation)).apply(orjson.dumps(body), frozenset(scopes)))
    return seen


# Pings.


def test_pings() -> None:
    """Each ping watches operations of its provider, and no operation has two."""
    for provider in PROVIDERS:
        watched = [
            endpoint.operation
            for ping in provider.pings
            for endpoint in provider.endpoints
            if ping.covers(endpoint.operation)
        ]
        assert len(set(watched)) == len(watched)
