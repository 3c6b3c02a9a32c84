"""The schemas of the catalogue against the published ones."""

import functools
import json
from pathlib import Path
from typing import Any

import pytest

from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from conformance.conftest import NEWER, OURS
from conformance.facts import facts

Json = dict[str, Any]

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "schemas.json"

ENFORCED = {
    "api_entreprise_v2_entreprises_restored": "insee/v2/entreprise",
    "api_entreprise_v2_etablissements_restored": "insee/v2/etablissement",
    "api_entreprise_v2_liasses_fiscales_dgfip": "liasse_fiscale_declaration",
    "api_entreprise_v2_liasses_fiscales_dictionaries_dgfip": "liasse_fiscale_dictionary",
    "api_entreprise_v2_liasses_fiscales_complete_dgfip": "liasse_fiscale_complete",
}
"""Operations of v2 whose schema was enforced by a test, which says more than the published document."""

ENVELOPE = ["data", "links", "meta"]

CORRECTIONS = {
    "type `date`": "no such type: a string of format `date`",
    "format `boolean`": "no such format of a string: dropped",
    "boolean enumeration": "true and false are all that there is: dropped",
    "integer enumeration of texts": "the values are those of the type",
    "nullable enumeration": "null is one of its values, as JSON Schema wants it",
    "envelope": "`data`, `links` and `meta` are all required: the gateway answers nothing less",
    "`donnees` of v2": "an array, with the value that the published test puts beside the schema",
}
"""Where the published schemas contradict themselves: what ours say instead."""


@functools.cache
def reference() -> Json:
    """The published schemas."""
    if not REFERENCE.exists():
        pytest.skip("the published schemas are not part of this clone (../shared/reference)")
    schemas: Json = json.loads(REFERENCE.read_text())
    return schemas


def published(operation: str) -> Json:
    """What is published of the body of an operation."""
    schemas = reference()
    if operation in schemas["api_entreprise"]:
        return {**schemas["api_entreprise"][operation]["schema"], "required": ENVELOPE}
    if operation in ENFORCED:
        return schemas["legacy_v2_test_schemas"][ENFORCED[operation]]  # type: ignore[no-any-return]
    schema: Json = schemas["legacy_v2"][operation]["schema"]
    if list(schema.get("properties", ())) == ["url"]:
        return schemas["legacy_v2_runtime_notes"]["all_document_endpoints"]["schema"]  # type: ignore[no-any-return]
    return schema


def facts_of(node: Json) -> Json:
    """What both sides must agree on."""
    return facts(node, _resolved)


def _resolved(node: Json) -> Json:
    """What a published schema stands for: one refers to another, one is an array or an object of the same entries."""
    if "$ref" in node:
        found: Json = reference()["legacy_v2_test_schemas"]["insee/v2/etablissement_only"]
        return found
    return DONNEES if isinstance(node["type"], list) and set(node["type"]) == {"array", "object"} else node


DONNEES: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["code_nref"],
        "properties": {
            "code_nref": {"type": "string"},
            "valeur": {"type": "string"},
            "valeurs": {
                "type": "object",
                "required": ["indiceRepetition", "valeur"],
                "properties": {"indiceRepetition": {"type": "string"}, "valeur": {"type": "string"}},
            },
        },
    },
}


def nullable_enumerations(node: Any) -> list[Json]:
    """The enumerations of a schema whose type allows null."""
    if isinstance(node, list):
        return [found for item in node for found in nullable_enumerations(item)]
    if not isinstance(node, dict):
        return []
    own = [node] if isinstance(node.get("enum"), list) and "null" in node.get("type", ()) else []
    return own + [found for value in node.values() for found in nullable_enumerations(value)]


def test_every_published_operation_has_its_schema() -> None:
    """There is a schema for each published operation, and for no other."""
    assert set(SCHEMAS.operations) - OURS - NEWER == {*reference()["api_entreprise"], *reference()["legacy_v2"]}


@pytest.mark.parametrize("operation", sorted(set(SCHEMAS.operations) - OURS - NEWER))
def test_schema_is_the_published_one(operation: str) -> None:
    """Fields, types, nullability, enumerations and what is required are as published, but for the corrections."""
    assert facts_of(SCHEMAS.of(operation)) == facts_of(published(operation))


@pytest.mark.parametrize("operation", SCHEMAS.operations)
def test_null_is_a_value_of_a_nullable_enumeration(operation: str) -> None:
    """An enumeration that may be null lists null, without which no null would be valid."""
    assert all(None in found["enum"] for found in nullable_enumerations(SCHEMAS.of(operation)))


def test_descriptions_are_our_own() -> None:
    """No sentence of ours stands in the published schemas."""
    text = json.dumps(reference(), ensure_ascii=False)
    assert not [sentence for sentence in SCHEMAS.descriptions.values() if sentence in text]


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_corrections_have_a_reason(correction: str) -> None:
    """Every correction says what our schemas say instead."""
    assert CORRECTIONS[correction]
