"""What several schemas of our own pages are written with."""

from typing import Any

from apientreprise_gateway.controlplane.openapi.components import Json


def closed(properties: Json, **other: Any) -> Json:
    """An object that has these fields and no other."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
        **other,
    }
