"""Types of columns that differ between the two kinds of database."""

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, String
from sqlalchemy.types import TypeDecorator, TypeEngine


def instant_text(moment: datetime) -> str:
    """A moment as text of one length, so that its order is that of time: RFC 3339, UTC, microseconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class Instant(TypeDecorator[datetime]):
    """A moment: `timestamptz` on PostgreSQL, text in UTC on SQLite, which has no such type."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> "TypeEngine[datetime]":
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else DateTime(timezone=True))  # type: ignore[arg-type]

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> "datetime | str | None":
        return value if value is None or dialect.name != "sqlite" else instant_text(value)

    def process_result_value(self, value: "datetime | str | None", dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
