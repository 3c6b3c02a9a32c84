"""Which tokens Redis must be told of, and what: a row for each, written in the transaction of the act.

`portal/publishing.py` tells Redis and takes the rows away. What is told is read when it is written, never kept in the
row, so that a late writer writes the newest.
"""

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from apientreprise_gateway.database.accounts import publications, security_settings, tokens
from apientreprise_gateway.database.engine import is_postgresql

_BITS: Final = 62
QUEUED: Final = "token_publications"
"""In the notes of a connection (`Connection.info`) that has written a row: whoever publishes sees it come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A token that Redis must be told of."""

    jti: str
    change: int
    """Another one after each act."""
    since: datetime
    """When the first act happened that Redis was not told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What gateways must know of a token beyond its string."""

    jti: str
    exp: int
    revoked_at: datetime | None
    revocation_asked_at: datetime | None
    scopes: tuple[str, ...] | None
    """What is left of the signed ones; None for all."""
    allowed_addresses: tuple[str, ...]
    cap_per_minute: int | None
    limit_per_minute: int | None

    @property
    def is_empty(self) -> bool:
        """Whether its string says all."""
        return self.revoked_at is None and not self.record

    @property
    def record(self) -> dict[str, Any]:
        """What stands in `gw:tokens`."""
        says = {
            "allowed_addresses": list(self.allowed_addresses) or None,
            "cap_per_minute": self.cap_per_minute,
            "limit_per_minute": self.limit_per_minute,
            "scopes": None if self.scopes is None else list(self.scopes),
        }
        return {key: value for key, value in says.items() if value is not None}


def publish_later(connection: Connection, jti: str, *, now: datetime) -> None:
    """Have Redis told of a token after the transaction; the portal's processes look every second."""
    _queue(connection, [jti], now=now)


def publish_all_later(connection: Connection, habilitation_id: str, *, now: datetime) -> None:
    """Have Redis told of every token of a habilitation that has not expired."""
    alive = select(tokens.c.id).where(tokens.c.habilitation_id == habilitation_id, tokens.c.exp > int(now.timestamp()))
    _queue(connection, connection.scalars(alive).all(), now=now)


def _queue(connection: Connection, jtis: Iterable[str], *, now: datetime) -> None:
    # A random number, as a row that was taken away and came back must not look like the one before.
    rows = [{"token_id": jti, "change": secrets.randbits(_BITS), "since": now} for jti in sorted(jtis)]
    if not rows:
        return
    dialect = postgresql if is_postgresql(connection) else sqlite
    statement = dialect.insert(publications)
    changed = {"change": statement.excluded.change}
    connection.execute(statement.on_conflict_do_update(index_elements=["token_id"], set_=changed), rows)
    connection.info[QUEUED] = True


def queued(connection: Connection, *, limit: int) -> list[Queued]:
    """The tokens that Redis must be told of, those that wait longest first."""
    statement = select(publications).order_by(publications.c.since, publications.c.token_id).limit(limit)
    return [Queued(jti=row.token_id, change=row.change, since=row.since) for row in connection.execute(statement)]


def is_queued(connection: Connection, jti: str) -> bool:
    """Whether Redis must still be told of a token."""
    return connection.scalar(select(publications.c.token_id).where(publications.c.token_id == jti)) is not None


def waiting(connection: Connection) -> tuple[int, datetime | None]:
    """How many tokens Redis must be told of, and since when the first of them waits."""
    row = connection.execute(select(func.count(), func.min(publications.c.since))).one()
    return row[0], row[1]


def settle(connection: Connection, written: Sequence[Queued]) -> None:
    """Take away the rows of tokens that Redis was told of, but those that changed meanwhile."""
    for each in written:
        unchanged = publications.c.token_id == each.jti, publications.c.change == each.change
        connection.execute(delete(publications).where(*unchanged))


def _published() -> Select[Any]:
    settings = security_settings
    return select(
        tokens.c.id,
        tokens.c.exp,
        tokens.c.revoked_at,
        tokens.c.revocation_asked_at,
        tokens.c.narrowed_scopes,
        settings.c.allowed_addresses,
        settings.c.cap_per_minute,
        settings.c.limit_per_minute,
    ).select_from(tokens.outerjoin(settings, settings.c.habilitation_id == tokens.c.habilitation_id))


def published(connection: Connection, jtis: Collection[str]) -> dict[str, Published]:
    """What gateways must know of some tokens, by `jti`."""
    rows = connection.execute(_published().where(tokens.c.id.in_(jtis)))
    return {row.id: _of(row) for row in rows}


def all_published(connection: Connection, *, now: datetime, after: str = "", limit: int) -> list[Published]:
    """What gateways must know of tokens that have not expired, where there is something, in the order of names."""
    settings = security_settings.c
    something = or_(
        tokens.c.revoked_at.is_not(None),
        tokens.c.narrowed_scopes.is_not(None),
        settings.habilitation_id.is_not(None),
    )
    alive = tokens.c.exp > int(now.timestamp())
    statement = _published().where(alive, something, tokens.c.id > after).order_by(tokens.c.id).limit(limit)
    return [_of(row) for row in connection.execute(statement)]


def _of(row: Any) -> Published:
    return Published(
        jti=row.id,
        exp=row.exp,
        revoked_at=row.revoked_at,
        revocation_asked_at=row.revocation_asked_at,
        scopes=None if row.narrowed_scopes is None else tuple(row.narrowed_scopes),
        allowed_addresses=tuple(row.allowed_addresses or ()),
        cap_per_minute=row.cap_per_minute,
        limit_per_minute=row.limit_per_minute,
    )
