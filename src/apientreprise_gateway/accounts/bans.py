"""Bans of addresses as an account sees them: which of its tokens called from there, why, and until when.

What Redis lists is kept here for 30 days. A ban is shown on each token that the journal saw calling from its address in
the ten minutes before; as lines may reach the journal late, it is looked at again for a while. Bans are never lifted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Select, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from apientreprise_gateway.contract.bans import Ban
from apientreprise_gateway.database.accounts import ban_tokens, bans, tokens
from apientreprise_gateway.database.engine import is_postgresql
from apientreprise_gateway.database.tables import calls
from apientreprise_gateway.net.client_ip import counted

BEFORE: Final = timedelta(minutes=10)
"""Before a ban, in which a token that called from its address is one that it is shown on."""
KEPT: Final = timedelta(days=30)
_YOUNG: Final = timedelta(minutes=5)
"""After the start of a ban, in which `keep` looks again for lines that reach the journal late."""
_LATE: Final = timedelta(hours=3)
"""The same for `keep_late`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBan:
    """A ban, in force or over."""

    id: str
    address: str
    """An IPv4 address, or an IPv6 /64."""
    started_at: datetime
    ends_at: datetime
    reason: str
    calls: int | None
    """Calls, or refused calls, of a minute that caused it."""

    def is_in_force(self, now: datetime) -> bool:
        """Whether calls from the address are refused now."""
        return self.started_at <= now < self.ends_at


_COLUMNS: Final = tuple(bans.c[name] for name in KnownBan.__dataclass_fields__)


def keep(connection: Connection, listed: Iterable[Ban], *, now: datetime) -> int:
    """Keep the bans that Redis lists, and find the tokens of those that are new or young; how many are new."""
    new = sum(_keep_one(connection, ban) for ban in listed)
    _look_again(connection, since=now - _YOUNG)
    return new


def keep_late(connection: Connection, *, now: datetime) -> None:
    """Find the tokens of bans of the last hours whose lines came late."""
    _look_again(connection, since=now - _LATE)


def _look_again(connection: Connection, *, since: datetime) -> None:
    query = select(*_COLUMNS).where(bans.c.started_at > since).order_by(bans.c.id)
    for row in connection.execute(query).mappings().all():
        _find_tokens(connection, KnownBan(**row))


def _keep_one(connection: Connection, ban: Ban) -> int:
    dialect = postgresql if is_postgresql(connection) else sqlite
    values = {
        "id": str(uuid4()),
        "address": ban.address,
        "started_at": datetime.fromtimestamp(ban.start / 1e6, UTC),
        "ends_at": datetime.fromtimestamp(ban.end / 1e6, UTC),
        "reason": ban.reason.value,
        "calls": ban.count,
    }
    unless_known = dialect.insert(bans).values(values).on_conflict_do_nothing(index_elements=["address", "started_at"])
    return int(connection.scalar(unless_known.returning(bans.c.id)) is not None)


def _find_tokens(connection: Connection, ban: KnownBan) -> None:
    """Note the tokens that called from the address shortly before."""
    before = calls.c.time >= ban.started_at - BEFORE, calls.c.time <= ban.started_at
    query = select(calls.c.client_ip, calls.c.jti).where(*before, calls.c.jti.is_not(None)).distinct()
    if "/" not in ban.address:
        query = query.where(calls.c.client_ip == ban.address)
    found = {row.jti for row in connection.execute(query) if row.client_ip and counted(row.client_ip) == ban.address}
    dialect = postgresql if is_postgresql(connection) else sqlite
    for jti in sorted(found):
        noted = dialect.insert(ban_tokens).values(ban_id=ban.id, jti=jti)
        connection.execute(noted.on_conflict_do_nothing(index_elements=["ban_id", "jti"]))


def of_tokens(connection: Connection, jtis: Iterable[str], *, now: datetime) -> dict[str, list[KnownBan]]:
    """The bans of the last 30 days of some tokens, by `jti`, the latest first; tokens without one are left out."""
    query = select(ban_tokens.c.jti, *_COLUMNS).join(ban_tokens, ban_tokens.c.ban_id == bans.c.id)
    query = query.where(ban_tokens.c.jti.in_(list(jtis)))
    found: dict[str, list[KnownBan]] = {}
    for row in connection.execute(_recent(query, now)).mappings():
        found.setdefault(row["jti"], []).append(_ban(row))
    return found


def of_habilitation(connection: Connection, habilitation_id: str, *, now: datetime) -> list[tuple[KnownBan, list[str]]]:
    """The bans of the last 30 days of a habilitation's tokens, the latest first, with the tokens of each."""
    own = select(tokens.c.id).where(tokens.c.habilitation_id == habilitation_id)
    by_token = of_tokens(connection, connection.scalars(own).all(), now=now)
    joined: dict[KnownBan, list[str]] = {}
    for jti, known in by_token.items():
        for ban in known:
            joined.setdefault(ban, []).append(jti)
    return sorted(joined.items(), key=lambda each: (each[0].started_at, each[0].id), reverse=True)


def recent(connection: Connection, *, now: datetime, address: str | None = None, limit: int = 200) -> list[KnownBan]:
    """The bans of the last 30 days, the latest first, for operators; those of an address if one is given."""
    query = select(*_COLUMNS)
    if address is not None:
        query = query.where(bans.c.address == counted(address))
    return [_ban(row) for row in connection.execute(_recent(query, now).limit(limit)).mappings()]


def tokens_of(connection: Connection, ban_id: str) -> list[str]:
    """The tokens that a ban is shown on; some may be no tokens of ours."""
    return list(connection.scalars(select(ban_tokens.c.jti).where(ban_tokens.c.ban_id == ban_id).order_by("jti")))


def tokens_of_all(connection: Connection, ban_ids: Iterable[str]) -> dict[str, list[str]]:
    """The tokens that each of some bans is shown on, by one query; bans of no token are left out."""
    query = select(ban_tokens.c.ban_id, ban_tokens.c.jti).where(ban_tokens.c.ban_id.in_(list(ban_ids)))
    found: dict[str, list[str]] = {}
    for row in connection.execute(query.order_by(ban_tokens.c.jti)):
        found.setdefault(row.ban_id, []).append(row.jti)
    return found


def forget(connection: Connection, *, now: datetime) -> int:
    """Delete bans that have ended more than 30 days ago; how many."""
    return connection.execute(delete(bans).where(bans.c.ends_at < now - KEPT)).rowcount


def _recent(query: Select[Any], now: datetime) -> Select[Any]:
    return query.where(bans.c.ends_at >= now - KEPT).order_by(bans.c.started_at.desc(), bans.c.id)


def _ban(row: Any) -> KnownBan:
    return KnownBan(**{name: row[name] for name in KnownBan.__dataclass_fields__})
