"""Counts of calls by minute, hour and day, kept in the transaction of the rows, so that pages need not count rows.

Parts of dossiers are left out, as the call that they are of is counted. Refusals (401, 403, 429) are a class of their
own: a client that hammers must not spoil what is said of the service.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Table

from apientreprise_gateway.database.engine import is_postgresql
from apientreprise_gateway.database.tables import calls_by_day, calls_by_hour, calls_by_minute, calls_by_operation
from apientreprise_gateway.journal.line import COLUMNS, Row
from apientreprise_gateway.journal.partitions import month_of

REFUSED: Final = "refused"
ABANDONED: Final = "abandoned"
_REFUSALS: Final = frozenset({401, 403, 429})
_PLACES: Final = {name: place for place, name in enumerate(COLUMNS)}
_EVENT, _TIME, _JTI, _STATUS = (_PLACES[name] for name in ("event", "time", "jti", "status"))
_PART, _OPERATION, _CACHED = (_PLACES[name] for name in ("part_of", "operation", "cached"))
_MINUTE: Final = len("2026-11-28T20:00")
_HOUR: Final = len("2026-11-28T20")
_DAY: Final = len("2026-11-28")
_TYPES: Final = {"at": "timestamptz", "cached": "boolean", "calls": "bigint"}
"""Of the columns that are no text, on PostgreSQL."""
_MINUTES_KEPT: Final = timedelta(days=2)
_HOURS_MONTHS: Final = 13


def class_of(status: int | None) -> str:
    """The class of an answer: `2xx` and so on, refusals and abandoned calls apart."""
    if status is None:
        return ABANDONED
    return REFUSED if status in _REFUSALS else f"{status // 100}xx"


class Sums:
    """Rows of a transaction, counted while they pass."""

    def __init__(self) -> None:
        self.rows = 0
        self._calls: Counter[tuple[Any, ...]] = Counter()

    def passing(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, each counted."""
        calls = self._calls
        for row in rows:
            self.rows += 1
            if row[_EVENT] != "download" and row[_PART] is None:
                calls[row[_TIME][:_MINUTE], row[_JTI], row[_OPERATION], row[_STATUS], row[_CACHED]] += 1
            yield row

    def write(self, connection: Connection) -> None:
        """Add them to the counts, with one statement for each table."""
        minutes: Counter[tuple[Any, ...]] = Counter()
        hours: Counter[tuple[Any, ...]] = Counter()
        days: Counter[tuple[Any, ...]] = Counter()
        operations: Counter[tuple[Any, ...]] = Counter()
        for (minute, token, name, status, cached), calls in self._calls.items():
            jti, operation, kind = token or "", name or "", class_of(status)
            minutes[f"{minute}:00Z", jti, kind] += calls
            hour = f"{minute[:_HOUR]}:00:00Z"
            hours[hour, jti, kind, bool(cached)] += calls
            operations[hour, operation, kind] += calls
            days[f"{minute[:_DAY]}T00:00:00Z", jti, operation, kind] += calls
        _add(connection, calls_by_minute, minutes)
        _add(connection, calls_by_hour, hours)
        _add(connection, calls_by_day, days)
        _add(connection, calls_by_operation, operations)


def add_up(connection: Connection, rows: Iterable[Row]) -> None:
    """Add rows that were just written to the counts."""
    sums = Sums()
    for _ in sums.passing(rows):
        pass
    sums.write(connection)


def forget(connection: Connection, *, now: datetime, keep_months: int) -> None:
    """Delete counts that nothing shows any more: of minutes after 2 days, of hours after 13 months."""
    day = datetime.combine(month_of(now.date(), -keep_months), datetime.min.time(), UTC)
    hour = datetime.combine(month_of(now.date(), -_HOURS_MONTHS), datetime.min.time(), UTC)
    kept_since = {
        calls_by_minute: now - _MINUTES_KEPT,
        calls_by_hour: hour,
        calls_by_operation: hour,
        calls_by_day: day,
    }
    for table, before in kept_since.items():
        connection.execute(table.delete().where(table.c.at < before))


def _add(connection: Connection, table: Table, counts: Counter[tuple[Any, ...]]) -> None:
    if not counts:
        return
    names = [column.name for column in table.columns]
    # In one order everywhere: two writers that wait for each other's rows would stand still.
    rows = [(*key, count) for key, count in sorted(counts.items())]
    added = f"ON CONFLICT ({', '.join(column.name for column in table.primary_key.columns)}) "
    added += f"DO UPDATE SET calls = {table.name}.calls + excluded.calls"
    driver: Any = connection.connection.driver_connection
    if not is_postgresql(connection):
        places = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places}) {added}"  # noqa: S608
        driver.executemany(statement, ((_sqlite_moment(row[0]), *row[1:]) for row in rows)).close()
        return
    types = [_TYPES.get(name, "text") for name in names]
    columns = ", ".join(f"%s::{kind}[]" for kind in types)
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({columns}) {added}"  # noqa: S608
    with driver.cursor() as cursor:
        cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])


def _sqlite_moment(text: str) -> str:
    return f"{text[:-1]}.000000Z"
