"""Dates and times that somebody types into a form."""

from datetime import UTC, datetime

from apientreprise_gateway.portal.rendering import PARIS


def typed(text: str) -> datetime:
    """A date, or a date and a time, in French legal time.

    Raises:
        ValueError: it is none, or so near the first or the last year that it is none in UTC.
    """
    try:
        return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error
