"""Writes rows and rejects, in the transaction of whoever calls: COPY on PostgreSQL, its plain twin on SQLite.

Each transaction that writes has a number, its batch, by which a seal knows the rows that it covers. Writers share a
lock that a seal takes alone, so that no batch below the last one of a seal is written later. An import takes it alone
as well: it sees all that others have stored, and they see what it has.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, insert, select, text

from apientreprise_gateway.database import tables
from apientreprise_gateway.database.engine import DatabaseError, is_postgresql, writing
from apientreprise_gateway.journal.line import COLUMNS, NoLineError, Outcome, Row, key_of, parse
from apientreprise_gateway.journal.rollups import add_up

SEAL_LOCK: Final = 7205759405
_KEPT_BYTES: Final = 1024 * 1024
"""Bytes of a reject that are kept; its size is noted."""
_NAMES: Final = ", ".join((*COLUMNS, "batch"))
_TIME: Final = COLUMNS.index("time")
_DAY: Final = len("2026-11-28")


class _Tried(Exception):  # noqa: N818 - no error: it undoes a transaction
    """A row was written, and is to be undone."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that is no access line."""

    line: bytes
    reason: str
    position: int | None = None
    """Its first byte in the file; None in a stream."""


@dataclass(slots=True)
class Sorted:
    """Lines, sorted by what they are."""

    rows: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    skipped: int = 0

    def add(self, line: bytes, position: int | None = None) -> None:
        """Read a line, without its end."""
        row = self.row_of(line, position)
        if row is not None:
            self.rows.append(row)

    def row_of(self, line: bytes, position: int | None = None) -> Row | None:
        """The row of a line, which is not kept here; None if it has none."""
        try:
            row = parse(line)
        except NoLineError as error:
            self.rejects.append(Reject(line, str(error), position))
            return None
        if isinstance(row, Outcome):
            self.skipped += 1
            return None
        return row


def next_batch(connection: Connection) -> int:
    """The number of a batch that is written now."""
    if is_postgresql(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": SEAL_LOCK})
        return int(connection.scalar(text("SELECT nextval('journal_batch')")) or 0)
    step = "UPDATE journal_counters SET value = value + 1 WHERE name = 'batch' RETURNING value"
    return int(connection.scalar(text(step)) or 0)


def last_batch(connection: Connection) -> int:
    """The number of the last batch; on PostgreSQL, waits until those under way are written, and holds up new ones."""
    write_alone(connection)
    if is_postgresql(connection):
        return int(connection.scalar(text("SELECT last_value FROM journal_batch")) or 0)
    return int(connection.scalar(select(tables.counters.c.value).where(tables.counters.c.name == "batch")) or 0)


def write_alone(connection: Connection) -> None:
    """Wait until nobody else writes, and keep others from it until the end of the transaction."""
    if is_postgresql(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SEAL_LOCK})


def write_rows(connection: Connection, rows: Iterable[Row], batch: int, *, table: str = "calls") -> None:
    """Write rows to a table of calls. Rows that are made one by one are made while the database takes those before."""
    driver: Any = connection.connection.driver_connection
    if not is_postgresql(connection):
        places = ", ".join("?" * (len(COLUMNS) + 1))
        driver.executemany(
            f"INSERT INTO {table} ({_NAMES}) VALUES ({places})",  # noqa: S608 - all names are ours
            ((*row, batch) for row in rows),
        ).close()
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({_NAMES}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row((*row, batch))


def without_refused(engine: Engine, rows: Iterable[Row]) -> tuple[list[Row], list[Reject]]:
    """Those rows that the database takes, and the others as rejects, as one must not stop the rest; each is tried."""
    taken, refused = [], []
    for row in rows:
        try:
            with suppress(_Tried), writing(engine) as connection:
                write_rows(connection, [row], 0)
                raise _Tried
        except DatabaseError as error:
            if not error.is_of_data:
                raise
            refused.append(Reject(orjson.dumps(row, default=bytes.hex), "the database refuses it"))
        else:
            taken.append(row)
    return taken, refused


def write_rejects(connection: Connection, rejects: Iterable[Reject], source: str) -> None:
    """Keep rejects, with what they came from."""
    now = datetime.now(UTC)
    values = [
        {
            "at": now,
            "source": source,
            "position": each.position,
            "reason": each.reason,
            "size": len(each.line),
            "line": each.line[:_KEPT_BYTES],
            "line_key": key_of(each.line),
        }
        for each in rejects
    ]
    if values:
        connection.execute(insert(tables.rejects), values)


class Unimported:
    """Rows of a transaction that pass, unless they are of a day of which an import has stored calls."""

    def __init__(self, connection: Connection) -> None:
        """Learn which days these are."""
        self._days = {str(day) for day in connection.scalars(select(tables.imported_days.c.day))}
        self.others: list[Row] = []
        """Those that have not passed; they may be there."""

    def passing(self, rows: Iterable[Row]) -> Iterable[Row]:
        """The rows of the other days."""
        return self._passing(rows) if self._days else rows

    def _passing(self, rows: Iterable[Row]) -> Iterator[Row]:
        days, others = self._days, self.others
        for row in rows:
            if row[_TIME][:_DAY] in days:
                others.append(row)
            else:
                yield row


def import_rows(connection: Connection, rows: Sequence[Row]) -> int:
    """Write those rows that are not there yet, and note their days; returns their number. Imports take turns."""
    write_alone(connection)
    stored = write_new_rows(connection, rows, next_batch(connection))
    days = {date.fromisoformat(row[_TIME][:_DAY]) for row in stored}
    days -= set(connection.scalars(select(tables.imported_days.c.day).where(tables.imported_days.c.day.in_(days))))
    if days:
        connection.execute(insert(tables.imported_days), [{"day": day} for day in sorted(days)])
    return len(stored)


def write_new_rows(connection: Connection, rows: Sequence[Row], batch: int) -> list[Row]:
    """Write those rows that are not there yet, each once, and count them; returns them."""
    kind = "AS SELECT * FROM calls LIMIT 0"
    if is_postgresql(connection):
        kind = "(LIKE calls) ON COMMIT DELETE ROWS"
    connection.execute(text(f"CREATE TEMPORARY TABLE IF NOT EXISTS staged_calls {kind}"))
    connection.execute(text("DELETE FROM staged_calls"))
    once = {row[-1]: row for row in rows}
    write_rows(connection, list(once.values()), batch, table="staged_calls")
    # An index finds the request; the columns are named, as their order differs.
    new = connection.execute(
        text(
            f"INSERT INTO calls ({_NAMES}) SELECT {_NAMES} FROM staged_calls AS s WHERE NOT EXISTS ("  # noqa: S608
            "SELECT 1 FROM calls AS c WHERE c.request_id = s.request_id AND c.time = s.time "
            "AND c.line_key = s.line_key) AND NOT EXISTS ("
            "SELECT 1 FROM held_calls AS h WHERE h.line_key = s.line_key AND h.time = s.time) RETURNING line_key"
        )
    )
    stored = [once[bytes(key)] for (key,) in new]
    add_up(connection, stored)
    return stored


def new_rejects(connection: Connection, rejects: Sequence[Reject]) -> list[Reject]:
    """Those rejects that are not kept yet, each once."""
    known = _known(connection, rejects)
    once = {key_of(each.line): each for each in rejects}
    return [each for key, each in once.items() if key not in known]


def unimported_rejects(connection: Connection, rejects: Sequence[Reject]) -> list[Reject]:
    """Those rejects that no import has kept."""
    known = _known(connection, rejects, tables.rejects.c.position.is_(None))
    return [each for each in rejects if key_of(each.line) not in known]


def _known(connection: Connection, rejects: Sequence[Reject], *conditions: Any) -> set[bytes]:
    """The keys of those rejects that are kept."""
    column = tables.rejects.c.line_key
    found: set[bytes] = set()
    keys = list({key_of(each.line) for each in rejects})
    for start in range(0, len(keys), 500):
        query = select(column).where(column.in_(keys[start : start + 500]), *conditions)
        found.update(bytes(key) for key in connection.scalars(query))
    return found
