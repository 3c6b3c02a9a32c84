"""Counts of calls by minute, hour and day. Calls that are stored already are not counted."""

from typing import Final

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES: Final = {
    "calls_by_minute": "jti TEXT NOT NULL, class TEXT NOT NULL",
    "calls_by_hour": "jti TEXT NOT NULL, class TEXT NOT NULL, cached BOOLEAN NOT NULL",
    "calls_by_day": "jti TEXT NOT NULL, operation TEXT NOT NULL, class TEXT NOT NULL",
}


def upgrade() -> None:
    """Make the tables."""
    connection = op.get_bind()
    instant = "TIMESTAMPTZ" if connection.dialect.name == "postgresql" else "VARCHAR(27)"
    for name, columns in _TABLES.items():
        keys = ", ".join(column.split()[0] for column in columns.split(", "))
        connection.exec_driver_sql(
            f"CREATE TABLE {name} (at {instant} NOT NULL, {columns}, calls BIGINT NOT NULL, PRIMARY KEY (at, {keys}))"
        )
        connection.exec_driver_sql(f"CREATE INDEX {name}_jti ON {name} (jti, at)")
