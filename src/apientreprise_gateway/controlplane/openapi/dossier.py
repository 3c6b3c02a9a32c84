"""The dossier of a product in OpenAPI."""

from collections.abc import Iterable
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.error_forms import OBJECTS
from apientreprise_gateway.controlplane.openapi.cases import by_status, dossier_cases
from apientreprise_gateway.controlplane.openapi.components import JSON_API_TYPE, Components, Json
from apientreprise_gateway.controlplane.openapi.failures import failure, plain
from apientreprise_gateway.controlplane.openapi.headers import headers_of
from apientreprise_gateway.controlplane.openapi.parameters import parameters_of
from apientreprise_gateway.providers.dossier import MAX_RESOURCES, RESOURCES, Dossier
from apientreprise_gateway.providers.product import Product

_SCHEMA: Final[Json] = {
    "type": "object",
    "required": ["data", "links", "meta"],
    "properties": {
        "data": {
            "type": "object",
            "description": "La réponse de chaque ressource, sous le nom par lequel elle a été demandée.",
            "additionalProperties": {
                "type": "object",
                "required": ["status", "headers"],
                "properties": {
                    "status": {"type": "integer", "description": "Celui de l'appel que la ressource remplace."},
                    "headers": {
                        "type": "object",
                        "description": "Ceux de cet appel, dont ses limites.",
                        "additionalProperties": {"type": "string"},
                    },
                    "data": {"description": "Comme dans la réponse de la ressource."},
                    "links": {"type": "object", "description": "Les adresses que la ressource donne avec ses données."},
                    "meta": {"type": "object", "description": "Ce que la ressource dit de sa propre réponse."},
                    "errors": {
                        **plain(OBJECTS.schema)["properties"]["errors"],
                        "description": "À la place des données, si la ressource n'en donne pas.",
                    },
                },
            },
        },
        "links": {"type": "object", "description": "Toujours vide."},
        "meta": {
            "type": "object",
            "description": "Le dossier lui-même.",
            "required": ["siret", "ressources", "ressources_obtenues"],
            "properties": {
                "siret": {"type": "string", "description": "L'établissement dont le dossier parle."},
                "ressources": {"type": "integer", "description": "Nombre de ressources demandées."},
                "ressources_obtenues": {
                    "type": "integer",
                    "description": "Nombre de celles qui ont le statut 200.",
                },
            },
        },
    },
}


def operation_of_dossier(dossier: Dossier, product: Product, components: Components) -> Json:
    """The OpenAPI operation of a dossier."""
    endpoint = dossier.endpoint
    form = product.version_of(endpoint).errors
    content: Json = {"schema": components.refer("schemas", "Dossier", _SCHEMA)}
    if product.examples is not None and endpoint.operation in product.examples.bodies:
        content["example"] = product.examples.bodies[endpoint.operation]
    return {
        "operationId": endpoint.operation,
        "summary": endpoint.summary,
        "description": dossier.description,
        "tags": [endpoint.tag],
        "parameters": [
            *parameters_of(endpoint, product, components),
            _resources_parameter(dossier, product.endpoints),
            *(
                {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
                for name, text in dossier.parameters.items()
            ),
        ],
        "responses": {
            "200": {
                "description": "Le dossier, quoi que chaque ressource ait répondu.",
                "headers": headers_of(200, components),
                "content": {JSON_API_TYPE: content},
            },
            **{
                str(status): failure(cases, f"{status}-dossier", form, components)
                for status, cases in by_status(dossier_cases(dossier, product))
            },
        },
    }


def _resources_parameter(dossier: Dossier, endpoints: Iterable[Endpoint]) -> Json:
    return {
        "name": RESOURCES,
        "in": "query",
        "required": True,
        "description": "Les ressources demandées ; sans préfixe de version, la plus récente.",
        "style": "form",
        "explode": False,
        "schema": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_RESOURCES,
            "items": {"type": "string", "enum": sorted(dossier.resources_of(endpoints))},
        },
        "example": list(dossier.examples),
    }
