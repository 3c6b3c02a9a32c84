"""The pages on which a caller sees its own token, in OpenAPI: introspection and privileges."""

from collections.abc import Mapping
from typing import Any, Final

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.controlplane.openapi.cases import EVERYWHERE, TOKEN_REFUSED, by_status, own_case
from apientreprise_gateway.controlplane.openapi.components import JSON_TYPE, Components, Json
from apientreprise_gateway.controlplane.openapi.failures import failure
from apientreprise_gateway.controlplane.openapi.headers import headers_of
from apientreprise_gateway.controlplane.openapi.parameters import request_id
from apientreprise_gateway.controlplane.openapi.pings import too_many
from apientreprise_gateway.controlplane.openapi.schemas import closed
from apientreprise_gateway.controlplane.openapi.security import security_of, unless_usual, ways
from apientreprise_gateway.providers.product import PrivilegesPage, Product

TAG: Final = "Jeton"
_OF_INTROSPECTION: Final = frozenset({"00107", "00901", "00904", "00906", "00908", "00912", "00500", "00505", "00506"})
"""Codes with which an introspection may be refused, besides those about the token itself."""

_JTI: Final = "6e0341b2-54fe-4645-a9e8-594727df6e3a"
"""Id of the token of examples."""
_NULLABLE_TEXT: Final[Json] = {"type": ["string", "null"]}
_INSTANT: Final[Json] = {"type": ["string", "null"], "format": "date-time"}
_OBJECT: Final[Json] = {"type": "object"}

INTROSPECTION_SCHEMA: Final[Json] = closed(
    {
        "data": closed(
            {
                "id": {"type": "string", "format": "uuid", "description": "Identifiant du jeton (`jti`)."},
                "type": {
                    "type": "string",
                    "enum": ["standard", "editeur"],
                    "description": "`editeur` : le jeton d'un éditeur, pour plusieurs administrations.",
                },
                "scopes": {"type": "array", "items": {"type": "string"}, "description": "Les droits, triés."},
                "datapass_id": {**_NULLABLE_TEXT, "description": "Habilitation, si la passerelle la connaît."},
                "siret_souscripteur": {
                    **_NULLABLE_TEXT,
                    "description": "SIRET du titulaire de l'habilitation, si elle est connue.",
                },
                "date_emission": {**_INSTANT, "description": "`null` pour un jeton qui ne la dit pas."},
                "date_expiration": {**_INSTANT, "description": "`null` pour un jeton qui n'expire pas."},
                "rate_limit_par_minute": {
                    "type": ["integer", "null"],
                    "description": "Limite propre au jeton ; `null` s'il a celles de tous.",
                },
                "delegation": {
                    "type": ["object", "null"],
                    "description": "Délégation dont le jeton d'un éditeur se sert ; `null` s'il n'y en a pas.",
                    "required": ["id", "siret_delegant"],
                    "properties": {
                        "id": {"type": "string", "description": "Identifiant de la délégation."},
                        "siret_delegant": {"type": "string", "description": "SIRET de qui l'a donnée."},
                    },
                    "additionalProperties": False,
                },
            },
            description="Ce que la passerelle sait du jeton.",
        ),
        "links": closed(
            {"datapass": {"type": ["string", "null"], "format": "uri", "description": "Page de l'habilitation."}},
            description="Où l'habilitation se gère.",
        ),
        "meta": {**_OBJECT, "description": "Toujours vide."},
    }
)
"""The schema of an introspection."""


def introspection_of(endpoint: Endpoint, product: Product, components: Components) -> Json:
    """The OpenAPI operation of the introspection."""
    form = product.version_of(endpoint).errors
    refused = (*TOKEN_REFUSED, *(code for code in EVERYWHERE if code in _OF_INTROSPECTION))
    return {
        "operationId": endpoint.operation,
        "summary": endpoint.summary,
        "description": "Ses droits, ses dates, sa limite propre. Hors traçabilité et hors limites d'appels ; l'appel "
        "est enregistré, et compte pour l'adresse IP.",
        "tags": [TAG],
        "parameters": [request_id(components)],
        "responses": {
            "200": {
                "description": "Ce que la passerelle sait du jeton.",
                "headers": headers_of(401, components),
                "content": {
                    JSON_TYPE: {
                        "schema": {"$ref": "#/components/schemas/Introspection"},
                        "example": _introspected(product),
                    }
                },
            },
            **{
                str(status): failure(cases, f"{status}-jeton", form, components)
                for status, cases in by_status(map(own_case, refused))
            },
        },
        **security_of(endpoint, product),
    }


def _introspected(product: Product) -> Json:
    return {
        "data": {
            "id": _JTI,
            "type": "standard",
            "scopes": _some_scopes(product),
            "datapass_id": "12345",
            "siret_souscripteur": "13002526500013",
            "date_emission": "2026-01-15T08:00:00+00:00",
            "date_expiration": "2027-07-15T08:00:00+00:00",
            "rate_limit_par_minute": None,
            "delegation": None,
        },
        "links": {"datapass": "https://datapass.exemple.test/demandes/12345"},
        "meta": {},
    }


def _some_scopes(product: Product) -> list[str]:
    return sorted(product.scopes)[:3]


def privileges(page: PrivilegesPage, schema: Mapping[str, Any], product: Product, components: Components) -> Json:
    """The OpenAPI operation of a page of privileges, and the schema of its answer."""
    return {
        "operationId": "privileges",
        "summary": "Droits de votre jeton",
        "description": "Hors traçabilité et hors limites d'appels par jeton.",
        "tags": [TAG],
        "responses": {
            "200": {
                "description": "Les droits, triés.",
                "content": {
                    JSON_TYPE: {
                        "schema": components.refer("schemas", "Privileges", dict(schema)),
                        "example": dict(page.body(_JTI, _some_scopes(product))),
                    }
                },
            },
            "401": failure(list(map(own_case, TOKEN_REFUSED)), "401", page.errors, components),
            "429": too_many(page.errors),
        },
        **unless_usual(ways(page.token), product),
    }
