"""Translation of the compact notation of schemas (`providers/schemas.py`) into JSON Schema."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

Schema = dict[str, Any]
"""A JSON Schema."""
Path = tuple[str, ...]
"""Names of a field and of what it lies in, outermost first; the entries of an array have no name of their own."""


class Notes:
    """What a translation adds to the notation: here nothing."""

    def meaning(self, path: Path) -> str | None:
        """What the field means in French, if that is noted."""
        del path
        return None

    def reference(self, node: Any) -> Schema | None:
        """What stands in the place of the schema of this piece of notation, if that stands elsewhere."""
        del node
        return None


_NO_NOTES: Final = Notes()

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


def body_schema(entry: Mapping[str, Any], notes: Notes = _NO_NOTES, path: Path = ()) -> Schema:
    """The schema of a whole body, from the entry of its operation; `path` is the operation's."""
    if "body" in entry:
        return json_schema(entry["body"], notes, (*path, "body"))
    data = _part(entry, "data", notes, path) if "data" in entry else _collection(entry, notes, path)
    properties = {"data": data, "links": _part(entry, "links", notes, path), "meta": _part(entry, "meta", notes, path)}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _collection(entry: Mapping[str, Any], notes: Notes, path: Path) -> Schema:
    properties = {
        "data": _part(entry, "entries", notes, path),
        "links": _part({}, "links", notes, path),
        "meta": _part(entry, "entry_meta", notes, path),
    }
    return _with_meaning(
        {"type": "array", "items": {"type": "object", "properties": properties}}, notes, (*path, "data")
    )


def _part(entry: Mapping[str, Any], name: str, notes: Notes, path: Path) -> Schema:
    schema = json_schema(entry[name], notes, (*path, name)) if name in entry else {"type": "object"}
    return _with_meaning(schema, notes, (*path, name))


def json_schema(node: Any, notes: Notes = _NO_NOTES, path: Path = ()) -> Schema:
    """The schema of one value, or what refers to it; `path` leads to the value.

    Raises:
        ValueError: the notation has no such type.
    """
    return notes.reference(node) or whole_schema(node, notes, path)


def whole_schema(node: Any, notes: Notes, path: Path) -> Schema:
    """As `json_schema`, and never a reference to the value itself."""
    if isinstance(node, str):
        return _scalar(node)
    if isinstance(node, dict):
        return _object(node, notes, path)
    return _list(node, notes, path)


def _scalar(notation: str) -> Schema:
    name = notation.removesuffix(_MARK)
    if name.startswith("/") and name.endswith("/"):
        schema: Schema = {"type": "string", "pattern": f"^{name[1:-1]}$"}
    elif name in _SCALARS:
        schema = dict(_SCALARS[name])
    else:
        raise ValueError(f"no type is noted {notation!r}")
    return _nullable(schema) if notation.endswith(_MARK) else schema


def _object(node: Mapping[str | None, Any], notes: Notes, path: Path) -> Schema:
    fields = {name: value for name, value in node.items() if name is not None}
    schema: Schema = {
        "type": "object",
        "properties": {
            name.removesuffix(_MARK): _field(value, notes, (*path, name.removesuffix(_MARK)))
            for name, value in fields.items()
        },
    }
    required = [name for name in fields if not name.endswith(_MARK)]
    if required:
        schema["required"] = required
    return _nullable(schema) if None in node else schema


def _field(node: Any, notes: Notes, path: Path) -> Schema:
    return _with_meaning(json_schema(node, notes, path), notes, path)


def _with_meaning(schema: Schema, notes: Notes, path: Path) -> Schema:
    meaning = notes.meaning(path)
    return schema if meaning is None else {"description": meaning, **schema}


def _list(node: list[Any], notes: Notes, path: Path) -> Schema:
    """An array of the one type that is noted, or else an enumeration."""
    entries = [entry for entry in node if entry is not None]
    if len(entries) == 1 and _is_type(entries[0]):
        schema: Schema = {"type": "array", "items": json_schema(entries[0], notes, path)}
    else:
        schema = {"type": "integer" if isinstance(entries[0], int) else "string", "enum": entries}
    return _nullable(schema) if len(entries) < len(node) else schema


def _is_type(entry: Any) -> bool:
    return not isinstance(entry, str | int) or str(entry).removesuffix(_MARK) in _SCALARS


def _nullable(schema: Schema) -> Schema:
    nullable = {**schema, "type": [schema["type"], "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable
