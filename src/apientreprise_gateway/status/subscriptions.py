"""Subscriptions to mails about incidents and maintenance: asked for with an address, confirmed by a link in a mail.

The link that confirms holds 24 hours; what nobody has confirmed is gone after 7 days. Another link, in each mail,
changes the subscription or ends it. The database holds the digests of both; the second is sealed as well, for the mails
to come.
"""

import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, insert, select, update

from apientreprise_gateway.database.status import subscriptions
from apientreprise_gateway.status.incidents import Incident, Kind

CONFIRMED_WITHIN: Final = timedelta(hours=24)
FORGOTTEN_AFTER: Final = timedelta(days=7)
SECRET_BYTES: Final = 32

Seal = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Who is told of what."""

    id: str
    email: str
    components: frozenset[str]
    """Their ids; all components if it is empty."""
    kinds: frozenset[Kind]
    confirmed_at: datetime | None
    sealed: bytes
    """The secret of the link that changes or ends it, encrypted."""

    def wants(self, incident: Incident) -> bool:
        """Whether it is about an incident."""
        about = not self.components or not incident.components or bool(self.components & set(incident.components))
        return self.confirmed_at is not None and incident.kind in self.kinds and about


@dataclass(frozen=True, slots=True)
class Asked:
    """What becomes of a request for mails."""

    id: str
    confirmation: str | None
    """The secret of the link that confirms it; None if the address is subscribed already."""
    sealed: bytes


def ask(
    connection: Connection,
    *,
    email: str,
    components: Collection[str],
    kinds: Collection[Kind],
    seal: Seal,
    now: datetime,
) -> Asked:
    """Ask for mails to an address. A subscription in force stays as it is: its link in a mail changes it."""
    known = connection.execute(select(subscriptions).where(subscriptions.c.email == email)).one_or_none()
    if known is not None and known.confirmed_at is not None:
        return Asked(known.id, None, known.sealed)
    secret, confirmation = _secret(), _secret()
    values = {
        "components": sorted(components),
        "kinds": sorted(kind.value for kind in kinds),
        "created_at": now,
        "confirmation": digest(confirmation),
        "confirmation_ends_at": now + CONFIRMED_WITHIN,
    }
    if known is not None:
        connection.execute(update(subscriptions).where(subscriptions.c.id == known.id).values(values))
        return Asked(known.id, confirmation, known.sealed)
    made = {"id": str(uuid4()), "email": email, "secret": digest(secret), "sealed": seal(secret.encode())}
    connection.execute(insert(subscriptions).values(values | made))
    return Asked(str(made["id"]), confirmation, made["sealed"])  # type: ignore[arg-type]  # the mapping also holds texts


def to_confirm(connection: Connection, confirmation: str, *, now: datetime) -> Subscription | None:
    """The subscription that a link confirms; None if it is too old, or leads nowhere."""
    query = select(subscriptions).where(
        subscriptions.c.confirmation == digest(confirmation), subscriptions.c.confirmation_ends_at > now
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _read(row)


def confirm(connection: Connection, subscription: Subscription, *, now: datetime) -> None:
    """Put a subscription in force; its link does not confirm another time."""
    values: dict[str, Any] = {"confirmed_at": now, "confirmation": None, "confirmation_ends_at": None}
    connection.execute(update(subscriptions).where(subscriptions.c.id == subscription.id).values(values))


def by_secret(connection: Connection, secret: str) -> Subscription | None:
    """The subscription that a link changes or ends."""
    row = connection.execute(select(subscriptions).where(subscriptions.c.secret == digest(secret))).one_or_none()
    return None if row is None else _read(row)


def renew_secret(connection: Connection, id_: str, *, seal: Seal) -> str:
    """Give a subscription another secret, where the one before cannot be opened any more; links in old mails end."""
    secret = _secret()
    values = {"secret": digest(secret), "sealed": seal(secret.encode())}
    connection.execute(update(subscriptions).where(subscriptions.c.id == id_).values(values))
    return secret


def change(
    connection: Connection, subscription: Subscription, *, components: Collection[str], kinds: Collection[Kind]
) -> None:
    """Have a subscription be about something else."""
    values = {"components": sorted(components), "kinds": sorted(kind.value for kind in kinds)}
    connection.execute(update(subscriptions).where(subscriptions.c.id == subscription.id).values(values))


def end(connection: Connection, subscription: Subscription) -> None:
    """Forget a subscription and its address."""
    connection.execute(delete(subscriptions).where(subscriptions.c.id == subscription.id))


def interested(connection: Connection, incident: Incident) -> Iterator[Subscription]:
    """Those who are told of an incident."""
    query = select(subscriptions).where(subscriptions.c.confirmed_at.is_not(None)).order_by(subscriptions.c.id)
    rows: Sequence[Row[Any]] = connection.execute(query).all()
    return (each for each in map(_read, rows) if each.wants(incident))


def forget_unconfirmed(connection: Connection, *, now: datetime) -> int:
    """Delete what nobody has confirmed in 7 days; returns their number."""
    old = subscriptions.c.created_at < now - FORGOTTEN_AFTER
    return connection.execute(delete(subscriptions).where(subscriptions.c.confirmed_at.is_(None), old)).rowcount


def digest(secret: str) -> bytes:
    """What is stored of a secret."""
    return sha256(secret.encode(errors="surrogatepass")).digest()


def _secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def _read(row: Row[Any]) -> Subscription:
    return Subscription(
        id=row.id,
        email=row.email,
        components=frozenset(row.components),
        kinds=frozenset(Kind(kind) for kind in row.kinds),
        confirmed_at=row.confirmed_at,
        sealed=bytes(row.sealed),
    )
