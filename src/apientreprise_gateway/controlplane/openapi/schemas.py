"""Helpers for the pages of the control plane: their schemas, and examples of their errors."""

from typing import Any

import orjson

from apientreprise_gateway.contract.error_forms import OBJECTS, ErrorForm
from apientreprise_gateway.contract.errors import refuse
from apientreprise_gateway.controlplane.openapi.components import Json


def body_of(code: str, form: ErrorForm = OBJECTS) -> Json:
    """The body of one of the gateway's own errors."""
    _, body = form.render(refuse(code), None)
    plain: Json = orjson.loads(body)
    return plain


def closed(properties: Json, **other: Any) -> Json:
    """The schema of an object that has all of these fields and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
        **other,
    }
