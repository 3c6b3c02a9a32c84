"""Tests of the list of errors."""

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apientreprise_gateway.contract.codes import GATEWAY_ERRORS, PROVIDER_ERRORS
from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.controlplane.nomenclature import nomenclature, page
from apientreprise_gateway.controlplane.openapi import document
from apientreprise_gateway.controlplane.openapi.nomenclature import SCHEMA
from apientreprise_gateway.providers.entreprise.dossier import DOSSIER
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE, PROVIDERS

ALL = nomenclature(ENTREPRISE)
BODY: Any = json.loads(ALL.body)
DOCUMENT = document(ENTREPRISE)
OPERATIONS = [endpoint.operation for provider in PROVIDERS for endpoint in provider.endpoints]


def entries(errors: Any) -> dict[str, str]:
    """The status of each code."""
    return {entry["code"]: status for status, found in errors.items() for entry in found}


def documented(operation: str) -> dict[str, str]:
    """The status of each code that the OpenAPI document has for an operation."""
    (described,) = [path["get"] for path in DOCUMENT["paths"].values() if path["get"]["operationId"] == operation]
    found: dict[str, str] = {}
    for status, response in described["responses"].items():
        named = DOCUMENT["components"]["responses"].get(response.get("$ref", "").rpartition("/")[2], response)
        for content in named.get("content", {}).values():
            found |= {example.partition("-")[0]: status for example in content.get("examples", {})}
    return found


def test_has_the_described_form() -> None:
    """The body is as its schema says."""
    Draft202012Validator(SCHEMA).validate(BODY)
    assert (BODY["api"], BODY["providers"]["00"], BODY["providers"]["43"]) == (
        "entreprise",
        "API Entreprise",
        "DGFIP - TVA",
    )
    assert BODY["generic_subcodes"].keys() == PROVIDER_ERRORS.keys()
    assert BODY["providers"].keys() - {"00"} == {provider.prefix for provider in PROVIDERS}


@pytest.mark.parametrize("operation", [*OPERATIONS, DOSSIER.endpoint.operation])
def test_says_what_the_document_says(operation: str) -> None:
    """Errors of the gateway and of an operation together hold all that the OpenAPI document gives it, and no other."""
    own = entries(BODY["endpoints"][operation]["errors"])
    common = entries(BODY["platform_codes"])
    assert not own.keys() & common.keys()
    assert own.items() <= documented(operation).items()
    assert documented(operation).items() <= (own | common).items()


def test_every_code_of_the_gateway_is_somewhere() -> None:
    """No code of the gateway's own is left out, but that of its own pages and those of another product."""
    found = set(entries(BODY["platform_codes"]))
    for endpoint in BODY["endpoints"].values():
        found |= set(entries(endpoint["errors"]))
    assert GATEWAY_ERRORS.keys() - found <= {"00907", "00910", "00911"}


def test_titles_and_order() -> None:
    """Codes come by status and by number, each once, with title, detail and `meta`."""
    for errors in (BODY["platform_codes"], *(each["errors"] for each in BODY["endpoints"].values())):
        assert list(errors) == sorted(errors)
        for status, found in errors.items():
            codes = [entry["code"] for entry in found]
            assert codes == sorted(set(codes))
            assert all(entry["title"] and entry["detail"] for entry in found), status
    (late,) = BODY["endpoints"]["api_entreprise_v3_dgfip_tva"]["errors"]["504"]
    assert (late["code"], late["meta"]) == ("43002", {"provider": "DGFIP - TVA"})


@pytest.mark.parametrize("operation", ["api_entreprise_v3_dgfip_tva", "dossiers", OPERATIONS[0]])
def test_one_operation(operation: str) -> None:
    """With the name of an operation, the rest is the same, and its errors are the only ones."""
    assert json.loads(ALL.of(operation)) == {**BODY, "endpoints": {operation: BODY["endpoints"][operation]}}


@pytest.mark.parametrize("operation", [None, ""])
def test_no_operation(operation: str | None) -> None:
    """Without a name, or with an empty one, it is the whole."""
    assert ALL.of(operation) == ALL.body


@pytest.mark.parametrize("operation", ["x", "api_entreprise_v9_dgfip_tva", "api_entreprise_v3_introspect", "é" * 5000])
def test_unknown_operation(operation: str) -> None:
    """An operation that does not exist is 404 with a code; what was sent is not repeated."""
    with pytest.raises(Refusal) as caught:
        ALL.of(operation)
    (error,) = caught.value.errors
    assert (caught.value.status, error.code, error.source) == (404, "00404", {"parameter": "operation_id"})
    assert error.detail == "Aucune opération ne porte ce nom."


def test_is_made_once() -> None:
    """All gateways of a process that offer the same have the same page."""
    assert page(ENTREPRISE) is page(ENTREPRISE)
    assert page(ENTREPRISE) is not page(replace(ENTREPRISE, providers=PROVIDERS[:1]))
