"""The parameters of operations in OpenAPI."""

from collections.abc import Iterator, Mapping
from typing import Final

from apientreprise_gateway.contract import traceability
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import PersonParameter
from apientreprise_gateway.contract.parameters import Parameter
from apientreprise_gateway.controlplane.openapi.components import Components, Json
from apientreprise_gateway.providers.product import Product

_REQUEST_ID: Final[Json] = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": "Votre identifiant de l'appel. Bien formé, il est repris dans la réponse et dans les traces.",
    "schema": {"type": "string"},
}


# Without an example: pages that try an operation out would send it with every call.
_CACHE_CONTROL: Final[Json] = {
    "name": "Cache-Control",
    "in": "header",
    "required": False,
    "description": "`no-cache` pour que le fournisseur soit interrogé, même si une réponse est conservée.",
    "schema": {"type": "string"},
}


def parameters_of(endpoint: Endpoint, product: Product, components: Components) -> Iterator[Json]:
    """The parameters of an operation: of its path, for traceability, of its query, and in headers."""
    for parameter in endpoint.parameters:
        yield _own_parameter("path", parameter, components)
    for name in required_of(endpoint, product):
        yield _traceability_parameter(name, endpoint, product, components)
    if is_recipient_optional(endpoint, product):
        yield _traceability_parameter("recipient", endpoint, product, components, required=False)
    for parameter in endpoint.query:
        yield _own_parameter("query", parameter, components)
    if endpoint.person is not None:
        for each in endpoint.person.parameters:
            yield _person_parameter(each, endpoint.person.family, components)
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


def is_recipient_optional(endpoint: Endpoint, product: Product) -> bool:
    """Whether calls of an endpoint may say for whom they are made, and are refused only if what they say is wrong."""
    rule = product.version_of(endpoint).traceability
    return rule.siret_recipient and "recipient" not in rule.required


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
        value["example"] = _typed(kind.example, kind.schema)
    return components.refer("parameters", f"{place}-{key_of(parameter)}", value)


def _person_parameter(parameter: PersonParameter, family: str, components: Components) -> Json:
    value: Json = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
    }
    example = _typed(parameter.example, parameter.schema)
    if parameter.several:
        least = {"minItems": 1} if parameter.required else {}
        most = {} if parameter.most is None else {"maxItems": parameter.most}
        items = {"type": "array", "items": dict(parameter.schema), **least, **most}
        value |= {"style": "form", "explode": True, "schema": items}
        example = [example]
    else:
        value["schema"] = dict(parameter.schema)
    if parameter.example:
        value["example"] = example
    key = parameter.name.replace("[]", "-liste")
    rule = "obligatoire" if parameter.required else "facultatif"
    return components.refer_to_one("parameters", (key, f"{key}-{rule}", f"{key}-{family}"), value)


def key_of(parameter: Parameter) -> str:
    """Name of a parameter among the components."""
    name, kind = parameter.name, parameter.kind.name
    return name if name == kind else f"{name}-{kind}"


def _typed(example: str, schema: Mapping[str, object]) -> object:
    """An example, of the type that its schema gives."""
    match schema.get("type") if example else None:
        case "integer":
            return int(example)
        case "boolean":
            return example == "true"
        case _:
            return example


def _traceability_parameter(
    name: str, endpoint: Endpoint, product: Product, components: Components, *, required: bool = True
) -> Json:
    flat_name = f"{name}-v2"
    key = flat_name if endpoint.flat and flat_name in product.texts.traceability else name
    wording = product.texts.traceability[key]
    value = {
        "name": name,
        "in": "query",
        "required": required,
        "description": wording.description,
        "schema": {"type": "string", "minLength": 1},
        "example": wording.example,
    }
    return components.refer("parameters", key, value)
