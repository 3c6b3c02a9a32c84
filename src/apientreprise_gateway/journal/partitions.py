"""The partitions of the table of calls, a month each, on PostgreSQL; SQLite has one table."""

from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import Connection, Engine, text

from apientreprise_gateway.database.engine import is_postgresql, reading, writing

AHEAD: Final = 3
"""Months after the present one whose partitions are made."""


def month_of(day: date, later: int = 0) -> date:
    """The first day of the month of a day, or of one so many months later."""
    months = day.year * 12 + day.month - 1 + later
    return date(months // 12, months % 12 + 1, 1)


def name_of(month: date) -> str:
    """The name of the partition of a month."""
    return f"calls_{month:%Y_%m}"


def make_partitions(engine: Engine, *, today: date | None = None) -> list[str]:
    """Make the partitions of this month and the next ones, and of months whose rows are in the default partition.

    Returns:
        The names of those that were missing.

    Raises:
        DatabaseError: the database cannot be used.
    """
    if not is_postgresql(engine):
        return []
    today = today or datetime.now(UTC).date()
    with reading(engine) as connection:
        stray = _stray_months(connection)
    made = []
    for month in sorted({*(month_of(today, later) for later in range(AHEAD + 1)), *stray}):
        with writing(engine) as connection:
            if connection.scalar(text("SELECT journal_make_partition(:month)"), {"month": month}):
                made.append(name_of(month))
    return made


def rows_in_default(connection: Connection) -> int:
    """Rows in the default partition, counted up to 10,000."""
    if not is_postgresql(connection):
        return 0
    count = connection.scalar(text("SELECT count(*) FROM (SELECT 1 FROM calls_default LIMIT 10000) AS found"))
    return int(count or 0)


def _stray_months(connection: Connection) -> list[date]:
    query = "SELECT DISTINCT date_trunc('month', time AT TIME ZONE 'UTC')::date FROM calls_default LIMIT 120"
    return [row[0] for row in connection.execute(text(query))]
