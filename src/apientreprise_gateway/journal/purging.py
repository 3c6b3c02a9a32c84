"""Deletes whole months past their time: calls, wherever they lie, rejects, and who searched for what.

On PostgreSQL the partition of a month is dropped; what lies in the default partition, and all on SQLite, is deleted by
batches. Rows under a legal hold move to a table of their own first, in the same transaction, and stay searchable; at
the end their digest is noted, as the seals of their days say nothing of them alone.

Each month is noted before its first row goes: a purge that is killed leaves no day that seems changed.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, MetaData, Table, func, insert, literal_column, not_, select, text, update

from apientreprise_gateway.database.engine import is_postgresql, reading, writing
from apientreprise_gateway.database.tables import calls, held_calls, imported_days, purges, rejects, searches
from apientreprise_gateway.journal.digests import digest_of_held
from apientreprise_gateway.journal.holds import is_held
from apientreprise_gateway.journal.partitions import month_of, name_of
from apientreprise_gateway.journal.rollups import forget

BATCH_ROWS: Final = 10_000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Purged:
    """What was deleted of a month, or would be."""

    month: date
    calls: int
    held: int
    """Calls that were moved away as they are under a hold; not among `calls`."""
    rejects: int


def end_of_kept(today: date, keep_months: int) -> date:
    """The first day that is kept."""
    return month_of(today, -keep_months)


def purge(
    engine: Engine, *, keep_months: int, who: str, today: date | None = None, dry_run: bool = False
) -> list[Purged]:
    """Delete what is past its time, month by month; returns what was deleted, or would be.

    Raises:
        DatabaseError: the database cannot be used; months before are deleted.
    """
    today = today or datetime.now(UTC).date()
    before = end_of_kept(today, keep_months)
    done = []
    for month in _months(engine, before):
        found = _count(engine, month)
        if found == Purged(month, 0, 0, 0):
            continue
        done.append(found)
        if not dry_run:
            _note(engine, found, who)
            _delete(engine, month)
    if not dry_run:
        _note_digests(engine)
        with writing(engine) as connection:
            forget(connection, now=datetime.combine(today, time(), UTC), keep_months=keep_months)
            connection.execute(imported_days.delete().where(imported_days.c.day < before))
            connection.execute(searches.delete().where(searches.c.at < _moment(before)))
    return done


def _note(engine: Engine, found: Purged, who: str) -> None:
    values = {"at": datetime.now(UTC), "who": who, "month": found.month}
    values |= {"calls": found.calls, "held": found.held, "rejects": found.rejects}
    with writing(engine) as connection:
        connection.execute(insert(purges).values(values))


def _note_digests(engine: Engine) -> None:
    """Note the digest of what holds keep of each month that was purged, and write it to the operators' log."""
    with reading(engine) as connection:
        months = set(connection.scalars(select(purges.c.month).where(purges.c.held_digest.is_(None))))
    for month in sorted(months):
        with writing(engine) as connection:
            lines, digest = digest_of_held(connection, month)
            of_month = (purges.c.month == month, purges.c.held_digest.is_(None))
            connection.execute(update(purges).where(*of_month).values(held_digest=digest))
        _log.info("journal_purged", month=f"{month:%Y-%m}", held=lines, digest=digest)


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _within(column: Any, month: date) -> tuple[Any, Any]:
    return column >= _moment(month), column < _moment(month_of(month, 1))


def _months(engine: Engine, before: date) -> list[date]:
    """The months before a day of which there is something."""
    found: Counter[date] = Counter()
    with reading(engine) as connection:
        for source, column in ((calls, "time"), (held_calls, "time"), (rejects, "at")):
            first = connection.scalar(select(func.min(source.c[column])))
            if first is not None:
                month = month_of(first.astimezone(UTC).date())
                while month < before:
                    found[month] += 1
                    month = month_of(month, 1)
    return sorted(found)


def _count(engine: Engine, month: date) -> Purged:
    def number(connection: Connection, source: Table, *conditions: Any) -> int:
        return connection.scalar(select(func.count()).select_from(source).where(*conditions)) or 0

    with reading(engine) as connection:
        of_calls, of_held = _within(calls.c.time, month), _within(held_calls.c.time, month)
        kept = number(connection, calls, *of_calls, is_held(calls))
        free = number(connection, held_calls, *of_held, not_(is_held(held_calls)))
        return Purged(
            month,
            number(connection, calls, *of_calls) - kept + free,
            kept,
            number(connection, rejects, *_within(rejects.c.at, month)),
        )


def _delete(engine: Engine, month: date) -> None:
    if is_postgresql(engine):
        with writing(engine) as connection:
            _drop_partition(connection, month)
    _by_batches(engine, calls, month, _take_calls)
    _by_batches(engine, held_calls, month, _take_held)
    with writing(engine) as connection:
        connection.execute(rejects.delete().where(*_within(rejects.c.at, month)))


def _drop_partition(connection: Connection, month: date) -> None:
    name = name_of(month)
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is None:
        return
    part = _named(name)
    # Followers write to the parent first: whoever locks the partition first could wait for them in a circle.
    connection.execute(text("LOCK TABLE calls IN ACCESS EXCLUSIVE MODE"))
    connection.execute(insert(held_calls).from_select(_names(), select(part).where(is_held(part))))
    connection.execute(text(f"DROP TABLE {name}"))


def _names() -> list[str]:
    return [column.name for column in calls.columns]


def _by_batches(engine: Engine, source: Table, month: date, take: Callable[[Connection, Any], None]) -> None:
    """Take rows of a month away, some in each transaction, until there are no more."""
    place: Any = literal_column("ctid" if is_postgresql(engine) else "rowid")
    home = source if not (is_postgresql(engine) and source is calls) else _named("calls_default")
    conditions = list(_within(home.c.time, month))
    if source is held_calls:
        conditions.append(not_(is_held(held_calls)))
    while True:
        with writing(engine) as connection:
            places = list(connection.scalars(select(place).select_from(home).where(*conditions).limit(BATCH_ROWS)))
            if not places:
                return
            take(connection, (home, _among(connection, places)))


def _named(name: str) -> Table:
    """A partition, as a table."""
    return calls.to_metadata(MetaData(), name=name)


def _among(connection: Connection, places: list[Any]) -> Any:
    if is_postgresql(connection):
        listed = ", ".join(f"'{place}'" for place in places)
        return text(f"ctid = ANY(ARRAY[{listed}]::tid[])")
    return text(f"rowid IN ({', '.join(str(int(place)) for place in places)})")


def _take_calls(connection: Connection, rows: Any) -> None:
    home, chosen = rows
    columns = [home.c[name] for name in _names()]
    connection.execute(insert(held_calls).from_select(_names(), select(*columns).where(chosen, is_held(home))))
    connection.execute(home.delete().where(chosen))


def _take_held(connection: Connection, rows: Any) -> None:
    home, chosen = rows
    connection.execute(home.delete().where(chosen))
