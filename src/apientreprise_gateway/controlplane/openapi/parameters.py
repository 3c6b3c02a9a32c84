"""The parameters of operations in OpenAPI."""

from collections.abc import Iterator
from typing import Final

from apientreprise_gateway.contract import traceability
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.parameters import Parameter, ParameterKind
from apientreprise_gateway.controlplane.openapi.components import Components, Json
from apientreprise_gateway.providers.product import Product

_REQUEST_ID: Final[Json] = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": "Votre identifiant de l'appel. Bien formé, il est repris dans la réponse et dans les traces.",
    "schema": {"type": "string"},
}


_CACHE_CONTROL: Final[Json] = {
    "name": "Cache-Control",
    "in": "header",
    "required": False,
    "description": "`no-cache` pour que le fournisseur soit interrogé, même si une réponse est conservée.",
    "schema": {"type": "string"},
    "example": "no-cache",
}


def parameters_of(endpoint: Endpoint, product: Product, components: Components) -> Iterator[Json]:
    """The parameters of an operation: of its path, for traceability, of its query, and in headers."""
    for parameter in endpoint.parameters:
        yield _own_parameter("path", parameter, components)
    for name in required_of(endpoint, product):
        yield _traceability_parameter(name, endpoint, product, components)
    for parameter in endpoint.query:
        yield _own_parameter("query", parameter, components)
    yield request_id(components)
    if endpoint.cache is not None:
        yield components.refer("parameters", "Cache-Control", _CACHE_CONTROL)


def request_id(components: Components) -> Json:
    """The header in which a caller may name its call."""
    return components.refer("parameters", "X-Request-Id", _REQUEST_ID)


def required_of(endpoint: Endpoint, product: Product, *, user_id_required: bool = True) -> tuple[str, ...]:
    """The traceability parameters that an endpoint requires."""
    rule = product.version_of(endpoint).traceability
    return traceability.required_of(endpoint, rule, user_id_required=user_id_required)


def checked_of(endpoint: Endpoint) -> list[Parameter]:
    """The parameters of an endpoint that may be refused."""
    return [parameter for parameter in (*endpoint.parameters, *endpoint.query) if parameter.kind.code]


def _own_parameter(place: str, parameter: Parameter, components: Components) -> Json:
    kind = parameter.kind
    value = {
        "name": parameter.name,
        "in": place,
        "required": place == "path",
        "description": kind.description,
        "schema": dict(kind.schema),
    }
    if kind.example:
        value["example"] = _example(kind)
    return components.refer("parameters", f"{place}-{key_of(parameter)}", value)


def key_of(parameter: Parameter) -> str:
    """Name of a parameter among the components."""
    name, kind = parameter.name, parameter.kind.name
    return name if name == kind else f"{name}-{kind}"


def _example(kind: ParameterKind) -> object:
    """A kind's example, of the type that its schema gives."""
    match kind.schema.get("type"):
        case "integer":
            return int(kind.example)
        case "boolean":
            return kind.example == "true"
        case _:
            return kind.example


def _traceability_parameter(name: str, endpoint: Endpoint, product: Product, components: Components) -> Json:
    flat_name = f"{name}-v2"
    key = flat_name if endpoint.flat and flat_name in product.texts.traceability else name
    wording = product.texts.traceability[key]
    value = {
        "name": name,
        "in": "query",
        "required": True,
        "description": wording.description,
        "schema": {"type": "string", "minLength": 1},
        "example": wording.example,
    }
    return components.refer("parameters", key, value)
