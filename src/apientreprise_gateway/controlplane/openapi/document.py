"""The OpenAPI document of a product, put together from its parts."""

from collections.abc import Iterator
from typing import Final

from apientreprise_gateway import __version__
from apientreprise_gateway.contract.codes import GATEWAY_ERRORS
from apientreprise_gateway.controlplane.openapi import nomenclature, pings, tokens
from apientreprise_gateway.controlplane.openapi.cases import OFF_OPERATION
from apientreprise_gateway.controlplane.openapi.components import Components, Json
from apientreprise_gateway.controlplane.openapi.dossier import operation_of_dossier
from apientreprise_gateway.controlplane.openapi.operations import operation_of
from apientreprise_gateway.providers.product import Product

BEARER: Final = "jeton"
"""Name of the security scheme for a token in the `Authorization` header."""
_OWN_HEADER: Final = "jeton_entete"
"""Name of the security scheme for a token in a header of the product's own."""
_PARAMETER: Final = "jeton_v2"
"""Name of the security scheme for a token in the query."""


def document(product: Product) -> Json:
    """The OpenAPI document of a product: plain dictionaries and lists, the same for the same product."""
    components = Components()
    paths = _paths(product, components)
    schemas = components.sections["schemas"]
    schemas |= pings.SCHEMAS
    if product.introspection is not None:
        schemas["Introspection"] = tokens.INTROSPECTION_SCHEMA
    schemas["Nomenclature"] = nomenclature.SCHEMA
    schemes = _security_schemes(product)
    return {
        "openapi": "3.1.0",
        "info": {"title": product.title, "version": __version__, "description": _introduction(product)},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_tags(product))],
        "security": [{scheme: []} for scheme in schemes],
        "paths": paths,
        "components": {"securitySchemes": schemes, **components.sections},
    }


def _paths(product: Product, components: Components) -> Json:
    paths = {
        endpoint.path: {"get": operation_of(endpoint, provider, product, components)}
        for provider in product.providers
        for endpoint in provider.endpoints
    }
    operations = [endpoint.operation for endpoint in product.endpoints]
    if product.dossier is not None:
        endpoint = product.dossier.endpoint
        paths[endpoint.path] = {"get": operation_of_dossier(product.dossier, product, components)}
        operations.append(endpoint.operation)
    if product.privileges:
        paths[product.privileges[0].path] = {"get": tokens.privileges(components)}
    if product.introspection is not None:
        endpoint = product.introspection
        paths[endpoint.path] = {"get": tokens.introspection_of(endpoint, product, components)}
    return paths | nomenclature.paths(product.errors, operations) | pings.paths(product.providers)


def _tags(product: Product) -> Iterator[str]:
    yield from (endpoint.tag for endpoint in product.endpoints)
    if product.dossier is not None:
        yield product.dossier.endpoint.tag
    yield from (tokens.TAG, nomenclature.TAG, pings.TAG)


def _introduction(product: Product) -> str:
    lines = [f"- {GATEWAY_ERRORS[code].status} `{code}` : {GATEWAY_ERRORS[code].detail}" for code in OFF_OPERATION]
    return product.texts.introduction + "\n".join(lines) + "\n"


def _security_schemes(product: Product) -> Json:
    """The ways in which a token is passed in some version of the product."""
    passing, texts = [version.token for version in product.versions], product.texts
    schemes: Json = {}
    if any(each.bearer for each in passing):
        schemes[BEARER] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": texts.bearer}
    for header in dict.fromkeys(each.header for each in passing if each.header):
        schemes[_OWN_HEADER] = {"type": "apiKey", "in": "header", "name": header, "description": texts.header}
    for parameter in dict.fromkeys(each.parameter for each in passing if each.parameter):
        schemes[_PARAMETER] = {"type": "apiKey", "in": "query", "name": parameter, "description": texts.parameter}
    return schemes
