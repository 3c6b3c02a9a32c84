"""Notices of the end of a token, 90, 60, 30, 15, 7 and 0 days before it.

Days are those of the calendar in Paris, as people count them: a token that ends on the 30th at any hour has seven days
left on the 23rd, whether or not the clocks change meanwhile. Each threshold is told of once for each token and end. A
run tells of the smallest that is due and marks the greater ones as passed, so that nobody gets two mails after a pause.

No notice is sent for a token that was revoked, now or from a date (its people were told of that one), of a habilitation
that is not in force, or that ended more than a week ago; nor for one whose successor is in use while it was not called
itself for eight days.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.mail_queue import Mail, enqueue
from apientreprise_gateway.accounts.mail_rules import Kind
from apientreprise_gateway.accounts.mails import addresses_of, facts_of
from apientreprise_gateway.accounts.model import HabilitationState, Role, Token
from apientreprise_gateway.database.accounts import habilitations, notices, tokens
from apientreprise_gateway.database.engine import is_postgresql, reading, writing
from apientreprise_gateway.database.tables import calls_by_hour

THRESHOLDS: Final = (90, 60, 30, 15, 7, 0)
"""Days before the end."""
PARIS: Final = ZoneInfo("Europe/Paris")
LATE: Final = timedelta(days=7)
"""How long after the end of a token its last notice is still sent."""
UNUSED: Final = timedelta(days=8)
"""How long a replaced token must not have been called for its end to be no news."""
_SENT, _PASSED = "sent", "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is to be told of a token."""

    token: Token
    threshold: int
    passed: tuple[int, ...]
    """Greater thresholds that were not told of, and will not be."""
    days_left: int
    """Days of the calendar in Paris; below 0 after the end."""
    successor: Token | None
    """The token that replaces it, if there is one that works."""
    last_call_at: datetime | None
    """Of a token that has a successor."""


def days_left(token: Token, now: datetime) -> int:
    """Days of the calendar in Paris from today to the one on which a token ends."""
    return (token.ends_at.astimezone(PARIS).date() - now.astimezone(PARIS).date()).days


def due(connection: Connection, now: datetime) -> Iterator[Notice]:
    """The notices that are due, the tokens that end first before the others."""
    for token in _ending(connection, now):
        notice = notice_of(connection, token, now)
        if notice is not None:
            yield notice


def _ending(connection: Connection, now: datetime) -> Sequence[Token]:
    """Tokens near their end, of habilitations in force, that were not revoked."""
    last_day = now.astimezone(PARIS).date() + timedelta(days=THRESHOLDS[0] + 1)
    until = datetime.combine(last_day, time(), PARIS).astimezone(UTC)
    query = (
        select(tokens.c.id)
        .join(habilitations, habilitations.c.id == tokens.c.habilitation_id)
        .where(
            tokens.c.revoked_at.is_(None),
            tokens.c.exp > int((now - LATE).timestamp()),
            tokens.c.exp < int(until.timestamp()),
            habilitations.c.state == HabilitationState.VALIDATED,
        )
        .order_by(tokens.c.exp, tokens.c.id)
    )
    found = (repository.token(connection, jti) for jti in connection.scalars(query).all())
    return [token for token in found if token is not None]


def notice_of(connection: Connection, token: Token, now: datetime) -> Notice | None:
    """What is to be told of a token near its end; None for nothing."""
    left = days_left(token, now)
    reached = [threshold for threshold in THRESHOLDS if left <= threshold]
    told = set(
        connection.scalars(
            select(notices.c.threshold).where(notices.c.token_id == token.id, notices.c.exp == token.exp)
        )
    )
    if not reached or told & {threshold for threshold in THRESHOLDS if threshold <= reached[-1]}:
        return None
    successor = _successor(connection, token, now)
    last_call = None if successor is None else _last_call(connection, token)
    if successor is not None and _in_use(connection, successor) and (last_call is None or last_call < now - UNUSED):
        return None
    return Notice(
        token=token,
        threshold=reached[-1],
        passed=tuple(threshold for threshold in reached[:-1] if threshold not in told),
        days_left=left,
        successor=successor,
        last_call_at=last_call,
    )


