"""Limits on what can be tried: so many times in a window, counted in the database, for all processes together.

What is counted under is stored as a keyed digest. A try that is refused is not counted.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, text

from apientreprise_gateway.database.engine import is_postgresql
from apientreprise_gateway.database.serving import tries


def allow(connection: Connection, kind: str, subject: bytes, *, most: int, window: timedelta, now: datetime) -> bool:
    """Count a try, unless there were `most` in the window before; False if so.

    Args:
        connection: of a transaction that writes.
        kind: what is tried.
        subject: by whom or to whom: what `Sealer.digest` makes of an address.
        most: tries in a window.
        window: its length.
        now: the time.
    """
    if is_postgresql(connection):  # two at once would both find room; on SQLite there is one writer at a time
        lock = int.from_bytes(subject[:8], "big", signed=True)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
    count = connection.scalar(
        select(func.count())
        .select_from(tries)
        .where(tries.c.kind == kind, tries.c.subject == subject, tries.c.at > now - window)
    )
    if (count or 0) >= most:
        return False
    connection.execute(insert(tries).values(kind=kind, subject=subject, at=now))
    return True
