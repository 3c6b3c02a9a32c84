"""The sandbox's answers against the published schemas."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.sandbox.entreprise.answers import ANSWERS
from apientreprise_gateway.sandbox.entreprise.entities import ENTITIES, ORDINARY, Entity
from conformance.conftest import CATALOGUE
from unit.sandbox.calling import ask, path_for

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "schemas.json"

_ENFORCED_V2 = {
    "api_entreprise_v2_entreprises_restored": "insee/v2/entreprise",
    "api_entreprise_v2_etablissements_restored": "insee/v2/etablissement",
    "api_entreprise_v2_liasses_fiscales_dgfip": "liasse_fiscale_declaration",
    "api_entreprise_v2_liasses_fiscales_dictionaries_dgfip": "liasse_fiscale_dictionary",
    "api_entreprise_v2_liasses_fiscales_complete_dgfip": "liasse_fiscale_complete",
}
"""Operations of v2 whose schema was enforced by a test, which is stricter than the published one."""
_BODY_IS_A_LIST = "api_entreprise_v2_certificats_agence_bio"
_CONTRADICTORY = frozenset({"api_entreprise_v2_entreprises_artisanales"})
"""Operations whose published schema cannot be met: whole numbers that are texts, postcodes of nine characters."""

ENDPOINTS = [endpoint for endpoint, _ in CATALOGUE.values() if endpoint.operation not in _CONTRADICTORY]


@functools.cache
def reference() -> dict[str, Any]:
    """The published schemas."""
    if not REFERENCE.exists():
        pytest.skip("the published schemas are not part of this clone (../shared/reference)")
    schemas: dict[str, Any] = json.loads(REFERENCE.read_text())
    return schemas


def as_json_schema(node: Any) -> Any:
    """From the dialect of OpenAPI 3.0, typos included, to JSON Schema."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    converted = {key: as_json_schema(value) for key, value in node.items() if key != "nullable"}
    if converted.get("type") == "date":
        converted |= {"type": "string", "format": "date"}
    if node.get("nullable") is True and isinstance(converted.get("type"), str):
        converted["type"] = [converted["type"], "null"]
        if "enum" in converted:
            converted["enum"] = [*converted["enum"], None]
    return converted


def schema_of(endpoint: Endpoint) -> Any:
    """The JSON Schema of an endpoint's answers."""
    schemas = reference()
    if endpoint.operation == _BODY_IS_A_LIST:
        return as_json_schema(schemas["legacy_v2"][endpoint.operation]["schema"])
    if not endpoint.flat:
        return as_json_schema(schemas["api_entreprise"][endpoint.operation]["schema"])
    if endpoint.operation in _ENFORCED_V2:
        return enforced_v2(schemas["legacy_v2_test_schemas"], _ENFORCED_V2[endpoint.operation])
    published = schemas["legacy_v2"][endpoint.operation]["schema"]
    if list(published.get("properties", ())) == ["url"]:
        return schemas["legacy_v2_runtime_notes"]["all_document_endpoints"]["schema"]
    written = {"required": list(published["properties"])} if endpoint.operation in ANSWERS else {}
    return {**as_json_schema(published), "additionalProperties": False, **written}


def enforced_v2(schemas: dict[str, Any], name: str) -> Any:
    """A schema of v2's tests, with what it refers to put in its place."""
    text = json.dumps(schemas[name])
    establishment = json.dumps(schemas["insee/v2/etablissement_only"])
    return json.loads(text.replace('{"$ref": "./etablissement_only.json"}', establishment))


def queries_of(endpoint: Endpoint) -> Iterator[str]:
    """Queries that change what an endpoint answers."""
    yield ""
    names = {parameter.name for parameter in endpoint.query}
    if "non_diffusables" in names:
        yield "?non_diffusables=true"
    if "nature_effectif" in names:
        for nature in ("moyen", "boeth", "ecap", "assujettissement_oeth"):
            yield f"?profondeur=13&nature_effectif={nature}"


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.display_name)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
def test_answers_are_true_to_their_schema(endpoint: Endpoint, entity: Entity) -> None:
    """Whatever is answered for an entity has the fields, types and values that were published."""
    validator = Draft202012Validator(schema_of(endpoint), format_checker=FormatChecker())
    validated = 0
    for query in queries_of(endpoint):
        answer = ask(path_for(endpoint, entity) + query)
        if answer.status == 200:
            validator.validate(answer.json())
            validated += 1
        else:
            assert answer.status in {403, 404}
    assert validated or entity is not ORDINARY


def test_the_converter_reads_nullable() -> None:
    """`nullable` allows null beside the type and beside the listed values."""
    node = {"type": "string", "nullable": True, "enum": ["A"]}
    assert as_json_schema(node) == {"type": ["string", "null"], "enum": ["A", None]}
    assert as_json_schema({"type": "date"}) == {"type": "string", "format": "date"}