def _successor(connection: Connection, token: Token, now: datetime) -> Token | None:
    """The token that replaces one: made after it, or of the same habilitation with a later end; one in use first."""
    others = [each for each in repository.tokens_of(connection, token.habilitation_id) if each.id != token.id]
    replacing, grown = {token.id}, True
    while grown:
        more = {each.id for each in others if each.replaces in replacing} - replacing
        replacing |= more
        grown = bool(more)
    working = [
        each
        for each in others
        if (each.id in replacing or each.exp > token.exp)
        and each.ends_at > now
        and (each.revoked_at is None or each.revoked_at > max(now, token.ends_at))
    ]
    return max(working, key=lambda each: (_in_use(connection, each), each.exp, each.iat), default=None)


def _in_use(connection: Connection, token: Token) -> bool:
    return token.first_call_at is not None or _last_call(connection, token) is not None


def _last_call(connection: Connection, token: Token) -> datetime | None:
    """The last call with a token: as noted, or the hour of the last that the journal has."""
    counted = select(func.max(calls_by_hour.c.at)).where(calls_by_hour.c.jti == token.id)
    known = [each for each in (token.last_call_at, connection.scalar(counted)) if each is not None]
    return max(known, default=None)


def run(engine: Engine, now: datetime) -> int:
    """Queue the notices that are due, each in a transaction of its own; returns their number.

    Raises:
        DatabaseError: the database cannot be used; notices before are queued.
    """
    with reading(engine) as connection:
        names = [notice.token.id for notice in due(connection, now)]
    return sum(_send(engine, name, now) for name in names)


def _send(engine: Engine, jti: str, now: datetime) -> bool:
    with writing(engine) as connection:
        token = repository.token(connection, jti)
        if token is None or token.revoked_at is not None:
            return False
        notice = notice_of(connection, token, now)
        habilitation = repository.habilitation(connection, token.habilitation_id)
        if notice is None or habilitation is None or habilitation.state is not HabilitationState.VALIDATED:
            return False
        people = addresses_of(connection, habilitation.id)
        chosen = [people[role] for role in (Role.APPLICANT, Role.TECHNICAL_CONTACT) if role in people]
        # The row is what makes it one mail where two processes get here at once.
        if not chosen or not _mark(connection, notice, notice.threshold, _SENT, now):
            return False
        for threshold in notice.passed:
            _mark(connection, notice, threshold, _PASSED, now)
        recipient, *copies = dict.fromkeys(chosen)
        mail = Mail(
            kind=Kind.TOKEN_EXPIRY,
            key=f"{token.id}|{notice.threshold}|{token.exp}",
            recipient=recipient,
            copies=copies,
            data=facts_of(habilitation) | _facts(notice, now),
            about=("notice", token.id),
            expires_at=_overtaken_at(notice),
        )
        return enqueue(connection, mail, now=now)


def _facts(notice: Notice, now: datetime) -> dict[str, object]:
    successor, last_call = notice.successor, notice.last_call_at
    return {
        "token_id": notice.token.id,
        "threshold": notice.threshold,
        "days_left": notice.days_left,
        "ended": notice.token.ends_at <= now,
        "ends_at": notice.token.ends_at.isoformat(),
        "successor": None if successor is None else successor.id,
        "last_call_at": None if last_call is None else last_call.isoformat(),
    }


def _mark(connection: Connection, notice: Notice, threshold: int, outcome: str, now: datetime) -> bool:
    dialect = postgresql if is_postgresql(connection) else sqlite
    values = {"token_id": notice.token.id, "threshold": threshold, "exp": notice.token.exp}
    statement = dialect.insert(notices).values(values | {"at": now, "outcome": outcome}).on_conflict_do_nothing()
    return connection.scalar(statement.returning(notices.c.threshold)) is not None


def _overtaken_at(notice: Notice) -> datetime:
    """When a notice that could not be sent is of no use any more: the next one is due, or it is long over."""
    smaller = [threshold for threshold in THRESHOLDS if threshold < notice.threshold]
    if not smaller:
        return notice.token.ends_at + LATE
    day = notice.token.ends_at.astimezone(PARIS).date() - timedelta(days=smaller[0])
    return datetime.combine(day, time(), PARIS).astimezone(UTC)
