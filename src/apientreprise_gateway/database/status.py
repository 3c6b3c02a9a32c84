"""The tables of the status page: minutes and days of components, incidents and maintenance, subscriptions.

A component is known by its id (`status/components.py`); which ones there are is not in the database.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, LargeBinary, Table, Text

from apientreprise_gateway.database.accounts import Json
from apientreprise_gateway.database.tables import metadata
from apientreprise_gateway.database.types import Instant

minutes: Final = Table(
    "status_minutes",
    metadata,
    Column("at", Instant, primary_key=True),  # where it begins
    Column("component", Text, primary_key=True),
    Column("state", Text, nullable=False),  # good, bad, unknown, maintenance
    Column("cause", Text),  # of a bad one: probe, answers
)
days: Final = Table(
    "status_days",
    metadata,
    Column("day", Date, primary_key=True),  # of Paris
    Column("component", Text, primary_key=True),
    Column("good", Integer, nullable=False),
    Column("bad", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("maintenance", Integer, nullable=False),
)
leases: Final = Table(
    "status_leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Instant, nullable=False),
)
incidents: Final = Table(
    "status_incidents",  # and announced maintenance
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # incident, maintenance
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),  # the last update's
    Column("impact", Text, nullable=False),  # none, minor, major, critical
    Column("components", Json, nullable=False),
    Column("trouble", Text),  # whose trouble a draft was opened for: ours, account, or a provider's
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("published_at", Instant),  # null for a draft
    Column("recovered_at", Instant),  # since when its components work again
    Column("monitoring_at", Instant),
    Column("resolved_at", Instant),
    Column("discarded_at", Instant),
    Column("scheduled_for", Instant),
    Column("scheduled_until", Instant),
    Index("status_incidents_updated_at", "kind", "updated_at"),
)
updates: Final = Table(
    "status_updates",
    metadata,
    Column("id", Text, primary_key=True),
    Column(
        "incident_id",
        Text,
        ForeignKey("status_incidents.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("number", BigInteger, nullable=False),  # their order
    Column("state", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("status_updates_incident_id", "incident_id", "number"),
)
subscriptions: Final = Table(
    "status_subscriptions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),  # in lower case
    Column("components", Json, nullable=False),  # all of them if it is empty
    Column("kinds", Json, nullable=False),  # incident, maintenance
    Column("created_at", Instant, nullable=False),
    Column("confirmed_at", Instant),
    Column("confirmation", LargeBinary, unique=True),  # SHA-256 of the link that confirms
    Column("confirmation_ends_at", Instant),
    Column("secret", LargeBinary, nullable=False, unique=True),  # SHA-256 of the link that changes or ends it
    Column("sealed", LargeBinary, nullable=False),  # that link's secret, for the mails to come
)
