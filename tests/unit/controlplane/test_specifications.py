"""Tests of the pages of OpenAPI documents."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from apientreprise_gateway.controlplane.openapi import document
from apientreprise_gateway.controlplane.specifications import specifications_of
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS

each_product = pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)


def fetch(product: Product, path: str, **headers: str) -> httpx.Response:
    """The answer of one page."""

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(specifications_of(product)[path])
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(run())


def references(value: Any) -> Iterator[str]:
    """Every reference in a document."""
    if isinstance(value, dict):
        yield from (found for inner in value.values() for found in references(inner))
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
    elif isinstance(value, list):
        yield from (found for inner in value for found in references(inner))


@each_product
def test_paths(product: Product) -> None:
    """The documents stand beside that of all versions in YAML, and no two at one path."""
    stem = product.specification.removesuffix(".yaml")
    expected = [f"{stem}{part}" for part in (".yaml", ".json", "-current.yaml", "-current.json")]
    assert [each.path for each in product.specifications] == expected
    assert list(specifications_of(product)) == expected


@each_product
def test_json_is_the_same_document(product: Product) -> None:
    """What is served as JSON is the document, sent squeezed, and only once to who keeps it."""
    path = product.specification.replace(".yaml", ".json")
    answer = fetch(product, path)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-encoding"] in ("br", "gzip")
    assert answer.json() == document(product)
    assert fetch(product, path, **{"if-none-match": answer.headers["etag"]}).status_code == 304


@each_product
def test_what_is_deprecated_is_left_out(product: Product) -> None:
    """The current document has every other operation as the whole one has it, and all that it refers to."""
    whole, current = document(product), document(product, current=True)
    kept = {path: item for path, item in whole["paths"].items() if not item["get"].get("deprecated")}
    assert current["paths"].keys() == kept.keys() < whole["paths"].keys()
    assert [item["get"]["operationId"] for item in current["paths"].values()] == [
        item["get"]["operationId"] for item in kept.values()
    ]
    for reference in set(references(current)):
        part = current
        for name in reference.removeprefix("#/").split("/"):
            part = part[name.replace("~1", "/").replace("~0", "~")]
    assert not {tag["name"] for tag in current["tags"]} - {tag["name"] for tag in whole["tags"]}


def test_yaml_of_what_is_current() -> None:
    """The YAML of the current document reads as the document itself."""
    product = PRODUCTS[0]
    answer = fetch(product, "/openapi-current.yaml")
    assert answer.headers["content-type"].startswith("application/yaml")
    assert yaml.load(answer.text, yaml.CSafeLoader) == document(product, current=True)


@each_product
def test_deprecated_operations_name_what_replaces_them(product: Product) -> None:
    """The description of a deprecated operation names the paths to call in its place, and that of no other does."""
    paths = document(product)["paths"]
    for endpoint in product.endpoints:
        told = paths[endpoint.path]["get"]["description"]
        assert ("Dépréciée" in told) == endpoint.deprecated
        assert all(f"`{newer.path}`" in told for newer in product.newer_than(endpoint))
