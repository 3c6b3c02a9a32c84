"""Tests of the collection of requests."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apientreprise_gateway.catalogue.collection import collection
from apientreprise_gateway.catalogue.document import Terms, catalogue
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.routes import Routes
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS

TEXT = {"type": "string"}
ATTRIBUTES = {"type": "array", "items": {"type": "object", "required": ["key", "value", "type"]}}
FORM: dict[str, Any] = {
    "$defs": {
        "item": {
            "type": "object",
            "required": ["name"],
            "oneOf": [{"required": ["item"]}, {"required": ["request", "response"]}],
            "properties": {
                "name": TEXT,
                "item": {"type": "array", "items": {"$ref": "#/$defs/item"}},
                "response": {"type": "array"},
                "request": {"$ref": "#/$defs/request"},
            },
        },
        "auth": {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"enum": ["bearer", "apikey"]}, "bearer": ATTRIBUTES, "apikey": ATTRIBUTES},
        },
        "parameter": {
            "type": "object",
            "required": ["key", "value"],
            "properties": {"key": TEXT, "value": TEXT, "description": TEXT, "disabled": {"type": "boolean"}},
        },
        "request": {
            "type": "object",
            "required": ["method", "url"],
            "properties": {
                "method": {"const": "GET"},
                "description": TEXT,
                "header": {"type": "array"},
                "auth": {"$ref": "#/$defs/auth"},
                "url": {
                    "type": "object",
                    "required": ["raw", "host", "path"],
                    "properties": {
                        "raw": TEXT,
                        "host": {"type": "array", "items": TEXT},
                        "path": {"type": "array", "items": TEXT},
                        "query": {"type": "array", "items": {"$ref": "#/$defs/parameter"}},
                        "variable": {"type": "array", "items": {"$ref": "#/$defs/parameter"}},
                    },
                },
            },
        },
    },
    "type": "object",
    "required": ["info", "item"],
    "properties": {
        "info": {"type": "object", "required": ["name", "schema"]},
        "auth": {"$ref": "#/$defs/auth"},
        "variable": {"type": "array", "items": {"$ref": "#/$defs/parameter"}},
        "item": {"type": "array", "items": {"$ref": "#/$defs/item"}},
    },
}
"""What we use of the form of collections, version 2.1."""

pytestmark = pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)


def made(product: Product) -> Any:
    """The collection of a product."""
    return collection(catalogue((product,), Terms()))


def requests(items: list[Any]) -> Iterator[Any]:
    """Every request, folder by folder."""
    for item in items:
        if "request" in item:
            yield item["request"]
        else:
            yield from requests(item["item"])


def called(request: Any, routes: Routes) -> Endpoint:
    """The endpoint that a request leads to when its variables are filled in."""
    values = {each["key"]: each["value"] for each in request["url"]["variable"]}
    path = "/".join(values[part[1:]] if part.startswith(":") else part for part in request["url"]["path"])
    match = routes.find(f"/{path}".encode())
    assert match is not None
    assert match.route is not None
    assert all(
        parameter.kind.accepts(value)
        for parameter, value in zip(match.route.endpoint.parameters, match.values, strict=True)
    )
    return match.route.endpoint


def test_form(product: Product) -> None:
    """The collection has the form that its readers know."""
    whole = made(product)
    Draft202012Validator(FORM).validate(whole)
    assert whole["info"]["schema"].endswith("/v2.1.0/collection.json")


def test_every_operation_has_its_request(product: Product) -> None:
    """Each operation is called by one request, whose path has values that pass."""
    routes = Routes(product.providers)
    found = [called(request, routes).operation for request in requests(made(product)["item"])]
    assert sorted(found) == sorted(endpoint.operation for endpoint in product.endpoints)


def test_requests_carry_what_is_required(product: Product) -> None:
    """A request sends every parameter that its endpoint requires, with a value or a variable of the collection."""
    whole = made(product)
    variables = {each["key"] for each in whole["variable"]}
    routes = Routes(product.providers)
    for request in requests(whole["item"]):
        endpoint = called(request, routes)
        sent = {each["key"]: each["value"] for each in request["url"]["query"] if not each["disabled"]}
        needed = set(product.version_of(endpoint).traceability.required)
        needed |= {each.name for each in endpoint.person.parameters if each.required} if endpoint.person else set()
        assert needed <= sent.keys()
        for name, value in sent.items():
            assert value, (endpoint.operation, name)
            assert not value.startswith("{{") or value.strip("{}") in variables
        assert request["url"]["raw"].count("&") == max(len(sent) - 1, 0)


def test_deprecated_versions_are_apart(product: Product) -> None:
    """Deprecated operations are in the last folder, and only there."""
    routes = Routes(product.providers)
    *current, last = made(product)["item"]
    assert not any(called(request, routes).deprecated for request in requests(current))
    assert all(called(request, routes).deprecated for request in requests([last]))


def test_ways_of_the_token(product: Product) -> None:
    """A request passes its token as its version has it, FranceConnect's where that takes its place; none is in it."""
    whole = made(product)
    assert {each["key"]: each["value"] for each in whole["variable"]}["token"] == ""
    routes = Routes(product.providers)
    for request in requests(whole["item"]):
        endpoint = called(request, routes)
        auth = request.get("auth", whole["auth"])
        bearer = product.version_of(endpoint).token.bearer
        assert auth["type"] == ("bearer" if bearer else "apikey")
        by_person = endpoint.person is not None and endpoint.person.mode.value == "france_connect"
        assert ("{{france_connect_token}}" in str(auth)) == by_person
