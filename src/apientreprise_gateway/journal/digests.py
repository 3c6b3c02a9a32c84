"""Digests of stored calls."""

from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Select, Table, select

from apientreprise_gateway.database.tables import held_calls
from apientreprise_gateway.database.types import instant_text
from apientreprise_gateway.journal.line import COLUMNS
from apientreprise_gateway.journal.partitions import month_of

_ROWS_AT_ONCE: Final = 1000


def rows_of(table: Table) -> "Select[Any]":
    """All that a digest covers of the rows of a table of calls, in its order."""
    return select(*(table.c[name] for name in COLUMNS)).order_by(table.c.time, table.c.line_key)


def digest_of(connection: Connection, query: "Select[Any]") -> tuple[int, str]:
    """The number of rows of a query, and their digest."""
    lines, digest = 0, sha256()
    for row in connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        digest.update(orjson.dumps([_plain(value) for value in row]))
        digest.update(b"\n")
        lines += 1
    return lines, digest.hexdigest()


def digest_of_held(connection: Connection, month: date) -> tuple[int, str]:
    """The number of calls of a month that holds keep, and their digest."""
    first, end = (datetime.combine(day, time(), UTC) for day in (month, month_of(month, 1)))
    return digest_of(connection, rows_of(held_calls).where(held_calls.c.time >= first, held_calls.c.time < end))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant_text(value)
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else value
