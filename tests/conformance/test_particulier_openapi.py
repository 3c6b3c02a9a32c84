"""The OpenAPI document of API Particulier against the published operations."""

from typing import Any

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.controlplane.openapi import document
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from conformance.conftest import Json
from conformance.particulier import COMPARED, load_published

PUBLISHED = load_published()
DOCUMENT = document(PARTICULIER)
SCHEMES = {
    "apiKey": {"jeton_entete"},
    "franceConnectToken": {"france_connect"},
    "jwt_bearer_token": {"jeton", "france_connect"},
}
"""Our security schemes that are each published one: on the paths of FranceConnect the bearer is its token."""

each_endpoint = pytest.mark.parametrize(
    ("endpoint", "provider"), [pytest.param(*pair, id=operation) for operation, pair in COMPARED.items()]
)


def resolve(value: Json) -> Json:
    """What a value says, or what the component that it refers to says."""
    if "$ref" not in value:
        return value
    found: Any = DOCUMENT
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    resolved: Json = found
    return resolved


def operation_of(endpoint: Endpoint) -> Json:
    """What the document says of an endpoint."""
    operation: Json = DOCUMENT["paths"][endpoint.path]["get"]
    return operation


@each_endpoint
def test_parameters(endpoint: Endpoint, provider: Provider) -> None:
    """The document has every published parameter, under its name, in its place, and as it is required."""
    del provider
    published = PUBLISHED[endpoint.operation]
    ours = {each["name"]: each for each in map(resolve, operation_of(endpoint)["parameters"])}
    assert endpoint.operation == operation_of(endpoint)["operationId"]
    for parameter in published["query_params"]:
        own = ours[parameter["name"]]
        assert (own["in"], own["required"]) == ("query", parameter["required"])
        assert (own["schema"]["type"] == "array") is (parameter["type"] == "array")


@each_endpoint
def test_security(endpoint: Endpoint, provider: Provider) -> None:
    """A token is passed in one of the published ways; all of them are there."""
    del provider
    security: list[Json] = operation_of(endpoint).get("security") or DOCUMENT["security"]
    ours = {name for way in security for name in way}
    for published in PUBLISHED[endpoint.operation]["security"]:
        assert ours & SCHEMES[published]


@each_endpoint
def test_statuses(endpoint: Endpoint, provider: Provider) -> None:
    """Every published status may be answered, and those of the window tell it where that is published."""
    del provider
    published = PUBLISHED[endpoint.operation]
    ours = operation_of(endpoint)["responses"]
    missing = set(published["statuses"]) - set(ours)
    assert not missing
    if published["ratelimit_headers_declared"]:
        assert {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} <= resolve(ours["200"])["headers"].keys()
