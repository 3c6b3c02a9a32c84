"""Writes rows and rejects, in the transaction of whoever calls: COPY on PostgreSQL, its plain twin on SQLite.

Each transaction that writes has a number, its batch, by which a seal knows the rows that it covers. Writers share a
lock that a seal takes alone, so that no batch below the last one of a seal is written later.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, insert, select, text

from apientreprise_gateway.database import tables
from apientreprise_gateway.database.engine import DatabaseError, is_postgresql, writing
from apientreprise_gateway.journal.line import COLUMNS, NoLineError, Outcome, Row, key_of, parse
from apientreprise_gateway.journal.rollups import add_up

SEAL_LOCK: Final = 7205759405
IMPORT_LOCK: Final = 7205759406
_KEPT_BYTES: Final = 1024 * 1024
"""Bytes of a reject that are kept; its size is noted."""
_NAMES: Final = ", ".join((*COLUMNS, "batch"))


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
    if is_postgresql(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SEAL_LOCK})
        return int(connection.scalar(text("SELECT last_value FROM journal_batch")) or 0)
    return int(connection.scalar(select(tables.counters.c.value).where(tables.counters.c.name == "batch")) or 0)


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


def write_new_rows(connection: Connection, rows: Sequence[Row]) -> int:
    """Write those rows that are not there yet, each once; returns their number. Imports take turns."""
    if is_postgresql(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": IMPORT_LOCK})
        staged = "CREATE TEMPORARY TABLE IF NOT EXISTS staged_calls (LIKE calls) ON COMMIT DELETE ROWS"
    else:
        staged = "CREATE TEMPORARY TABLE IF NOT EXISTS staged_calls AS SELECT * FROM calls LIMIT 0"
    connection.execute(text(staged))
    connection.execute(text("DELETE FROM staged_calls"))
    once = {row[-1]: row for row in rows}
    write_rows(connection, list(once.values()), next_batch(connection), table="staged_calls")
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
    return len(stored)


def new_rejects(connection: Connection, rejects: Iterable[Reject]) -> list[Reject]:
    """Those rejects that are not kept yet, each once."""
    once = {key_of(each.line): each for each in rejects}
    if not once:
        return []
    column = tables.rejects.c.line_key
    keys = list(once)
    for start in range(0, len(keys), 500):
        for (key,) in connection.execute(select(column).where(column.in_(keys[start : start + 500]))):
            once.pop(bytes(key), None)
    return list(once.values())
