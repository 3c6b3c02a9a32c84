"""The schemas of API Particulier against the published ones."""

import json

import pytest

from apientreprise_gateway.providers.particulier.schemas import SCHEMAS
from conformance.conftest import Json, load_schemas
from conformance.differences import NONE, Aspect
from conformance.facts import facts
from conformance.particulier import CATALOGUE, NEWER, SUCCESSOR, listed

PUBLISHED = load_schemas()
CORRECTIONS = {
    "boolean enumeration": "true and false are all that there is: dropped",
    "nullable enumeration": "an enumeration that lists null may be null, whether or not its type says so",
}
"""Where the published schemas contradict themselves: what ours say instead."""

each_operation = pytest.mark.parametrize("operation", sorted(CATALOGUE.keys() - NEWER))


def published(operation: str) -> Json:
    """What is published of the body of an operation."""
    for part in ("api_particulier_v3_plus", "api_particulier_v2", "changed_in_successor_2026_04_28"):
        if operation in PUBLISHED[part]:
            schema: Json = PUBLISHED[part][operation]["schema"]
            return schema
    raise KeyError(operation)


def take_listed(schema: Json, operation: str) -> None:
    """Take out of our schema the fields that are listed as ours alone; each has to be there, and optional."""
    for reference, path in listed(Aspect.SCHEMA, operation):
        assert reference == NONE
        *outer, name = path.split(".")
        node = schema
        for step in outer:
            node = node["properties"][step]
        assert name not in node["required"]
        del node["properties"][name]


def test_every_published_operation_has_its_schema() -> None:
    """There is a schema for each published operation, and for no other but newer ones."""
    assert set(SCHEMAS.operations) - NEWER - {SUCCESSOR} == {
        *PUBLISHED["api_particulier_v3_plus"],
        *PUBLISHED["api_particulier_v2"],
    }


@each_operation
def test_schema_is_the_published_one(operation: str) -> None:
    """Fields, types, nullability, enumerations and what is required are as published, but for what is listed."""
    ours = facts(SCHEMAS.of(operation))
    take_listed(ours, operation)
    assert ours == facts(published(operation))


def test_descriptions_are_our_own() -> None:
    """No sentence of ours stands in the published schemas."""
    text = json.dumps(PUBLISHED, ensure_ascii=False)
    assert not [sentence for sentence in SCHEMAS.descriptions.values() if sentence in text]


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_corrections_have_a_reason(correction: str) -> None:
    """Every correction says what our schemas say instead."""
    assert CORRECTIONS[correction]
