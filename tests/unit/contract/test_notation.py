from typing import Any

import pytest
import yaml

from apientreprise_gateway.contract.notation import Notes, Path, Schema, body_schema, json_schema


def translated(notation: str) -> Any:
    """The schema of a piece of YAML."""
    return json_schema(yaml.safe_load(notation))


class Described(Notes):
    """Says of each field where it is, and names the value `shape` instead of describing it."""

    def __init__(self, shape: Any = None) -> None:
        self.shape = shape

    def meaning(self, path: Path) -> str | None:
        return "/".join(path)

    def reference(self, node: Any) -> Schema | None:
        return {"$ref": "#/shape"} if node is self.shape else None


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
    """What a field means depends on its path, which has no mark of optional fields and no step for an entry."""
    schema = json_schema({"agrements?": [{"rge?": "boolean"}]}, Described(), ("data",))
    field = schema["properties"]["agrements"]["items"]["properties"]["rge"]
    assert field == {"description": "data/agrements/rge", "type": "boolean"}


def test_a_shape_may_stand_elsewhere() -> None:
    """A reference takes the place of an object, also as an array's entries; the field is described all the same."""
    shape = {"code": "string"}
    schema = json_schema({"pays": shape, "autres": [shape]}, Described(shape))
    assert schema["properties"]["pays"] == {"description": "pays", "$ref": "#/shape"}
    assert schema["properties"]["autres"]["items"] == {"$ref": "#/shape"}


def test_each_part_is_a_step_of_the_path() -> None:
    """Data, entries, links and meta of one operation are told apart."""
    schema = body_schema({"entries": {"siren": "string"}, "meta": {"count": "integer"}}, Described(), ("op",))
    entry = schema["properties"]["data"]["items"]["properties"]["data"]
    assert entry["properties"]["siren"]["description"] == "op/entries/siren"
    assert schema["properties"]["meta"]["properties"]["count"]["description"] == "op/meta/count"


def test_the_envelope_is_added() -> None:
    """From v3 on, an entry notes the data; links and meta are there in any case."""
    schema = body_schema({"data": {"siren": "string"}, "meta": {"count": "integer"}})
    assert schema["required"] == ["data", "links", "meta"]
    assert schema["properties"]["links"] == {"type": "object"}
    assert schema["properties"]["meta"]["required"] == ["count"]


def test_a_collection_wraps_its_entries() -> None:
    """Each entry has data, links and meta of its own."""
    data = body_schema({"entries": {"siren": "string"}, "entry_meta": {"id": "string"}})["properties"]["data"]
    assert data["type"] == "array"
    assert data["items"]["properties"]["data"]["required"] == ["siren"]
    assert data["items"]["properties"]["meta"]["required"] == ["id"]


def test_a_body_has_no_envelope() -> None:
    """The body of v2 is noted whole."""
    assert body_schema({"body": {"url": "url"}})["required"] == ["url"]
