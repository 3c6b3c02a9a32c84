"""Tests of what OpenAPI documents show and say: an example of every answer, true to its schema, and words that tell."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from apientreprise_gateway.controlplane.openapi import document
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS

Json = dict[str, Any]
DOCUMENTS = {product: document(product) for product in PRODUCTS}

MOST_NAMES = 4
"""How many different things may have the same words."""

each_product = pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.key)


def _resolved(value: Json, whole: Json) -> Json:
    found = value
    while "$ref" in found:
        start, found = found["$ref"], whole
        for step in start.removeprefix("#/").split("/"):
            found = found[step]
    return found


def _operations(product: Product) -> Iterator[Json]:
    for item in DOCUMENTS[product]["paths"].values():
        yield item["get"]


def _contents(product: Product) -> Iterator[tuple[str, Json]]:
    """Each body of each operation, with where it stands."""
    whole = DOCUMENTS[product]
    for operation in _operations(product):
        for status, response in operation["responses"].items():
            for media_type, content in _resolved(response, whole).get("content", {}).items():
                yield f"{operation['operationId']} {status} {media_type}", content


def _examples(content: Json, whole: Json) -> list[Any]:
    named = [_resolved(each, whole)["value"] for each in content.get("examples", {}).values()]
    return [content["example"], *named] if "example" in content else named


@each_product
def test_every_body_has_an_example(product: Product) -> None:
    """Every success and every error of every operation is shown once at least."""
    whole = DOCUMENTS[product]
    assert [place for place, content in _contents(product) if not _examples(content, whole)] == []
    answers = {operation["operationId"]: operation["responses"] for operation in _operations(product)}
    assert [name for name, responses in answers.items() if "200" not in responses] == []


@each_product
def test_every_example_is_true_to_its_schema(product: Product) -> None:
    """Each example is valid by the schema beside it, formats included."""
    whole = DOCUMENTS[product]
    validators: dict[str, Any] = {}
    wrong = []
    for place, content in _contents(product):
        key = str(content["schema"])
        if key not in validators:
            schema = {**content["schema"], "components": {"schemas": whole["components"]["schemas"]}}
            validators[key] = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        for example in _examples(content, whole):
            wrong += [
                f"{place}: {error.instance_path} {error.message}" for error in validators[key].iter_errors(example)
            ]
    assert wrong == []


def _plain(text: str) -> str:
    """A text without accents, case, spaces and signs."""
    letters = unicodedata.normalize("NFD", text).lower()
    return re.sub(r"[^a-z0-9]", "", letters)


def _described(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Each description of a document, with the name of what it describes."""
    if isinstance(value, dict):
        if isinstance(value.get("description"), str):
            yield str(value.get("name", value.get("operationId", name))), value["description"]
        for key, inner in value.items():
            if key not in {"example", "examples"}:
                yield from _described(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _described(inner, name)


@each_product
def test_descriptions_tell(product: Product) -> None:
    """None is empty, none is the name again, and none serves for everything; errors share their titles."""
    whole = DOCUMENTS[product]
    names: dict[str, set[str]] = {}
    for name, words in _described(whole):
        assert words.strip(), name
        assert _plain(words) != _plain(name), name
    components = {section: part for section, part in whole["components"].items() if section != "responses"}
    for name, words in _described(components):
        names.setdefault(_plain(words), set()).add(_plain(name))
    assert {words: found for words, found in names.items() if len(found) > MOST_NAMES} == {}


@each_product
def test_operations_have_words_of_their_own(product: Product) -> None:
    """No two operations say the same, none says its title again, and every tag says what stands below it."""
    operations = list(_operations(product))
    assert [words for words, count in Counter(each["description"] for each in operations).items() if count > 1] == []
    for operation in operations:
        assert _plain(operation["description"]) != _plain(operation["summary"]), operation["operationId"]
    tags = {tag["name"]: tag["description"] for tag in DOCUMENTS[product]["tags"]}
    assert all(tags.values())
    assert {tag for operation in operations for tag in operation["tags"]} == tags.keys()
    assert [name for group in DOCUMENTS[product]["x-tagGroups"] for name in group["tags"]] == list(tags)
