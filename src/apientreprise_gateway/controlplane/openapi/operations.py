"""The operations in OpenAPI that providers answer."""

from functools import partial
from typing import Final

from apientreprise_gateway.contract.documents import Document
from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.controlplane.openapi.components import JSON_API_TYPE, JSON_TYPE, Components, Json
from apientreprise_gateway.controlplane.openapi.failures import failures_of
from apientreprise_gateway.controlplane.openapi.fields import shown_by
from apientreprise_gateway.controlplane.openapi.headers import cache_headers, headers_of
from apientreprise_gateway.controlplane.openapi.parameters import parameters_of
from apientreprise_gateway.controlplane.openapi.security import security_of
from apientreprise_gateway.providers.product import Product

THEME: Final = "x-theme"
"""Key of what an operation is about, as its tag says who answers it."""
NO_SCOPES: Final = "aucun (tout jeton valide)"
"""Text in the place of the scopes of an endpoint that has none."""

_SUCCESSES: Final = {
    200: "Les données demandées.",
    206: "Les données demandées, moins celles que le fournisseur n'a pas pu donner.",
}
"""Descriptions of the statuses of a success; only v2 has one of its own for a partial answer."""


_LOCATION: Final[Json] = {"description": "La nouvelle adresse, paramètres compris.", "schema": {"type": "string"}}


def operation_of(endpoint: Endpoint, provider: Provider, product: Product, components: Components) -> Json:
    """The OpenAPI operation of an endpoint."""
    operation: Json = {
        "operationId": endpoint.operation,
        "summary": endpoint.summary,
        "description": _description(endpoint, provider, product),
        "tags": [provider.name],
        THEME: endpoint.tag,
        "parameters": list(parameters_of(endpoint, product, components)),
        "responses": {
            **_successes(endpoint, product, components),
            **failures_of(endpoint, provider, product, components),
        },
    }
    operation |= security_of(endpoint, product)
    if endpoint.deprecated:
        operation["deprecated"] = True
    return operation


def rights_of(endpoint: Endpoint) -> str:
    """The scopes that open an endpoint, and which of them to ask for, in French."""
    scopes = " ou ".join(f"`{scope}`" for scope in endpoint.scopes)
    if len(endpoint.scopes) <= 1:
        return scopes or NO_SCOPES
    if endpoint.mask is not None:
        return f"{scopes} (à demander : ceux des champs dont votre démarche a besoin)"
    return f"{scopes} (à demander : `{endpoint.scopes[-1]}`)"


def _description(endpoint: Endpoint, provider: Provider, product: Product) -> str:
    ping = provider.ping_of(endpoint.operation)
    text = (
        f"{product.schemas.descriptions[endpoint.operation]}\n\n"
        f"Fournisseur : {provider.name}. Droit requis : {rights_of(endpoint)}. "
        f"Compteur d'appels : `{endpoint.group.name}`. Attente conseillée : {endpoint.client_timeout} s."
    )
    if endpoint.cache:
        text += f" Réponse conservée {endpoint.cache.text}, si la passerelle en conserve."
    if ping:
        text += f" Disponibilité : `{product.pings.of(ping)}`."
    if endpoint.deprecated:
        text += f"\n\n{_replaced(product.newer_than(endpoint))}"
    if endpoint.mask is not None:
        lines = "\n".join(f"- {name} : {scopes}" for name, scopes in shown_by(endpoint.mask))
        text += f"\n\nChamps selon les droits ; les autres sont montrés à qui a l'un d'eux :\n\n{lines}"
    return text if endpoint.document is None else f"{text}\n\n{_kept(endpoint.document)}"


def _replaced(newer: tuple[Endpoint, ...]) -> str:
    """The sentence of a deprecated operation, in French."""
    paths = ", ".join(f"`{each.path}`" for each in newer)
    return f"Dépréciée. À appeler à la place : {paths}." if paths else "Dépréciée : rien ne la remplace."


def _kept(document: Document) -> str:
    """The sentences about an operation's document, in French."""
    kinds = " ou ".join(kind.upper() for kind in document.kinds)
    seconds = f" pendant {document.seconds} secondes" if document.seconds else ""
    none = " Il peut ne pas y en avoir : l'adresse est alors nulle ou absente." if document.optional else ""
    return f"Document ({kinds}) : `{document.address[-1]}` le donne sans jeton{seconds}.{none}"


def _successes(endpoint: Endpoint, product: Product, components: Components) -> Json:
    statuses = (200, 206) if endpoint.flat else (200,)
    responses = {str(status): _success(status, endpoint, product, components) for status in statuses}
    if endpoint.redirects:
        headers = {"Location": _LOCATION, **headers_of(301, components)}
        responses["301"] = {"description": product.texts.moved, "headers": headers}
    return responses


def _success(status: int, endpoint: Endpoint, product: Product, components: Components) -> Json:
    schema = product.schemas.described(endpoint.operation, partial(components.refer, "schemas"))
    content: Json = {"schema": components.refer("schemas", endpoint.operation, schema)}
    if product.examples is not None and endpoint.operation in product.examples.bodies:
        content["example"] = product.examples.bodies[endpoint.operation]
    return {
        "description": _SUCCESSES[status],
        "headers": headers_of(status, components) | (cache_headers(components) if endpoint.cache else {}),
        "content": {JSON_TYPE if endpoint.flat else JSON_API_TYPE: content},
    }
