"""The tables of the portal's processes: mails, jobs, sessions, logins, and how often something was tried."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from apientreprise_gateway.database.accounts import Json
from apientreprise_gateway.database.tables import metadata
from apientreprise_gateway.database.types import Instant

mails: Final = Table(
    "mails",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # kind, object and recipient: the same mail is never queued twice
    Column("kind", Text, nullable=False),  # the name of its template
    Column("recipient", Text, nullable=False),
    Column("copies", Json, nullable=False),
    Column("data", Json, nullable=False),  # what its template is given
    Column("sealed", LargeBinary),  # what of it is secret (a link), encrypted
    Column("object_kind", Text),
    Column("object_id", Text),
    Column("state", Text, nullable=False),  # queued, sent, dropped, failed
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("expires_at", Instant),  # it is not sent later than this
    Column("attempts", Integer, nullable=False),
    Column("claimed_until", Instant),
    Column("ended_at", Instant),
    Column("error", Text),  # a code of the mail server, or why it was dropped
    Index("mails_due", "state", "due_at"),
    Index("mails_object", "object_kind", "object_id"),
)
jobs: Final = Table(
    "jobs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("claimed_until", Instant),
    Column("claimed_by", Text),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("failures", Integer, nullable=False),  # since it last succeeded
    Column("error", Text),
)
sessions: Final = Table(
    "sessions",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE")),
    Column("csrf", Text, nullable=False),
    Column("via", Text),  # proconnect, mail, demo; null before a login
    Column("id_token", LargeBinary),  # sealed, for the logout
    Column("impersonates", Text, ForeignKey("users.id", ondelete="CASCADE")),
    Column("data", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("authenticated_at", Instant),
    Column("expires_at", Instant, nullable=False),
    Index("sessions_user_id", "user_id"),
    Index("sessions_expires_at", "expires_at"),
)
login_links: Final = Table(
    "login_links",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("email", Text, nullable=False),
    Column("goes_to", Text),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Index("login_links_expires_at", "expires_at"),
)
login_attempts: Final = Table(
    "login_attempts",  # sign-ins on their way through ProConnect
    metadata,
    Column("sha256", LargeBinary, primary_key=True),  # of the state
    Column("session", LargeBinary, nullable=False),  # of the browser that began it
    Column("nonce", Text, nullable=False),
    Column("verifier", LargeBinary),  # of PKCE, sealed
    Column("goes_to", Text),
    Column("second_factor", Boolean, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("login_attempts_expires_at", "expires_at"),
)
tries: Final = Table(
    "tries",  # of what is limited: mails to a mailbox, links from an address ...
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", LargeBinary, nullable=False),  # a keyed digest
    Column("at", Instant, nullable=False),
    Index("tries_subject", "kind", "subject", "at"),
)
