"""Reads single fields of Sirene's answers.

Each function takes an object and the name of a field, and returns the value in our form or raises
`MalformedAnswerError`; no JSON makes it raise anything else.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

Fields = Mapping[str, Any]
"""An object of an answer."""

HIDDEN: Final = "[ND]"
"""Replaces a value that may not be made public, in Sirene's answers and in ours."""

_PARIS: Final = ZoneInfo("Europe/Paris")
_UNKNOWN_DAY: Final = "1900-01-01"
"""The date of creation that Sirene gives if the day is unknown."""
_DAY: Final = len("2024-01-31")


class MalformedAnswerError(Exception):
    """An answer is not as Sirene documents it, or lacks a value that ours requires."""


def fields(container: Any, name: str) -> Fields:
    """An object that must be there."""
    found = container.get(name) if isinstance(container, dict) else None
    if not isinstance(found, dict):
        raise MalformedAnswerError(name)
    return found


def entries(container: Any, name: str) -> list[Fields]:
    """A list of objects that must be there."""
    found = container.get(name) if isinstance(container, dict) else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise MalformedAnswerError(name)
    return found


def text(of: Fields, name: str) -> str | None:
    """A text; None if it is absent or empty."""
    found = of.get(name)
    if found is not None and not isinstance(found, str):
        raise MalformedAnswerError(name)
    return (found or "").strip() or None


def needed(of: Fields, name: str) -> str:
    """A text that must be there."""
    found = text(of, name)
    if found is None:
        raise MalformedAnswerError(name)
    return found


def digits(of: Fields, name: str, count: int) -> str:
    """A number of so many digits that must be there."""
    found = needed(of, name)
    if len(found) != count or not (found.isascii() and found.isdigit()):
        raise MalformedAnswerError(name)
    return found


def one_of(of: Fields, name: str, allowed: frozenset[str]) -> str | None:
    """The value if it is one of those allowed; None for another one, such as `[ND]`."""
    found = text(of, name)
    return found if found in allowed else None


def flag(of: Fields, name: str) -> bool:
    """A boolean that must be there."""
    found = of.get(name)
    if not isinstance(found, bool):
        raise MalformedAnswerError(name)
    return found


def yes_or_no(of: Fields, name: str) -> bool | None:
    """A boolean written as `O` or `N`; None for anything else."""
    return {"O": True, "N": False}.get(text(of, name) or "")


def day(of: Fields, name: str) -> int | None:
    """Unix seconds at which a day begins in Paris, as in the published API; None if absent or hidden.

    A time of day is ignored.
    """
    found = text(of, name)
    return None if found is None or found == HIDDEN else midnight(found[:_DAY])


def known_day(of: Fields, name: str) -> int | None:
    """As `day`, but None also for the date that means unknown."""
    return None if of.get(name) == _UNKNOWN_DAY else day(of, name)


def midnight(iso: str) -> int:
    """Unix seconds at which a day begins in Paris."""
    try:
        found = date.fromisoformat(iso)
        return int(datetime(found.year, found.month, found.day, tzinfo=_PARIS).timestamp())
    except (ValueError, OverflowError) as error:
        raise MalformedAnswerError(iso) from error


def current(periods: list[Fields]) -> Fields:
    """The period that has not ended."""
    for period in periods:
        if period.get("dateFin") is None:
            return period
    raise MalformedAnswerError("dateFin")
