"""The OpenAPI document of a product, put together from its parts."""

from apientreprise_gateway import __version__
from apientreprise_gateway.contract.codes import GATEWAY_ERRORS
from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.controlplane.openapi import nomenclature, pings, tokens
from apientreprise_gateway.controlplane.openapi.cases import off_operation
from apientreprise_gateway.controlplane.openapi.components import Components, Json
from apientreprise_gateway.controlplane.openapi.dossier import operation_of_dossier
from apientreprise_gateway.controlplane.openapi.operations import operation_of
from apientreprise_gateway.controlplane.openapi.security import security_schemes, usual
from apientreprise_gateway.controlplane.openapi.tags import tags
from apientreprise_gateway.providers.product import Product


def document(product: Product, *, current: bool = False) -> Json:
    """The OpenAPI document of a product: plain dictionaries and lists, the same for the same product.

    Args:
        product: what it describes.
        current: whether it leaves out the endpoints that are deprecated.
    """
    components = Components(calls=product.texts.calls)
    told = [
        (endpoint, provider)
        for provider in product.providers
        for endpoint in provider.endpoints
        if not (current and endpoint.deprecated)
    ]
    paths = _paths(product, told, components)
    schemas = components.sections["schemas"]
    schemas |= pings.SCHEMAS
    if product.introspection is not None:
        schemas["Introspection"] = tokens.INTROSPECTION_SCHEMA
    schemas["Nomenclature"] = nomenclature.SCHEMA
    return {
        "openapi": "3.1.0",
        "info": {
            "title": product.title,
            "version": __version__,
            "description": _introduction(product),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        **tags(product, [endpoint for endpoint, _ in told]),
        "security": usual(product),
        "paths": paths,
        "components": {"securitySchemes": security_schemes(product), **components.sections},
    }


def own_operations(product: Product) -> dict[str, tuple[str, Json]]:
    """The path and the operation of each page that the gateway itself answers, by the name of the operation."""
    found = _own_paths(product, Components(calls=product.texts.calls))
    return {item["get"]["operationId"]: (path, item["get"]) for path, item in found.items()}


def _paths(product: Product, told: list[tuple[Endpoint, Provider]], components: Components) -> Json:
    paths = {
        endpoint.path: {"get": operation_of(endpoint, provider, product, components)} for endpoint, provider in told
    }
    return paths | _own_paths(product, components)


def _own_paths(product: Product, components: Components) -> Json:
    paths: Json = {}
    operations = [endpoint.operation for endpoint in product.endpoints]
    if product.dossier is not None:
        endpoint = product.dossier.endpoint
        paths[endpoint.path] = {"get": operation_of_dossier(product.dossier, product, components)}
        operations.append(endpoint.operation)
    for page in product.privileges:
        if page.schema is not None:
            paths[page.path] = {"get": tokens.privileges(page, page.schema, product, components)}
    if product.introspection is not None:
        endpoint = product.introspection
        paths[endpoint.path] = {"get": tokens.introspection_of(endpoint, product, components)}
    return paths | nomenclature.paths(product.errors, operations) | pings.paths(product)


def _introduction(product: Product) -> str:
    codes = off_operation(product)
    lines = [f"- {GATEWAY_ERRORS[code].status} `{code}` : {GATEWAY_ERRORS[code].detail}" for code in codes]
    return product.texts.introduction + "\n".join(lines) + "\n"
