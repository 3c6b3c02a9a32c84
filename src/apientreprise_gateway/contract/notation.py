"""Translation of the compact notation of schemas (`providers/schemas.py`) into JSON Schema."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

Schema = dict[str, Any]
"""A JSON Schema."""
Words = Mapping[str, str]
"""Descriptions of fields, by their names."""

_MARK: Final = "?"
_SCALARS: Final[Mapping[str, Schema]] = MappingProxyType(
    {
        "string": {"type": "string"},
        "integer": {"type": "integer"},
        "number": {"type": "number"},
        "boolean": {"type": "boolean"},
        "date": {"type": "string", "format": "date"},
        "date-time": {"type": "string", "format": "date-time"},
        "url": {"type": "string", "format": "uri"},
    }
)


def body_schema(entry: Mapping[str, Any], words: Words) -> Schema:
    """The schema of a whole body, from the entry of its operation."""
    if "body" in entry:
        return json_schema(entry["body"], words)
    data = json_schema(entry["data"], words) if "data" in entry else _collection(entry, words)
    properties = {"data": data, "links": _part(entry, "links", words), "meta": _part(entry, "meta", words)}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _collection(entry: Mapping[str, Any], words: Words) -> Schema:
    properties = {
        "data": json_schema(entry["entries"], words),
        "links": {"type": "object"},
        "meta": _part(entry, "entry_meta", words),
    }
    return {"type": "array", "items": {"type": "object", "properties": properties}}


def _part(entry: Mapping[str, Any], name: str, words: Words) -> Schema:
    return json_schema(entry[name], words) if name in entry else {"type": "object"}


def json_schema(node: Any, words: Words) -> Schema:
    """The schema of one value.

    Raises:
        ValueError: the notation has no such type.
    """
    if isinstance(node, str):
        return _scalar(node)
    if isinstance(node, dict):
        return _object(node, words)
    return _list(node, words)


def _scalar(notation: str) -> Schema:
    name = notation.removesuffix(_MARK)
    if name.startswith("/") and name.endswith("/"):
        schema: Schema = {"type": "string", "pattern": f"^{name[1:-1]}$"}
    elif name in _SCALARS:
        schema = dict(_SCALARS[name])
    else:
        raise ValueError(f"no type is noted {notation!r}")
    return _nullable(schema) if notation.endswith(_MARK) else schema


def _object(node: Mapping[str | None, Any], words: Words) -> Schema:
    fields = {name: value for name, value in node.items() if name is not None}
    schema: Schema = {
        "type": "object",
        "properties": {name.removesuffix(_MARK): _field(name, value, words) for name, value in fields.items()},
    }
    required = [name for name in fields if not name.endswith(_MARK)]
    if required:
        schema["required"] = required
    return _nullable(schema) if None in node else schema


def _field(name: str, node: Any, words: Words) -> Schema:
    schema = json_schema(node, words)
    meaning = words.get(name.removesuffix(_MARK))
    return schema if meaning is None else {"description": meaning, **schema}


def _list(node: list[Any], words: Words) -> Schema:
    """An array of the one type that is noted, or else an enumeration."""
    entries = [entry for entry in node if entry is not None]
    if len(entries) == 1 and _is_type(entries[0]):
        schema: Schema = {"type": "array", "items": json_schema(entries[0], words)}
    else:
        schema = {"type": "integer" if isinstance(entries[0], int) else "string", "enum": entries}
    return _nullable(schema) if len(entries) < len(node) else schema


def _is_type(entry: Any) -> bool:
    return not isinstance(entry, str | int) or str(entry).removesuffix(_MARK) in _SCALARS


def _nullable(schema: Schema) -> Schema:
    nullable = {**schema, "type": [schema["type"], "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable
