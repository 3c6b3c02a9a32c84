"""The components of an OpenAPI document: what repeats is written once, and referred to."""

from typing import Any, Final

Json = dict[str, Any]

JSON_TYPE: Final = "application/json"
JSON_API_TYPE: Final = "application/vnd.api+json"


class Components:
    """The components, by section and name."""

    def __init__(self) -> None:
        self.sections: dict[str, Json] = {}

    def refer(self, section: str, key: str, value: Json) -> Json:
        """Add a component, unless it is there, and return the reference to it.

        Raises:
            ValueError: another component of the section has this name.
        """
        kept = self.sections.setdefault(section, {}).setdefault(key, value)
        if kept != value:
            raise ValueError(f"two different {section} are named {key}")
        return {"$ref": f"#/components/{section}/{key}"}
