"""Tests of the catalogue as data."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from apientreprise_gateway.catalogue.document import Terms, catalogue
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS
from support.invented import INVENTED

WHOLE = catalogue(PRODUCTS, Terms())
BY_NAME: dict[str, Any] = {each["operation"]: each for each in WHOLE["operations"]}
ENDPOINTS = {endpoint.operation: endpoint for product in PRODUCTS for endpoint in product.endpoints}
QUOTIENT = "api_particulier_v3_cnav_quotient_familial_with_civility"
TAX = "api_entreprise_v4_dgfip_attestations_fiscales"


def field(operation: str, path: str) -> Any:
    """One field of an operation's answer."""
    return next(each for each in BY_NAME[operation]["fields"] if each["path"] == path)


def test_every_operation_is_there_once() -> None:
    """Each endpoint that a provider answers has one entry, in the order of the products."""
    assert [each["operation"] for each in WHOLE["operations"]] == list(ENDPOINTS)
    assert [each["key"] for each in WHOLE["products"]] == [product.key for product in PRODUCTS]


def test_is_json() -> None:
    """The whole is what JSON can hold, and the same each time."""
    assert orjson.loads(orjson.dumps(WHOLE)) == WHOLE
    assert catalogue(PRODUCTS, Terms()) == WHOLE


def test_entries_have_the_same_keys() -> None:
    """A reader finds every key in every entry."""
    assert len({tuple(each) for each in WHOLE["operations"]}) == 1


def test_every_field_is_described() -> None:
    """Each field of each answer has a type, a description, and says whether it may be null or absent."""
    for operation, each in BY_NAME.items():
        assert each["fields"], operation
        for one in each["fields"]:
            assert one["description"], (operation, one["path"])
            assert isinstance(one["type"], str)
            assert {one["nullable"], one["required"]} <= {True, False}


def test_what_a_document_is() -> None:
    """An entry says what a call takes, what it may cost, and what comes back."""
    entry = BY_NAME[TAX]
    assert (entry["answer"], entry["client_timeout"], entry["group"]) == ("document", 12, "attestation_fiscale")
    assert entry["document"] == {
        "kinds": ["pdf"],
        "field": ["data", "document_url"],
        "optional": False,
        "seconds": None,
    }
    assert entry["traceability"] == ["context", "object", "recipient", "user_id"]
    assert (entry["cache"], entry["newer_versions"]) == ("jusqu'à 8 h, heure de Paris", [])
    assert [(each["name"], each["in"], each["kind"]) for each in entry["parameters"]] == [("siren", "path", "siren")]
    assert entry["ping"]["path"].startswith("/ping/")
    assert (field(TAX, "data.document_url")["type"], field(TAX, "data")["type"]) == ("string", "object")


def test_what_a_person_is_found_by() -> None:
    """An operation about persons says how one is found, and with which parameters."""
    entry = BY_NAME[QUOTIENT]
    assert (entry["call_mode"], entry["france_connect"]) == ("identite", False)
    assert (entry["limit"], entry["seconds"], entry["client_timeout"]) == (20, 1, 5)
    assert [each["name"] for each in entry["identity_parameters"] if each["several"]] == ["prenoms[]"]
    assert entry["token"] == {"bearer": True, "header": "X-Api-Key", "parameter": None}
    assert BY_NAME["api_particulier_v2_cnav_prime_activite"]["traceability_optional"] == ["recipient"]


def test_terms_of_a_deployment() -> None:
    """Limits and the need for `user_id` are those that a deployment sets."""
    limit = ENDPOINTS[TAX].group.limit.setting
    rows = catalogue(PRODUCTS, Terms({limit: 7}, lambda _: False))["operations"]
    entry = next(each for each in rows if each["operation"] == TAX)
    assert (entry["limit"], entry["traceability"]) == (7, ["context", "object", "recipient"])


