"""The days of which an import has stored calls, and the digests of calls that a purge has kept."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table and the column."""
    connection = op.get_bind()
    connection.exec_driver_sql("CREATE TABLE journal_imported_days (day DATE PRIMARY KEY NOT NULL)")
    connection.exec_driver_sql("ALTER TABLE journal_purges ADD COLUMN held_digest TEXT")
