"""How long a token lasts."""

from calendar import monthrange
from datetime import datetime
from typing import Final

LIFETIME_MONTHS: Final = 18
"""Longest lifetime of a token in months, and the default, as in the published API."""


def default_expiry(issued_at: datetime) -> datetime:
    """The moment `LIFETIME_MONTHS` later: on the same day of the month, or on its last day if the month is shorter."""
    months = issued_at.month - 1 + LIFETIME_MONTHS
    year, month = issued_at.year + months // 12, months % 12 + 1
    return issued_at.replace(year=year, month=month, day=min(issued_at.day, monthrange(year, month)[1]))
