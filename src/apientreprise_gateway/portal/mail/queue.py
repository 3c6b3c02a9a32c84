"""The queue of mails: who sends which row now, and what became of it.

A sender claims a row for some minutes in a transaction of its own, so that two never send the same; where it is killed,
the claim ends and the row is sent by another one, with the same `Message-ID`. What became of a row is written only by
who claimed it last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, or_, select, update

from apientreprise_gateway.accounts.mail_rules import Kind
from apientreprise_gateway.accounts.mails import hand_over_not_sent, is_obsolete
from apientreprise_gateway.database.engine import writing
from apientreprise_gateway.database.serving import mails

CLAIM: Final = timedelta(minutes=5)
"""Longer than any attempt may take."""
FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=1)
"""Between two attempts: doubled from the first to the longest."""
GIVEN_UP_AFTER: Final = timedelta(days=7)
BATCH: Final = 50
URGENT: Final = (Kind.LOGIN_LINK, Kind.HAND_OVER, "status_confirm")
"""Kinds that somebody sits and waits for: they are sent before a thousand notices."""
DELIVERED: Final = "_delivered"
REFUSED: Final = "_refused"
"""Of a row's data: the recipients that the server has accepted, or refused for good, at an attempt before."""


class State(StrEnum):
    """What became of a mail."""

    QUEUED = "queued"
    SENT = "sent"
    DROPPED = "dropped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A mail that this process has claimed."""

    id: int
    key: str
    kind: str
    recipient: str
    copies: tuple[str, ...]
    data: Mapping[str, Any]
    sealed: bytes | None
    object_id: str | None
    created_at: datetime
    attempts: int
    """The one that was begun with the claim included."""

    @property
    def left(self) -> tuple[str, ...]:
        """The recipients that were neither accepted nor refused for good by the server yet."""
        over = {*self.data.get(DELIVERED, ()), *self.data.get(REFUSED, ())}
        return tuple(each for each in dict.fromkeys((self.recipient, *self.copies)) if each not in over)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an attempt to send came to."""

    delivered: tuple[str, ...] = ()
    """Recipients that the server has accepted."""
    refused: tuple[str, ...] = ()
    """Recipients that it has refused for good."""
    error: str | None = None
    """Its last complaint: a code, or the name of an exception."""


def claim(engine: Engine, now: datetime, *, limit: int = BATCH, after: int | None = None) -> list[Queued]:
    """Claim mails that are due; those that are of no use any more are dropped.

    Args:
        engine: of the database.
        now: the present.
        limit: how many at most.
        after: take mails whose next attempt is not due yet as well, of those with a greater id than this.

    Raises:
        DatabaseError: the database cannot be used.
    """
    free = or_(mails.c.claimed_until.is_(None), mails.c.claimed_until <= now, mails.c.claimed_until > now + CLAIM)
    query = select(mails).where(mails.c.state == State.QUEUED, free).limit(limit)
    if after is None:
        # A row that is due later than it can be was written with a clock that was ahead.
        is_due = or_(mails.c.due_at <= now, mails.c.due_at > now + LONGEST_WAIT)
        query = query.where(is_due).order_by(mails.c.kind.in_(URGENT).desc(), mails.c.due_at, mails.c.id)
    else:
        query = query.where(mails.c.id > after).order_by(mails.c.id)
    while True:
        claimed = []
        with writing(engine) as connection:
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            for row in rows:
                why = _why_not(connection, row, now)
                if why is not None:
                    _drop(connection, row, why, now)
                    continue
                values = {"claimed_until": now + CLAIM, "attempts": row.attempts + 1}
                connection.execute(update(mails).where(mails.c.id == row.id).values(values))
                claimed.append(_queued(row))
        if claimed or not rows:
            return claimed


def _queued(row: Any) -> Queued:
    return Queued(
        id=row.id,
        key=row.key,
        kind=row.kind,
        recipient=row.recipient,
        copies=tuple(row.copies),
        data=row.data,
        sealed=row.sealed,
        object_id=row.object_id,
        created_at=row.created_at,
        attempts=row.attempts + 1,
    )


def _why_not(connection: Connection, row: Any, now: datetime) -> str | None:
    """Why a mail is not to be sent any more; None if it is."""
    if row.expires_at is not None and row.expires_at <= now:
        return "expired"
    return is_obsolete(connection, row.object_kind, row.object_id, row.data, now)


def _drop(connection: Connection, row: Any, why: str, now: datetime) -> None:
    _end(connection, row.id, State.DROPPED, why, now)
    if why == "expired":
        _tell_sender(connection, row.kind, row.object_id, now)


def drop_expired(engine: Engine, now: datetime) -> int:
    """Drop mails whose time is over, also while none can be sent; returns their number.

    Raises:
        DatabaseError: the database cannot be used.
    """
    free = or_(mails.c.claimed_until.is_(None), mails.c.claimed_until <= now)
    query = select(mails).where(mails.c.state == State.QUEUED, mails.c.expires_at <= now, free).limit(BATCH)
    with writing(engine) as connection:
        rows = connection.execute(query.with_for_update(skip_locked=True)).all()
        for row in rows:
            _drop(connection, row, "expired", now)
    return len(rows)


def finish(engine: Engine, mail: Queued, attempt: Attempt, now: datetime) -> State:
    """Write what an attempt came to: the mail has ended, or is tried again later; returns its state.

    Raises:
        DatabaseError: the database cannot be used; the mail is sent again when the claim is over.
    """
    delivered = [*mail.data.get(DELIVERED, ()), *attempt.delivered]
    refused = [*mail.data.get(REFUSED, ()), *attempt.refused]
    ours = (mails.c.id == mail.id) & (mails.c.state == State.QUEUED) & (mails.c.attempts == mail.attempts)
    with writing(engine) as connection:
        if connection.scalar(select(mails.c.id).where(ours).with_for_update()) is None:
            return State.QUEUED  # claimed by another one meanwhile, which says what became of it
        left = [each for each in mail.left if each not in attempt.delivered and each not in attempt.refused]
        if left and now - mail.created_at < GIVEN_UP_AFTER:
            values = {
                "due_at": now + wait_after(mail.attempts),
                "claimed_until": None,
                "error": attempt.error,
                "data": {**mail.data, DELIVERED: delivered, REFUSED: refused},
            }
            connection.execute(update(mails).where(mails.c.id == mail.id).values(values))
            return State.QUEUED
        state = State.SENT if delivered else State.FAILED
        _end(connection, mail.id, state, attempt.error, now)
        if state is State.FAILED:
            _tell_sender(connection, mail.kind, mail.object_id, now)
    return state


def _end(connection: Connection, id_: int, state: State, error: str | None, now: datetime) -> None:
    """End a mail; the secret that it held is gone with it."""
    values = {"state": state, "ended_at": now, "claimed_until": None, "error": error, "sealed": None}
    connection.execute(update(mails).where(mails.c.id == id_).values(values))


def _tell_sender(connection: Connection, kind: str, object_id: str | None, now: datetime) -> None:
    if kind == Kind.HAND_OVER and object_id is not None:
        hand_over_not_sent(connection, object_id, now=now)


def wait_after(attempts: int) -> timedelta:
    """How long a mail rests after so many attempts."""
    return min(LONGEST_WAIT, FIRST_WAIT * float(2 ** min(attempts - 1, 20)))


@dataclass(frozen=True, slots=True)
class Depth:
    """How the queue is."""

    queued: int
    failed: int
    """Given up or refused, and not purged yet."""
    oldest_seconds: float
    """Since the oldest queued mail was due for the first time; 0 without one."""


def depth(connection: Connection, now: datetime) -> Depth:
    """How many mails wait, and for how long."""
    counts = {
        row.state: row.rows
        for row in connection.execute(select(mails.c.state, func.count().label("rows")).group_by(mails.c.state))
    }
    oldest = connection.scalar(select(func.min(mails.c.created_at)).where(mails.c.state == State.QUEUED))
    return Depth(
        queued=counts.get(State.QUEUED, 0),
        failed=counts.get(State.FAILED, 0),
        oldest_seconds=0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()),
    )


def waiting(connection: Connection, *, limit: int) -> Sequence[Any]:
    """Rows that are queued or have failed, the oldest first: id, kind, state, times, attempts, error; no address."""
    columns = ("id", "kind", "state", "created_at", "due_at", "attempts", "error")
    query = select(*(mails.c[name] for name in columns)).where(mails.c.state.in_((State.QUEUED, State.FAILED)))
    return connection.execute(query.order_by(mails.c.id).limit(limit)).mappings().all()
