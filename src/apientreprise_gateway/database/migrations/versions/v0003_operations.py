"""Counts of calls by hour and operation, for all tokens together. Calls that are stored already are not counted."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    connection = op.get_bind()
    instant = "TIMESTAMPTZ" if connection.dialect.name == "postgresql" else "VARCHAR(27)"
    connection.exec_driver_sql(
        f"CREATE TABLE calls_by_operation (at {instant} NOT NULL, operation TEXT NOT NULL, class TEXT NOT NULL, "
        "calls BIGINT NOT NULL, PRIMARY KEY (at, operation, class))"
    )
