"""What two schemas of a body must agree on, whichever dialect each is written in."""

from collections.abc import Callable
from typing import Any

from conformance.conftest import Json


def facts(node: Json, resolved: Callable[[Json], Json] = lambda node: node) -> Json:
    """The facts of a schema; `resolved` gives what a node stands for, where it only points at it."""
    node = resolved(node)
    types = set(node["type"]) if isinstance(node["type"], list) else {node["type"]}
    (kind,) = types - {"null"}
    is_nullable = bool(node.get("nullable")) or "null" in types or None in node.get("enum", ())
    found: Json = {"type": "string" if kind == "date" else kind, "nullable": is_nullable}
    if kind == "date":
        found["format"] = "date"
    elif node.get("format") in {"date", "date-time", "uri"}:
        found["format"] = node["format"]
    if "enum" in node and kind != "boolean":
        found["enum"] = _values_of(node["enum"], kind)
    if "pattern" in node:
        found["pattern"] = node["pattern"]
    if kind == "object":
        found["properties"] = {name: facts(value, resolved) for name, value in node.get("properties", {}).items()}
        found["required"] = sorted(node.get("required", ()))
    if kind == "array":
        found["items"] = facts(node["items"], resolved)
    return found


def _values_of(listed: list[Any], kind: str) -> list[Any]:
    """The values of an enumeration, but null, in the enumeration's own type."""
    return [int(value) if kind == "integer" else value for value in listed if value is not None]
