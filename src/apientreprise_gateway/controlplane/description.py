"""What the OpenAPI document says of the introspection of a token (its body) and of the nomenclature of errors."""

from typing import Any, Final

Json = dict[str, Any]

ERRORS: Final = "/errors"
"""Where the nomenclature is."""
TAG: Final = "Erreurs"

_NULLABLE_TEXT: Final[Json] = {"type": ["string", "null"]}
_INSTANT: Final[Json] = {"type": ["string", "null"], "format": "date-time"}
_OBJECT: Final[Json] = {"type": "object"}


def _closed(properties: Json, **other: Any) -> Json:
    """An object that has these fields and no other."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
        **other,
    }


_ENTRIES: Final[Json] = {
    "type": "object",
    "description": "Les erreurs, par statut HTTP.",
    "additionalProperties": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["code", "title", "detail", "meta"],
            "properties": {
                "code": {"type": "string", "pattern": "^[0-9]{5}$"},
                "title": {"type": "string"},
                "detail": {"type": "string"},
                "meta": _OBJECT,
            },
        },
    },
}

SCHEMAS: Final[dict[str, Json]] = {
    "Introspection": _closed(
        {
            "data": _closed(
                {
                    "id": {"type": "string", "format": "uuid", "description": "Identifiant du jeton (`jti`)."},
                    "type": {"type": "string", "enum": ["standard", "editeur"]},
                    "scopes": {"type": "array", "items": {"type": "string"}, "description": "Les droits, triés."},
                    "datapass_id": {**_NULLABLE_TEXT, "description": "Habilitation, si la passerelle la connaît."},
                    "siret_souscripteur": {**_NULLABLE_TEXT, "description": "SIRET de son titulaire, de même."},
                    "date_emission": _INSTANT,
                    "date_expiration": {**_INSTANT, "description": "`null` pour un jeton qui n'expire pas."},
                    "rate_limit_par_minute": {
                        "type": ["integer", "null"],
                        "description": "Limite propre au jeton ; `null` s'il a celles de tous.",
                    },
                    "delegation": {
                        "type": ["object", "null"],
                        "required": ["id", "siret_delegant"],
                        "properties": {"id": {"type": "string"}, "siret_delegant": {"type": "string"}},
                        "additionalProperties": False,
                    },
                }
            ),
            "links": _closed({"datapass": {"type": ["string", "null"], "format": "uri"}}),
            "meta": _OBJECT,
        }
    ),
    "Nomenclature": _closed(
        {
            "api": {"type": "string"},
            "providers": {
                "type": "object",
                "description": "Le nom de chaque fournisseur, par les deux premiers chiffres de ses codes.",
                "additionalProperties": {"type": "string"},
            },
            "generic_subcodes": {
                "type": "object",
                "description": "Ce que peut dire tout fournisseur, par les trois derniers chiffres du code.",
                "additionalProperties": {
                    "type": "object",
                    "required": ["title"],
                    "properties": {"title": {"type": "string"}, "detail": {"type": "string"}},
                },
            },
            "platform_codes": {**_ENTRIES, "description": "Les erreurs de la passerelle, par statut HTTP."},
            "endpoints": {
                "type": "object",
                "description": "Les autres erreurs de chaque opération, sous son nom (`operationId`).",
                "additionalProperties": {
                    "type": "object",
                    "required": ["provider", "errors"],
                    "properties": {"provider": {"type": "string"}, "errors": _ENTRIES},
                },
            },
        }
    ),
}
"""The schemas, by name."""


def paths(operations: list[str]) -> dict[str, Json]:
    """The operation that gives the nomenclature, by path; `operations` are those that it knows."""
    return {
        ERRORS: {
            "get": {
                "operationId": "errors",
                "summary": "Toutes les erreurs, par opération",
                "description": "Les codes et leurs textes, pour les programmes. À garder une heure, "
                "ou tant que l'`ETag` est le même. Sans jeton, hors traçabilité et hors limites d'appels.",
                "tags": [TAG],
                "security": [],
                "parameters": [
                    {
                        "name": "operation_id",
                        "in": "query",
                        "required": False,
                        "description": "Une opération, pour n'avoir que les siennes.",
                        "schema": {"type": "string", "enum": operations},
                        "example": operations[0],
                    }
                ],
                "responses": _RESPONSES,
            }
        }
    }


def _json(text: str, schema: str) -> Json:
    return {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


_RESPONSES: Final[Json] = {
    "200": {
        **_json("Les erreurs.", "Nomenclature"),
        "headers": {
            "ETag": {"description": "Change avec le contenu.", "schema": {"type": "string"}},
            "Cache-Control": {"description": "`public, max-age=3600`.", "schema": {"type": "string"}},
        },
    },
    "304": {"description": "Le contenu est celui de l'`ETag` donné dans `If-None-Match`."},
    "404": _json("`00404` : aucune opération ne porte ce nom.", "Erreurs"),
}
