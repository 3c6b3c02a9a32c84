"""Where minutes and days of the status page begin. A "minute" is as long as `PORTAL_STATUS_SECONDS` says."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

PARIS: Final = ZoneInfo("Europe/Paris")
"""Its days are those that are shown."""


def minute_of(moment: datetime, seconds: float) -> datetime:
    """The beginning of the minute that a moment lies in."""
    length = timedelta(seconds=seconds)
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    return begin + (moment - begin) // length * length


def day_of(moment: datetime) -> date:
    """The day of a moment, in French legal time."""
    return moment.astimezone(PARIS).date()
