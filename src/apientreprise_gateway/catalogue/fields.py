"""The fields of answers in the catalogue: what each is, and which scopes show it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.masks import MaskRules, Needs
from apientreprise_gateway.contract.notation import Schema
from apientreprise_gateway.providers.schemas import Schemas

_ENTRY: Final = "[]"
_NULL: Final = "null"
_NO_RULES: Final = MaskRules()
_Shown = list[list[str]]
"""Conditions that all have to hold: of each, one scope is enough."""


def fields_of(endpoint: Endpoint, schemas: Schemas) -> Iterator[dict[str, Any]]:
    """Each field of the body of a success, at every depth; paths are written as in masks."""
    schema = schemas.described(endpoint.operation, lambda _, shape: shape)
    return _fields(schema, "", [], endpoint.mask or _NO_RULES)


def _fields(schema: Schema, start: str, shown: _Shown, mask: MaskRules) -> Iterator[dict[str, Any]]:
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        path = start + name
        conditions = _with(shown, mask.fields.get(path))
        yield _field(inner, path, required=name in required, shown=conditions, mask=mask)
        yield from _fields(inner, f"{path}.", conditions, mask)
    if "items" in schema:
        yield from _fields(schema["items"], f"{start.removesuffix('.')}{_ENTRY}.", shown, mask)


def _field(schema: Schema, path: str, *, required: bool, shown: _Shown, mask: MaskRules) -> dict[str, Any]:
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    field: dict[str, Any] = {
        "path": path,
        "type": next(name for name in types if name != _NULL),
        "nullable": _NULL in types,
        "required": required,
        "description": schema.get("description"),
        "shown_by": shown,
    }
    if "items" in schema:
        field["items"] = _type_of(schema["items"])
    if "enum" in schema:
        field["values"] = [value for value in schema["enum"] if value is not None]
    field |= {name: schema[name] for name in ("format", "pattern") if name in schema}
    opened = mask.populations.get(path)
    return field if opened is None else field | {"entries_shown_by": _plain(opened)}


def _type_of(schema: Schema) -> str:
    types = schema["type"]
    return str(next(name for name in types if name != _NULL) if isinstance(types, list) else types)


def _with(shown: _Shown, needs: Needs | None) -> _Shown:
    """The conditions of a field, from those of what holds it and its own."""
    if needs is None:
        return shown
    own = [[scope] for scope in sorted(needs.all_of)] + ([sorted(needs.any_of)] if needs.any_of else [])
    return shown + [condition for condition in own if condition not in shown]


def _plain(opened: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {scope: dict(values) for scope, values in opened.items()}
