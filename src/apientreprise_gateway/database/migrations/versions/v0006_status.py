"""The tables of the status page."""

from typing import Final

from alembic import op

revision = "0006"
down_revision = "0005"

_TABLES: Final = (
    """CREATE TABLE status_minutes (at {instant} NOT NULL, component TEXT NOT NULL, state TEXT NOT NULL, cause TEXT,
        PRIMARY KEY (at, component))""",
    """CREATE TABLE status_days (day DATE NOT NULL, component TEXT NOT NULL, good INTEGER NOT NULL, bad INTEGER NOT
        NULL, unknown INTEGER NOT NULL, maintenance INTEGER NOT NULL, PRIMARY KEY (day, component))""",
    """CREATE TABLE status_leases (name TEXT NOT NULL, holder TEXT NOT NULL, until {instant} NOT NULL,
        PRIMARY KEY (name))""",
    """CREATE TABLE status_incidents (id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
        impact TEXT NOT NULL, components {json} NOT NULL, trouble TEXT, created_at {instant} NOT NULL, updated_at
        {instant} NOT NULL, started_at {instant} NOT NULL, published_at {instant}, recovered_at {instant},
        monitoring_at {instant}, resolved_at {instant}, discarded_at {instant}, scheduled_for {instant},
        scheduled_until {instant}, PRIMARY KEY (id))""",
    "CREATE INDEX status_incidents_updated_at ON status_incidents (kind, updated_at)",
    """CREATE TABLE status_updates (id TEXT NOT NULL, incident_id TEXT NOT NULL, number BIGINT NOT NULL, state TEXT
        NOT NULL, body TEXT NOT NULL, at {instant} NOT NULL, PRIMARY KEY (id), FOREIGN KEY(incident_id) REFERENCES
        status_incidents (id) ON DELETE CASCADE)""",
    "CREATE INDEX status_updates_incident_id ON status_updates (incident_id, number)",
    """CREATE TABLE status_subscriptions (id TEXT NOT NULL, email TEXT NOT NULL, components {json} NOT NULL, kinds
        {json} NOT NULL, created_at {instant} NOT NULL, confirmed_at {instant}, confirmation {blob},
        confirmation_ends_at {instant}, secret {blob} NOT NULL, sealed {blob} NOT NULL, PRIMARY KEY (id), UNIQUE
        (email), UNIQUE (confirmation), UNIQUE (secret))""",
)
_POSTGRESQL: Final = {"instant": "TIMESTAMPTZ", "blob": "BYTEA", "json": "JSONB"}
_SQLITE: Final = {"instant": "VARCHAR(27)", "blob": "BLOB", "json": "JSON"}


def upgrade() -> None:
    """Make the tables."""
    connection = op.get_bind()
    words = _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE
    for statement in _TABLES:
        # In one line: SQLite keeps the text, and SQLAlchemy reads constraints from it.
        connection.exec_driver_sql(" ".join(statement.format(**words).split()))
