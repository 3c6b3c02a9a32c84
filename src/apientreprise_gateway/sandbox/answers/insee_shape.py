"""What the answers of the fictive INSEE have in common."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from apientreprise_gateway.errors import render, specific_error
from apientreprise_gateway.sandbox.answers.shape import Declined

_PARIS: Final = ZoneInfo("Europe/Paris")


def midnight(day: str) -> int:
    """Unix seconds at which an ISO day begins in Paris, as INSEE's days are counted."""
    return int(datetime.fromisoformat(day).replace(tzinfo=_PARIS).timestamp())


def optional_midnight(day: str | None) -> int | None:
    """As `midnight`, for a day that may be missing."""
    return None if day is None else midnight(day)


def several_seats() -> Declined:
    """What is answered about the head office of an entity that has more than one, in the form of v3."""
    refusal = specific_error("01501", status=502, name="INSEE")
    return Declined(refusal.status, "", body=render(refusal.errors, version=3))
