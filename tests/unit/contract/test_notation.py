from typing import Any

import pytest
import yaml

from apientreprise_gateway.contract.notation import body_schema, json_schema


def translated(notation: str) -> Any:
    """The schema of a piece of YAML."""
    return json_schema(yaml.safe_load(notation), {})


@pytest.mark.parametrize(
    ("notation", "schema"),
    [
        ("string", {"type": "string"}),
        ("integer?", {"type": ["integer", "null"]}),
        ("date", {"type": "string", "format": "date"}),
        ("date-time?", {"type": ["string", "null"], "format": "date-time"}),
        ("url", {"type": "string", "format": "uri"}),
        (r"/\d{5}/", {"type": "string", "pattern": r"^\d{5}$"}),
        (r"/\d{5}/?", {"type": ["string", "null"], "pattern": r"^\d{5}$"}),
        ("[A, B]", {"type": "string", "enum": ["A", "B"]}),
        ("[A]", {"type": "string", "enum": ["A"]}),
        ("[A, B, ~]", {"type": ["string", "null"], "enum": ["A", "B", None]}),
        ("[0, 1]", {"type": "integer", "enum": [0, 1]}),
        ("[string]", {"type": "array", "items": {"type": "string"}}),
        ("- string?", {"type": "array", "items": {"type": ["string", "null"]}}),
        ("[string, ~]", {"type": ["array", "null"], "items": {"type": "string"}}),
        ("{}", {"type": "object", "properties": {}}),
    ],
)
def test_each_notation_has_its_schema(notation: str, schema: Any) -> None:
    """A type, an enumeration or an array is noted in one line."""
    assert translated(notation) == schema


def test_a_field_is_required_unless_marked() -> None:
    """The mark behind a name makes the field optional, the one behind a type makes its value nullable."""
    assert translated("siren: string\nrna?: string?") == {
        "type": "object",
        "properties": {"siren": {"type": "string"}, "rna": {"type": ["string", "null"]}},
        "required": ["siren"],
    }


def test_an_object_may_be_null() -> None:
    """A null among the entries of a map is no field."""
    assert translated("{~: ~, code: string}")["type"] == ["object", "null"]


def test_an_array_of_objects_is_a_list_of_one_map() -> None:
    """What stands behind the dash is what the array holds."""
    schema = translated("- code: string\n- ~")
    assert schema["type"] == ["array", "null"]
    assert schema["items"]["properties"] == {"code": {"type": "string"}}


def test_an_unknown_type_is_refused() -> None:
    """A misspelt type is an error."""
    with pytest.raises(ValueError, match="strin"):
        translated("{siren: strin}")


def test_a_field_has_its_description() -> None:
    """What a field means is said by its name, optional or not."""
    schema = json_schema({"rge?": "boolean"}, {"rge": "Ce que c'est."})
    assert schema["properties"]["rge"] == {"description": "Ce que c'est.", "type": "boolean"}


def test_the_envelope_is_added() -> None:
    """From v3 on, an entry notes the data; links and meta are there in any case."""
    schema = body_schema({"data": {"siren": "string"}, "meta": {"count": "integer"}}, {})
    assert schema["required"] == ["data", "links", "meta"]
    assert schema["properties"]["links"] == {"type": "object"}
    assert schema["properties"]["meta"]["required"] == ["count"]


def test_a_collection_wraps_its_entries() -> None:
    """Each entry has data, links and meta of its own."""
    data = body_schema({"entries": {"siren": "string"}, "entry_meta": {"id": "string"}}, {})["properties"]["data"]
    assert data["type"] == "array"
    assert data["items"]["properties"]["data"]["required"] == ["siren"]
    assert data["items"]["properties"]["meta"]["required"] == ["id"]


def test_a_body_has_no_envelope() -> None:
    """The body of v2 is noted whole."""
    assert body_schema({"body": {"url": "url"}}, {})["required"] == ["url"]
