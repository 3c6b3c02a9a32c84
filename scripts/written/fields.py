"""The fields of answers, as rows of a table."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.product import Product

Schema = Mapping[str, Any]
_TYPES = {
    "string": "texte",
    "integer": "entier",
    "number": "nombre",
    "boolean": "booléen",
    "object": "objet",
    "array": "liste",
    "null": "nul",
}
_FORMATS = {"date": "date", "date-time": "date et heure", "uri": "adresse"}


class Field(NamedTuple):
    """One value of an answer."""

    path: str
    """Where it is, without what every answer of its version is wrapped in: `adresse.code_postal`, `exercices[].ca`."""
    kind: str
    meaning: str


def values_of(endpoint: Endpoint, product: Product) -> tuple[Field, ...]:
    """The values of the answer of an operation, each under its full name, without objects and lists themselves."""
    shapes: dict[str, Schema] = {}

    def refer(name: str, schema: Schema) -> Schema:
        shapes[name] = schema
        return {"$ref": name}

    schema = product.schemas.described(endpoint.operation, refer)
    return tuple(dict.fromkeys(_values(schema, "", shapes, "")))


def _values(schema: Schema, path: str, shapes: Mapping[str, Schema], words: str) -> Iterator[Field]:
    words = schema.get("description", words)
    if "$ref" in schema:
        yield from _values(shapes[schema["$ref"]], path, shapes, words)
    elif "properties" in schema:
        for name, inner in schema["properties"].items():
            if path or name not in {"links", "meta"} or "data" not in schema["properties"] or inner.get("properties"):
                yield from _values(inner, f"{path}.{name}" if path else name, shapes, "")
    elif "items" in schema:
        yield from _values(schema["items"], f"{path}[]", shapes, words)
    elif "anyOf" in schema or "oneOf" in schema:
        for inner in schema.get("anyOf", schema.get("oneOf", ())):
            if inner.get("type") != "null":
                yield from _values(inner, path, shapes, words)
    elif path:
        yield Field(path, _kind(schema), words)


def _kind(schema: Schema) -> str:
    types = schema.get("type", ())
    types = [types] if isinstance(types, str) else list(types)
    named = [
        _FORMATS.get(schema.get("format", ""), _TYPES[name]) if name == "string" else _TYPES[name] for name in types
    ]
    return " ou ".join(named)
