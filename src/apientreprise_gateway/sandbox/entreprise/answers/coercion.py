"""Converts a value into the form that a schema requires."""

import re
from typing import Any, Final

from apientreprise_gateway.contract.notation import Schema
from apientreprise_gateway.sandbox.entreprise.answers.shape import timestamp

MISSING: Final = object()
"""Stands for the absence of a value."""


def kind_of(schema: Schema) -> str:
    """The type that a schema requires, without null."""
    types = schema["type"]
    return str(types if isinstance(types, str) else types[0])


def is_nullable(schema: Schema) -> bool:
    """Whether a schema accepts null."""
    return isinstance(schema["type"], list)


def coerce(value: Any, schema: Schema) -> Any:
    """A value in the form that a schema requires, or `MISSING` if that is impossible.

    A day is given in ISO 8601; a schema may require Unix seconds.
    """
    if value is None:
        return None if is_nullable(schema) else MISSING
    written = _as_kind_of(value, schema)
    if "enum" in schema and written not in schema["enum"]:
        return MISSING
    return MISSING if not _matches(written, schema) else written


def _as_kind_of(value: Any, schema: Schema) -> Any:
    kind = kind_of(schema)
    if kind == "boolean":
        return value if isinstance(value, bool) else MISSING
    if isinstance(value, bool) or kind == "object" or isinstance(value, list) != (kind == "array"):
        return MISSING
    if kind == "integer" and isinstance(value, str):
        return _whole(value)
    if kind == "integer":
        return int(value)
    if kind == "number":
        return value if isinstance(value, int | float) else _whole(value)
    if kind == "string" and schema.get("format") == "date-time":
        return f"{value}T00:00:00Z"
    return value if kind == "array" else str(value)


def _whole(text: str) -> Any:
    """Digits as a number, a day as Unix seconds."""
    if text.isdigit():
        return int(text)
    return timestamp(text) if text[4:5] == "-" else MISSING


def _matches(written: Any, schema: Schema) -> bool:
    if written is MISSING:
        return False
    return "pattern" not in schema or re.search(schema["pattern"], written) is not None
