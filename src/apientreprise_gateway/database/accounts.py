"""The tables of accounts: people, bodies, habilitations, tokens, and what is done with them.

Identifiers are UUIDs as text. What a link or a session opens is stored as its SHA-256 alone; what a mail needs of it is
sealed with `PORTAL_SECRET_KEYS`. Token strings are nowhere: they are signed again when somebody may see one.
"""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from apientreprise_gateway.database.tables import metadata
from apientreprise_gateway.database.types import Instant

Json: Final = JSON().with_variant(JSONB(), "postgresql")
_Number: Final = BigInteger().with_variant(Integer(), "sqlite")


def _id() -> "Column[Any]":
    return Column("id", Text, primary_key=True)


def _number() -> "Column[Any]":
    return Column("id", _Number, primary_key=True)


def _moment(name: str, *, always: bool = False) -> "Column[Any]":
    return Column(name, Instant, nullable=not always)


def _of(table: str, *, always: bool = True, name: str | None = None, primary: bool = False) -> "Column[Any]":
    """A column that refers to a row of another table, and goes with it."""
    target = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(name or table.removesuffix("s") + "_id", Text, target, nullable=not always, primary_key=primary)


editors: Final = Table(
    "editors",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("siret", Text),
    Column("url", Text),
    Column("form_uids", Json, nullable=False),  # of the forms of DataPass that name this editor
    Column("delegations_enabled", Boolean, nullable=False),
    _moment("created_at", always=True),
)
users: Final = Table(
    "users",
    metadata,
    _id(),
    Column("email", Text, nullable=False, unique=True),  # in lower case
    Column("given_name", Text),
    Column("family_name", Text),
    Column("phone_number", Text),
    Column("job_title", Text),
    Column("editor_id", Text, ForeignKey("editors.id", ondelete="SET NULL")),
    _moment("created_at", always=True),
    _moment("last_login_at"),
    _moment("last_used_at", always=True),  # the last login, act, or event that named this person
)
identities: Final = Table(
    "identities",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    _of("users"),
    Column("idp_id", Text),
    Column("siret", Text),
    _moment("created_at", always=True),
    Index("identities_user_id", "user_id"),
)
organizations: Final = Table(
    "organizations",
    metadata,
    Column("siret", Text, primary_key=True),
    Column("name", Text),
    Column("insee", Json),
    _moment("refreshed_at"),
)
habilitations: Final = Table(
    "habilitations",
    metadata,
    _id(),
    Column("product", Text, nullable=False),  # entreprise, particulier
    Column("source", Text, nullable=False),  # datapass, portal
    Column("external_id", Text, nullable=False),  # the number that people know: of DataPass, or P and ours
    Column("public_id", Text),
    Column("siret", Text),
    Column("title", Text, nullable=False),
    Column("description", Text),
    Column("form_uid", Text),
    Column("use_case", Text),
    Column("state", Text, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("modalities", Json, nullable=False),
    Column("reopened", Boolean, nullable=False),
    Column("details", Json, nullable=False),  # legal basis, retention, controller, DPO ...: see accounts/
    _moment("created_at", always=True),
    _moment("first_submitted_at"),
    _moment("submitted_at"),
    _moment("validated_at"),
    _moment("ended_at"),  # refused, revoked or archived
    _moment("updated_at", always=True),
    Column("replaces", Text),
    UniqueConstraint("product", "external_id", name="habilitations_number"),
    Index("habilitations_siret", "siret"),
    Index("habilitations_form_uid", "form_uid"),
)
roles: Final = Table(
    "roles",
    metadata,
    _of("habilitations", primary=True),
    Column("role", Text, primary_key=True),  # applicant, business_contact, technical_contact
    _of("users"),
    Index("roles_user_id", "user_id"),
)
attachments: Final = Table(
    "attachments",
    metadata,
    _id(),
    _of("habilitations"),
    Column("name", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    _moment("created_at", always=True),
    Index("attachments_habilitation_id", "habilitation_id"),
)
events: Final = Table(
    "habilitation_events",
    metadata,
    _number(),  # the order of arrival
    Column("sha256", LargeBinary, nullable=False, unique=True),
    Column("source", Text, nullable=False),  # datapass-v1, datapass-v2, portal
    Column("product", Text, nullable=False),
    Column("external_id", Text),
    Column("name", Text, nullable=False),
    _moment("fired_at"),
    _moment("arrived_at", always=True),
    Column("facts", Json, nullable=False),  # what is no person's: state, scopes, SIRET, title ...; kept
    Column("body", LargeBinary),  # as it came; gone after PORTAL_KEEP_WEBHOOKS_MONTHS
    Column("token_id", Text),  # made by it
    Column("answer", Json, nullable=False),
    Index("habilitation_events_number", "product", "external_id", "fired_at"),
    Index("habilitation_events_arrived_at", "arrived_at"),
)
tokens: Final = Table(
    "tokens",
    metadata,
    _id(),  # the jti
    _of("habilitations"),
    Column("event_id", BigInteger, unique=True),  # the approval that it was made by
    Column("subject", Text, nullable=False),
    Column("scopes", Json, nullable=False),  # signed in the string
    Column("narrowed_scopes", Json),  # what is left of them; null for all
    Column("iat", BigInteger, nullable=False),  # Unix times in seconds, as signed
    Column("exp", BigInteger, nullable=False),
    _moment("revoked_at"),  # may lie in the future
    _moment("revocation_asked_at"),
    Column("revoked_by", Text),
    Column("revocation_reason", Text),
    Column("replaces", Text),
    _moment("first_call_at"),
    _moment("last_call_at"),
    _moment("seen_at"),  # its string was shown for the first time
    Index("tokens_habilitation_id", "habilitation_id"),
    Index("tokens_exp", "exp"),
)
security_settings: Final = Table(
    "security_settings",
    metadata,
    _of("habilitations", primary=True),
    Column("allowed_addresses", Json, nullable=False),
    Column("cap_per_minute", Integer),  # set by the applicant: only lowers
    Column("limit_per_minute", Integer),  # set by an operator
    _moment("updated_at", always=True),
)
publications: Final = Table(
    "token_publications",
    metadata,
    _of("tokens", primary=True),  # whose record in Redis must be written
    Column("change", BigInteger, nullable=False),
    _moment("since", always=True),
)
hand_overs: Final = Table(
    "hand_overs",
    metadata,
    _id(),
    Column("sha256", LargeBinary, nullable=False, unique=True),
    _of("tokens"),
    Column("by_user_id", Text, ForeignKey("users.id", ondelete="SET NULL")),
    Column("email", Text, nullable=False),
    _moment("created_at", always=True),
    _moment("expires_at", always=True),
    _moment("opened_at"),
    Column("openings", Integer, nullable=False),
    _moment("revoked_at"),
    Index("hand_overs_token_id", "token_id"),
)
notices: Final = Table(
    "notices",
    metadata,
    _of("tokens", primary=True),
    Column("threshold", Integer, primary_key=True),  # days before the end
    Column("exp", BigInteger, primary_key=True),
    _moment("at", always=True),
    Column("outcome", Text, nullable=False),  # sent, passed (a smaller one was due as well)
)
transfers: Final = Table(
    "transfers",
    metadata,
    _id(),
    _of("users", name="from_user_id"),
    Column("email", Text, nullable=False),
    Column("siret", Text, nullable=False),
    Column("state", Text, nullable=False),  # asked, accepted, done, refused, expired
    _moment("asked_at", always=True),
    _moment("expires_at", always=True),
    _moment("accepted_at"),
    _moment("ended_at"),
    Column("ended_by", Text),
    Column("reason", Text),
    Index("transfers_email", "email"),
    Index("transfers_from_user_id", "from_user_id"),
)
delegations: Final = Table(
    "delegations",
    metadata,
    _id(),
    _of("habilitations"),
    _of("editors"),
    Column("by_user_id", Text, ForeignKey("users.id", ondelete="SET NULL")),
    _moment("created_at", always=True),
    _moment("revoked_at"),
    Index(
        "delegations_active",
        "habilitation_id",
        "editor_id",
        unique=True,
        postgresql_where=text("revoked_at IS NULL"),
        sqlite_where=text("revoked_at IS NULL"),
    ),
    Index("delegations_editor_id", "editor_id"),
)
audit_notifications: Final = Table(
    "audit_notifications",
    metadata,
    _id(),
    _of("habilitations"),
    Column("by", Text, nullable=False),
    _moment("at", always=True),
    Column("reason", Text, nullable=False),
    Column("volume", Integer),
    Column("request_ids", Json, nullable=False),
    Index("audit_notifications_habilitation_id", "habilitation_id"),
)
bans: Final = Table(
    "bans",
    metadata,
    _id(),
    Column("address", Text, nullable=False),
    _moment("started_at", always=True),
    _moment("ends_at", always=True),
    Column("reason", Text, nullable=False),
    Column("calls", Integer),
    UniqueConstraint("address", "started_at", name="bans_address"),
    Index("bans_ends_at", "ends_at"),
)
ban_tokens: Final = Table(
    "ban_tokens",
    metadata,
    _of("bans", primary=True),
    Column("jti", Text, primary_key=True),  # may be no token of ours
    Index("ban_tokens_jti", "jti"),
)
activity: Final = Table(
    "activity",
    metadata,
    _number(),
    _moment("at", always=True),
    Column("user_id", Text),  # who acted; null for the system
    Column("as_user_id", Text),  # whose account an operator looked at
    Column("act", Text, nullable=False),
    Column("object_kind", Text),
    Column("object_id", Text),
    Column("details", Json, nullable=False),
    Index("activity_at", "at"),
    Index("activity_user_id", "user_id"),
    Index("activity_object", "object_kind", "object_id"),
)
account_purges: Final = Table(
    "account_purges",
    metadata,
    _number(),
    _moment("at", always=True),
    Column("what", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
)
