"""What the answers about persons have in common."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from apientreprise_gateway.contract.identification import Meaning
from apientreprise_gateway.sandbox.particulier.person import Household, Person

Body = dict[str, Any]
Details = Mapping[Meaning, str]
"""What a call says besides who the person is: a month, a school year."""
Answer = Callable[[Person, Household, Details], Body]
"""Makes the body of an answer about a person, who lives in a household."""


class Unknown(Exception):  # noqa: N818 - a provider that knows nothing is an answer, not a failure of the sandbox
    """A provider knows nothing of a person whom others know."""

    def __init__(self, code: str = "") -> None:
        """Say with which error.

        Args:
            code: one of the provider's own; empty for a plain 404.
        """
        super().__init__(code)
        self.code = code


def envelope(data: Body, *, meta: Body | None = None) -> Body:
    """A body of v3 or later."""
    return {"data": data, "links": {}, "meta": meta or {}}


def day(found: date | None) -> str | None:
    """A day in ISO form; None for None."""
    return None if found is None else found.isoformat()


def year_in(details: Details, meaning: Meaning, usual: int) -> int:
    """A year or a month of a call, else the usual one; what is no number is not the call of a gateway."""
    text = details.get(meaning, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else usual


def first_names(person: Person) -> str:
    """The first names as one text."""
    return " ".join(person.first_names)
