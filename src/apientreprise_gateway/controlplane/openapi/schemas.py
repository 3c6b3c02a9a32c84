"""A helper for the schemas of the control plane's pages."""

from typing import Any

from apientreprise_gateway.controlplane.openapi.components import Json


def closed(properties: Json, **other: Any) -> Json:
    """The schema of an object that has all of these fields and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
        **other,
    }
