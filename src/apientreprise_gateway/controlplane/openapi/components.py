"""The components of an OpenAPI document: what repeats is written once, and referred to."""

from collections.abc import Sequence
from typing import Any, Final

Json = dict[str, Any]

JSON_TYPE: Final = "application/json"
JSON_API_TYPE: Final = "application/vnd.api+json"


class Components:
    """The components, by section and name."""

    def __init__(self, *, calls: str) -> None:
        """Begin with none; `calls` is what `RateLimit-Limit` says, in French."""
        self.sections: dict[str, Json] = {}
        self.calls = calls

    def refer(self, section: str, key: str, value: Json) -> Json:
        """Add a component, unless it is there, and return the reference to it.

        Raises:
            ValueError: another component of the section has this name.
        """
        kept = self.sections.setdefault(section, {}).setdefault(key, value)
        if kept != value:
            raise ValueError(f"two different {section} are named {key}")
        return {"$ref": f"#/components/{section}/{key}"}

    def refer_to_one(self, section: str, keys: Sequence[str], value: Json) -> Json:
        """As `refer`, under the first of some names that no other component has."""
        kept = self.sections.get(section, {})
        return self.refer(section, next((key for key in keys if kept.get(key, value) == value), keys[-1]), value)