def _masked() -> Iterator[Endpoint]:
    return (each for each in ENDPOINTS.values() if each.mask is not None)


def test_scopes_that_show_fields() -> None:
    """Each rule of a mask is among the conditions of its field and of all that lies in it, and no others are."""
    for endpoint in _masked():
        assert endpoint.mask is not None
        rules = endpoint.mask.fields
        for one in BY_NAME[endpoint.operation]["fields"]:
            path = one["path"]
            holding = [needs for rule, needs in rules.items() if _holds(rule, path)]
            expected = {frozenset({scope}) for needs in holding for scope in needs.all_of}
            expected |= {needs.any_of for needs in holding if needs.any_of}
            assert set(map(frozenset, one["shown_by"])) == expected, (endpoint.operation, path)
            assert ("entries_shown_by" in one) == (path in endpoint.mask.populations)


def _holds(rule: str, path: str) -> bool:
    return path == rule or path.startswith((f"{rule}.", f"{rule}[]"))


def test_all_of_an_answer_is_shown_without_a_mask() -> None:
    """Where no mask is, whoever may ask sees every field."""
    assert not any(one["shown_by"] for each in BY_NAME.values() if not _has_mask(each) for one in each["fields"])


def _has_mask(entry: dict[str, Any]) -> bool:
    return ENDPOINTS[entry["operation"]].mask is not None


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_use_cases_name_current_operations(product: Product) -> None:
    """A use case names operations of its product that are not deprecated, and every one of those serves some."""
    known = {endpoint.operation for endpoint in product.endpoints if not endpoint.deprecated}
    named = {name for case in product.use_cases for name in (*case.operations, *case.optional)}
    assert named == known
    assert all(case.operations and case.description.endswith(".") for case in product.use_cases)
    assert len({case.key for case in product.use_cases}) == len(product.use_cases)


def test_entries_name_their_use_cases() -> None:
    """An entry names the use cases that name it, and says where it is not always needed."""
    for product in WHOLE["products"]:
        for case in product["use_cases"]:
            for optional, names in ((False, case["operations"]), (True, case["optional"])):
                expected = {"key": case["key"], "title": case["title"], "optional": optional}
                assert all(expected in BY_NAME[name]["use_cases"] for name in names)


WITHOUT_SUCCESSOR = {
    "api_entreprise_v2_attestations_agefiph",
    "api_entreprise_v2_certificats_agence_bio",
    "api_entreprise_v2_conventions_collectives",
    "api_entreprise_v2_extraits_courts_inpi",
    "api_entreprise_v3_fabrique_numerique_ministeres_sociaux_conventions_collectives",
}
"""Deprecated operations whose data nothing gives any more."""


def test_deprecated_operations_lead_to_current_ones() -> None:
    """A deprecated entry names what to call in its place, which is never deprecated; a current one names nothing."""
    for operation, entry in BY_NAME.items():
        newer = [each["operation"] for each in entry["newer_versions"]]
        assert not any(BY_NAME[name]["deprecated"] for name in newer)
        assert bool(newer) == (entry["deprecated"] and operation not in WITHOUT_SUCCESSOR), operation


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_replaced_operations_exist(product: Product) -> None:
    """What is said to be replaced is a deprecated operation of the product, by operations of the product."""
    own = {endpoint.operation: endpoint for endpoint in product.endpoints}
    assert all(own[name].deprecated for name in product.replaced)
    assert all(name in own for newer in product.replaced.values() for name in newer)


def test_any_product_has_a_catalogue() -> None:
    """A product without use cases, replaced operations or meanings of fields is told as any other."""
    whole = catalogue((INVENTED,), Terms())
    assert [each["operation"] for each in whole["operations"]] == [each.operation for each in INVENTED.endpoints]
    assert whole["products"][0]["use_cases"] == []
    assert {tuple(each) for each in whole["operations"]} == {tuple(each) for each in WHOLE["operations"]}
