"""The page of the nomenclature of errors in OpenAPI."""

from typing import Final

from apientreprise_gateway.controlplane.openapi.components import Json
from apientreprise_gateway.controlplane.openapi.schemas import body_of, closed

TAG: Final = "Erreurs"
_OBJECT: Final[Json] = {"type": "object"}

_ENTRIES: Final[Json] = {
    "type": "object",
    "description": "Les erreurs, par statut HTTP.",
    "additionalProperties": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["code", "title", "detail", "meta"],
            "properties": {
                "code": {"type": "string", "pattern": "^[0-9]{5}$", "description": "Fournisseur, puis erreur."},
                "title": {"type": "string", "description": "La sorte d'erreur, en quelques mots."},
                "detail": {"type": "string", "description": "Ce qui s'est passé, et que faire."},
                "meta": {**_OBJECT, "description": "Ce que `meta` contient avec cette erreur."},
            },
        },
    },
}

SCHEMA: Final[Json] = closed(
    {
        "api": {"type": "string", "description": "L'API dont ce sont les erreurs."},
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
                "properties": {
                    "title": {"type": "string", "description": "La sorte d'erreur, en quelques mots."},
                    "detail": {"type": "string", "description": "Ce qui s'est passé ; absent si cela varie."},
                },
            },
        },
        "platform_codes": {**_ENTRIES, "description": "Les erreurs de la passerelle, par statut HTTP."},
        "endpoints": {
            "type": "object",
            "description": "Les autres erreurs de chaque opération, sous son nom (`operationId`).",
            "additionalProperties": {
                "type": "object",
                "required": ["provider", "errors"],
                "properties": {
                    "provider": {"type": "string", "description": "Le fournisseur que l'opération interroge."},
                    "errors": _ENTRIES,
                },
            },
        },
    }
)
"""The schema of the nomenclature."""


def paths(address: str, operations: list[str]) -> dict[str, Json]:
    """The path of the nomenclature, with its operation.

    Args:
        address: the path.
        operations: names of the operations that it lists.
    """
    return {
        address: {
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


def _json(text: str, schema: str, example: Json) -> Json:
    return {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}},
    }


_EXAMPLE: Final[Json] = {
    "api": "entreprise",
    "providers": {"00": "API Entreprise", "01": "INSEE"},
    "generic_subcodes": {"003": {"title": "Entité non trouvée"}},
    "platform_codes": {
        "401": [
            {
                "code": "00101",
                "title": "Interdit",
                "detail": "Votre token n'est pas valide ou n'est pas renseigné",
                "meta": {},
            }
        ]
    },
    "endpoints": {},
}
"""A small part of a nomenclature."""


_RESPONSES: Final[Json] = {
    "200": {
        **_json("Les erreurs.", "Nomenclature", _EXAMPLE),
        "headers": {
            "ETag": {"description": "Change avec le contenu.", "schema": {"type": "string"}},
            "Cache-Control": {"description": "`public, max-age=3600`.", "schema": {"type": "string"}},
        },
    },
    "304": {"description": "Le contenu est celui de l'`ETag` donné dans `If-None-Match`."},
    "404": _json("`00404` : aucune opération ne porte ce nom.", "Erreurs", body_of("00404")),
}
