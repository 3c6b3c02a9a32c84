"""The first and the last call of each token, as the journal saw them.

A first call is one that was not refused (401, 403, 429): then the token works, whatever the provider answered. Until
there is one, the refused calls are shown with their codes. The journal's counts by minute say which tokens called
lately, so that what this costs grows with the tokens that call, and not with the calls that are kept.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, func, or_, select, update

from apientreprise_gateway.database.accounts import tokens
from apientreprise_gateway.database.tables import calls, calls_by_hour, calls_by_minute

LATELY: Final = timedelta(minutes=10)
"""Lines that reach the journal later are found by `notice_late`."""
_MINUTES_KEPT: Final = timedelta(days=2)
_REFUSALS: Final = (401, 403, 429)
_NOT_ACCEPTED: Final = ("refused", "abandoned")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCall:
    """A call that a token was refused for before it worked once."""

    time: datetime
    request_id: str
    operation: str | None
    status: int
    codes: tuple[str, ...]


def notice(connection: Connection, *, now: datetime) -> int:
    """Note first and last calls of the last ten minutes; how many tokens have called for the first time."""
    return _notice(connection, calls_by_minute, since=now - LATELY, also_last=True)


def notice_late(connection: Connection, *, now: datetime) -> int:
    """Note calls whose lines came late: of two days by minute, and of tokens that seem unused at any time."""
    found = _notice(connection, calls_by_minute, since=now - _MINUTES_KEPT, also_last=True)
    return found + _notice(connection, calls_by_hour, since=datetime(2000, 1, 1, tzinfo=UTC), also_last=False)


def _notice(connection: Connection, table: Table, *, since: datetime, also_last: bool) -> int:
    """Note the calls that a table of counts tells of; of tokens that never called alone, or the last calls also."""
    accepted = table.c["class"].not_in(_NOT_ACCEPTED)
    is_news = and_(tokens.c.first_call_at.is_(None), or_(accepted, tokens.c.last_call_at.is_(None)))
    if also_last:
        is_news = or_(is_news, table.c.at > tokens.c.last_call_at)
    query = (
        select(tokens.c.id, tokens.c.first_call_at, tokens.c.last_call_at, func.min(table.c.at).label("from_at"))
        .join(tokens, tokens.c.id == table.c.jti)
        .where(table.c.at >= since, is_news)
        .group_by(tokens.c.id, tokens.c.first_call_at, tokens.c.last_call_at)
        .order_by(tokens.c.id)
    )
    return sum(_note(connection, row) for row in connection.execute(query).all())


def _note(connection: Connection, row: Any) -> int:
    """Note the calls of a token since a moment; whether one of them was its first."""
    own = calls.c.jti == row.id, calls.c.time >= row.from_at, calls.c.part_of.is_(None), calls.c.event != "download"
    changes: dict[str, datetime] = {}
    last = connection.scalar(select(func.max(calls.c.time)).where(*own))
    if last is not None and (row.last_call_at is None or row.last_call_at < last):
        changes["last_call_at"] = last
    if row.first_call_at is None:
        works = calls.c.status.is_not(None), calls.c.status.not_in(_REFUSALS)
        first = connection.scalar(select(func.min(calls.c.time)).where(*own, *works))
        if first is not None:
            changes["first_call_at"] = first
    if changes:
        connection.execute(update(tokens).where(tokens.c.id == row.id).values(changes))
    return int("first_call_at" in changes)


def refused_calls(connection: Connection, jti: str, *, since: datetime, limit: int = 10) -> list[RefusedCall]:
    """The latest refused calls of a token since a moment, such as that of its making."""
    columns = (calls.c[name] for name in ("time", "request_id", "operation", "status", "codes"))
    query = select(*columns).where(calls.c.jti == jti, calls.c.time >= since, calls.c.status.in_(_REFUSALS))
    rows = connection.execute(query.order_by(calls.c.time.desc()).limit(limit))
    return [
        RefusedCall(
            time=row.time,
            request_id=row.request_id,
            operation=row.operation,
            status=row.status,
            codes=tuple(_codes(row.codes)),
        )
        for row in rows
    ]


def _codes(text: str | None) -> Iterable[str]:
    return map(str, json.loads(text)) if text else ()
