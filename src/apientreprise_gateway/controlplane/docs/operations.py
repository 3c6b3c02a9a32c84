"""What the documentation page shows of a product's operations: each of them alone, and what they are found by."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from apientreprise_gateway.catalogue.fields import fields_of
from apientreprise_gateway.controlplane import openapi
from apientreprise_gateway.controlplane.openapi import Json
from apientreprise_gateway.providers.product import Product

INTRODUCTION: Final = "introduction"
"""Name under which the words stand that the document begins with."""
_COMPONENT: Final = re.compile("#/components/([^/]+)/([^/]+)")


@lru_cache(maxsize=4)
def document_of(product: Product) -> Json:
    """The whole OpenAPI document, kept: to make it takes half a second."""
    return openapi.document(product)


def names(product: Product) -> list[str]:
    """The names of what `alone` makes."""
    own = [endpoint.operation for endpoint in product.endpoints]
    return [INTRODUCTION, *own, *openapi.own_operations(product)]


def alone(product: Product, name: str) -> Json:
    """An OpenAPI document of one operation, with the components that it needs; of none for the introduction."""
    whole = document_of(product)
    paths = {path: {"get": item["get"]} for path, item in whole["paths"].items() if item["get"]["operationId"] == name}
    info = whole["info"] if name == INTRODUCTION else {"title": whole["info"]["title"], "version": ""}
    components = _without_headers(_needed(paths, whole["components"])) if paths else {}
    kept = {key: whole[key] for key in ("openapi", "servers", "security")}
    schemes = whole["components"]["securitySchemes"]
    return kept | {"info": info, "paths": paths, "components": {"securitySchemes": schemes, **components}}


def words(product: Product) -> Json:
    """The scopes of each operation and the paths of the fields of its answer, by the name of the operation."""
    return {
        endpoint.operation: {
            "scopes": list(endpoint.scopes),
            "fields": [field["path"] for field in fields_of(endpoint, product.schemas)],
        }
        for endpoint in product.endpoints
    }


def _without_headers(components: Json) -> Json:
    """The components, with responses that say nothing of their headers: those of errors are the same everywhere."""
    plain = {
        name: {key: value for key, value in response.items() if key != "headers"}
        for name, response in components.get("responses", {}).items()
    }
    return components | {"responses": plain}


def _needed(part: Json, components: Json) -> Json:
    """The components that a part of the document refers to, directly or by way of others."""
    found: dict[str, Json] = {}
    waiting: list[Any] = [part]
    while waiting:
        for section, name in _references(waiting.pop()):
            if name not in found.setdefault(section, {}):
                found[section][name] = components[section][name]
                waiting.append(components[section][name])
    return found


def _references(value: object) -> Iterator[tuple[str, str]]:
    """The section and name of each component that a value refers to."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and (match := _COMPONENT.match(reference)):
            yield match[1], match[2]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
