"""The forms that the body of an error can have. Each version of a product has one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

import orjson

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import ApiError, Refusal

Render = Callable[[Refusal, Endpoint | None], tuple[int, bytes]]
"""From a refusal, and the endpoint that it is about (None if it is about none), to status and body of the answer."""
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorForm:
    """A form of errors, with what OpenAPI says of it."""

    render: Render
    name: str
    """Name of its schema in OpenAPI."""
    schema: Mapping[str, Any]
    """JSON Schema of the body."""
    suffix: str = ""
    """What the names of its examples and answers end with, so that they are not those of another form."""
    details: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """Details that are worded otherwise than in the list of errors, by code."""

    def with_details(self, details: Mapping[str, str]) -> "ErrorForm":
        """The same form, with words of its own for the details of some codes."""

        def render(refusal: Refusal, endpoint: Endpoint | None) -> tuple[int, bytes]:
            if any(error.code in details for error in refusal.errors):
                errors = (replace(error, detail=details.get(error.code, error.detail)) for error in refusal.errors)
                refusal = Refusal(refusal.status, *errors, headers=refusal.headers)
            return self.render(refusal, endpoint)

        return replace(self, render=render, details=details)


def object_bodies(errors: tuple[ApiError, ...]) -> bytes:
    """Errors as a list of objects, each with all that is known of it."""
    return orjson.dumps({"errors": [error.as_object() for error in errors]})


def _as_objects(refusal: Refusal, _endpoint: Endpoint | None) -> tuple[int, bytes]:
    return refusal.status, object_bodies(refusal.errors)


_ERROR: Final = MappingProxyType(
    {
        "type": "object",
        "required": ["code", "title", "detail", "meta"],
        "properties": {
            "code": {
                "type": "string",
                "pattern": "^[0-9]{5}$",
                "description": "Deux chiffres pour l'origine (00 : la passerelle), trois pour l'erreur.",
            },
            "title": {"type": "string", "description": "La sorte d'erreur, en quelques mots."},
            "detail": {"type": "string", "description": "Ce qui s'est passé, et que faire."},
            "source": {
                "type": "object",
                "description": "Le paramètre ou l'en-tête en cause, s'il y en a un.",
                "properties": {
                    "parameter": {"type": "string", "description": "Nom du paramètre, jamais sa valeur."},
                    "header": {"type": "string", "description": "Nom de l'en-tête."},
                },
            },
            "meta": {
                "type": "object",
                "description": "Ce qui aide à traiter l'erreur ; vide s'il n'y a rien à en dire.",
                "properties": {
                    "provider": {"type": "string", "description": "Le fournisseur en cause."},
                    "retry_in": {"type": "integer", "description": "Secondes avant de réessayer."},
                },
            },
        },
    }
)

OBJECTS: Final = ErrorForm(
    render=_as_objects,
    name="Erreurs",
    schema=MappingProxyType(
        {
            "type": "object",
            "required": ["errors"],
            "properties": {
                "errors": {
                    "type": "array",
                    "minItems": 1,
                    "items": dict(_ERROR),
                    "description": "Toutes les erreurs de l'appel.",
                }
            },
        }
    ),
)
"""The form of v3 and later versions."""
