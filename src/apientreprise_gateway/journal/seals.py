"""Seals: digests of whole days, in a chain, by which a later change shows.

A day is sealed once it is over. Lines that come later get a seal of their own: a seal covers the rows of its day that
were written after one batch and up to another. A seal's chain is the digest of the seal before it and of all that the
seal says, so none can be changed, removed or put in between without changing all that come after; each is written to
the operators' log too, so that a chain made anew shows as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, and_, func, insert, or_, select, text

from apientreprise_gateway.database.engine import DatabaseError, is_postgresql, reading, writing
from apientreprise_gateway.database.tables import calls, purges, seals
from apientreprise_gateway.journal.digests import digest_of, digest_of_held, rows_of
from apientreprise_gateway.journal.partitions import month_of
from apientreprise_gateway.journal.storing import last_batch

_SEALING_LOCK: Final = 7205759407
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seal:
    """The seal of a day, or of lines of a day that came late."""

    number: int
    day: date
    after_batch: int
    last_batch: int
    lines: int
    digest: str
    chain: str

    @classmethod
    def after(cls, previous: "Seal | None", day: date, batches: tuple[int, int], content: tuple[int, str]) -> "Seal":
        """The seal that follows another one."""
        number, (lines, digest) = 1 if previous is None else previous.number + 1, content
        said = f"{previous.chain if previous else ''}|{number}|{day}|{batches[0]}|{batches[1]}|{lines}|{digest}"
        return cls(number, day, *batches, lines, digest, sha256(said.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as a seal says."""

    day: date
    reason: str


def make_seals(engine: Engine, *, now: datetime | None = None) -> list[Seal]:
    """Make the seals that are due.

    Raises:
        DatabaseError: the database cannot be used, or somebody else made some meanwhile.
    """
    now = now or datetime.now(UTC)
    with writing(engine) as connection:
        last = last_batch(connection)
    with reading(engine) as connection:
        before = _sealed(connection)
        due = _due(connection, before, last, now)
    if not due:
        return []
    with writing(engine) as connection:
        if is_postgresql(connection):
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SEALING_LOCK})
        latest = connection.scalar(select(func.max(seals.c.number)))
        if latest != (before[-1].number if before else None):
            raise DatabaseError("somebody else has sealed days meanwhile; try again")
        columns = ("number", "day", "after_batch", "last_batch", "lines", "digest", "chain")
        values = [{name: getattr(seal, name) for name in columns} | {"sealed_at": now} for seal in due]
        connection.execute(insert(seals), values)
    for seal in due:
        _log.info("journal_sealed", number=seal.number, day=str(seal.day), lines=seal.lines, chain=seal.chain)
    return due


def verify(engine: Engine) -> Iterator[Seal | Fault]:
    """Compare the rows with every seal; yields each seal that holds, and a fault for each that does not.

    Days of months that were purged have no rows any more; of their seals only the chain is looked at. What holds
    keep of such a month is compared with the digest that its last purge has noted.

    Raises:
        DatabaseError: the database cannot be used.
    """
    with reading(engine) as connection:
        purged = set(connection.scalars(select(purges.c.month)))
        previous: Seal | None = None
        for seal in _sealed(connection):
            is_purged = month_of(seal.day) in purged
            batches = (seal.after_batch, seal.last_batch)
            content = (seal.lines, seal.digest) if is_purged else _content(connection, seal.day, batches)
            said = Seal.after(previous, seal.day, batches, (seal.lines, seal.digest))
            if (said.number, said.chain) != (seal.number, seal.chain):
                yield Fault(seal.day, f"seal {seal.number} does not follow from the one before it")
            elif content != (seal.lines, seal.digest):
                yield Fault(seal.day, f"the {content[0]} lines there are not the {seal.lines} that were sealed")
            else:
                yield seal
            previous = seal
        yield from _faults_of_held(connection)


def _faults_of_held(connection: Connection) -> Iterator[Fault]:
    noted = select(purges.c.month, purges.c.held_digest).order_by(purges.c.id)
    for month, digest in dict(tuple(row) for row in connection.execute(noted)).items():
        lines, found = digest_of_held(connection, month)
        if digest is not None and found != digest:  # none: the purge was killed; the next one notes it
            yield Fault(month, f"the {lines} calls of this month that holds keep are not those that were kept")


def _sealed(connection: Connection) -> list[Seal]:
    columns = (seals.c[name] for name in ("number", "day", "after_batch", "last_batch", "lines", "digest", "chain"))
    return [Seal(*row) for row in connection.execute(select(*columns).order_by(seals.c.number))]


def _due(connection: Connection, before: Sequence[Seal], last: int, now: datetime) -> list[Seal]:
    made, previous = [], before[-1] if before else None
    until = {seal.day: seal.last_batch for seal in before}
    purged = set(connection.scalars(select(purges.c.month)))
    for day in _days(connection, before, last, now):
        if month_of(day) in purged:
            continue  # what comes later than the purge of its month is purged as well
        batches = (until.get(day, 0), last)
        content = _content(connection, day, batches)
        if content[0]:
            previous = Seal.after(previous, day, batches, content)
            made.append(previous)
    return made


def _days(connection: Connection, before: Sequence[Seal], last: int, now: datetime) -> list[date]:
    """The days that are over and have rows that may not be sealed."""
    is_new = calls.c.batch > 0
    if before:
        sealed_at = connection.scalar(select(func.max(seals.c.sealed_at)))
        was_open = calls.c.time >= datetime.combine(sealed_at.astimezone(UTC).date(), time(), UTC)
        is_new = or_(calls.c.batch > max(seal.last_batch for seal in before), was_open)
    day: Any = func.substr(calls.c.time, 1, 10, type_=None)
    if is_postgresql(connection):
        day = func.to_char(func.timezone("UTC", calls.c.time), "YYYY-MM-DD")
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    query = select(day).where(and_(is_new, calls.c.batch <= last, calls.c.time < today)).distinct()
    return sorted(date.fromisoformat(row[0]) for row in connection.execute(query))


def _content(connection: Connection, day: date, batches: tuple[int, int]) -> tuple[int, str]:
    """The number and the digest of the rows of a day that batches after one, up to another, have written."""
    first = datetime.combine(day, time(), UTC)
    query = (
        rows_of(calls)
        .where(calls.c.time >= first, calls.c.time < first + timedelta(days=1))
        .where(calls.c.batch > batches[0], calls.c.batch <= batches[1])
    )
    return digest_of(connection, query)
