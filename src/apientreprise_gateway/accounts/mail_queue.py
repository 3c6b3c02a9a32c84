"""Mails to be sent: a row with the act that causes them, in its transaction; `portal/mail/` renders and sends them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from apientreprise_gateway.database.engine import is_postgresql
from apientreprise_gateway.database.serving import mails


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail to be sent once for its key."""

    kind: str
    """The name of its template."""
    key: str
    """What makes it the same mail, without its recipient: the kind, the object, the moment of the act."""
    recipient: str
    copies: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    """What its template is given; no secret."""
    sealed: bytes | None = None
    """What of it is secret, as JSON encrypted with the ring of the portal."""
    about: tuple[str, str] | None = None
    """The kind and id of the object that it tells of."""
    expires_at: datetime | None = None
    """After which it is of no use, and is not sent."""


def enqueue(connection: Connection, mail: Mail, *, now: datetime) -> bool:
    """Add a mail to the queue; False where it was added before."""
    kind, id_ = mail.about or (None, None)
    values = {
        "key": f"{mail.kind}|{mail.key}|{mail.recipient}",
        "kind": mail.kind,
        "recipient": mail.recipient,
        "copies": list(mail.copies),
        "data": dict(mail.data),
        "sealed": mail.sealed,
        "object_kind": kind,
        "object_id": id_,
        "state": "queued",
        "created_at": now,
        "due_at": now,
        "expires_at": mail.expires_at,
        "attempts": 0,
    }
    dialect = postgresql if is_postgresql(connection) else sqlite
    statement = dialect.insert(mails).values(values).on_conflict_do_nothing(index_elements=["key"])
    # Not by `rowcount`: it says nothing of an insert that gives a number out on PostgreSQL.
    return connection.scalar(statement.returning(mails.c.id)) is not None
