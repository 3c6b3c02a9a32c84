"""Sessions of people who are logged in: rows, found by the SHA-256 of what the browser's cookie holds.

A visitor who is not logged in has no row: the cookie of a visit only ties forms to the browser that they were given to.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.model import User
from apientreprise_gateway.database.serving import sessions

LIFE: Final = timedelta(hours=12)
FRESH: Final = timedelta(minutes=15)
"""After a login, how long what needs a fresh one may be done."""
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A row of `sessions`."""

    sha256: bytes
    user_id: str
    csrf: str
    via: str
    """How the person logged in: `proconnect`, `mail` or `demo`."""
    id_token: bytes | None
    impersonates: str | None
    data: Mapping[str, Any]
    authenticated_at: datetime
    expires_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Whether the login was a moment ago."""
        return now - self.authenticated_at <= FRESH


def new_secret() -> str:
    """256 bits for a cookie or a link."""
    return secrets.token_urlsafe(32)


def is_secret(text: str) -> bool:
    """Whether a text may have been made by `new_secret`."""
    return _SECRET.fullmatch(text) is not None


def digest(secret: str) -> bytes:
    """What is stored of a secret."""
    return sha256(secret.encode()).digest()


def begin(
    connection: Connection, user_id: str, *, via: str, now: datetime, id_token: bytes | None = None
) -> tuple[str, Session]:
    """A new session: what its cookie holds, and its row. `id_token` is sealed."""
    secret = new_secret()
    session = Session(
        sha256=digest(secret),
        user_id=user_id,
        csrf=new_secret(),
        via=via,
        id_token=id_token,
        impersonates=None,
        data={},
        authenticated_at=now,
        expires_at=now + LIFE,
    )
    connection.execute(insert(sessions).values(created_at=now, **{name: getattr(session, name) for name in _COLUMNS}))
    return secret, session


_COLUMNS: Final = tuple(Session.__dataclass_fields__)


def find(connection: Connection, secret: str, *, now: datetime) -> "tuple[Session, User, User | None] | None":
    """A session that has not ended, whose it is, and whose account is looked at in it if that is another's."""
    if not is_secret(secret):
        return None
    row = connection.execute(
        select(*(sessions.c[name] for name in _COLUMNS)).where(
            sessions.c.sha256 == digest(secret), sessions.c.expires_at > now, sessions.c.user_id.is_not(None)
        )
    ).one_or_none()
    if row is None:
        return None
    session = Session(**row._mapping)
    owner = repository.user(connection, session.user_id)
    if owner is None:
        return None
    return session, owner, None if session.impersonates is None else repository.user(connection, session.impersonates)


def end(connection: Connection, session: bytes) -> None:
    """End a session, given as the digest of its secret."""
    connection.execute(delete(sessions).where(sessions.c.sha256 == session))


def keep(connection: Connection, session: bytes, data: Mapping[str, Any]) -> None:
    """Replace what a session keeps between two pages."""
    connection.execute(update(sessions).where(sessions.c.sha256 == session).values(data=dict(data)))


def look_as(connection: Connection, session: bytes, user_id: str | None) -> None:
    """Look at another person's account in a session, or at one's own again."""
    connection.execute(update(sessions).where(sessions.c.sha256 == session).values(impersonates=user_id))


def purge(connection: Connection, *, now: datetime) -> int:
    """Remove the sessions that have ended; returns how many."""
    return connection.execute(delete(sessions).where(sessions.c.expires_at <= now)).rowcount
