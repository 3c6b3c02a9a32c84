"""The tables, as queries name them; `migrations/` makes them, and a test compares the two.

`calls` holds the access lines under the names that the access log gives their fields. On PostgreSQL it is partitioned
by month; without keys, because a key over partitions costs an index that nothing reads.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from apientreprise_gateway.database.types import Instant

metadata: Final = MetaData()
_Id = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself if the type is INTEGER alone."""


def _of_a_line() -> list["Column[Any]"]:
    """The columns of a stored access line."""
    texts = ("trace_id", "span_id", "product", "operation", "part_of", "identifier", "jti", "client_ip", "context")
    more = ("recipient", "object", "user_id")
    return [
        Column("event", Text, nullable=False),
        Column("time", Instant, nullable=False),
        Column("request_id", Text, nullable=False),
        *(Column(name, Text) for name in (*texts, *more)),
        Column("status", Integer),
        *(Column(name, Text) for name in ("codes", "shadow")),  # JSON
        *(Column(name, Boolean) for name in ("cached", "stale")),
        Column("documents", Text),
        *(Column(name, Float) for name in ("provider_seconds", "seconds")),
        Column("document", Text),
        Column("bytes", BigInteger),
        Column("complete", Boolean),
        Column("extra", Text),  # fields that this version does not know, as JSON
        Column("line_key", LargeBinary, nullable=False),
        Column("batch", BigInteger, nullable=False),
    ]


calls: Final = Table(
    "calls",
    metadata,
    *_of_a_line(),
    Index("calls_jti", "jti", "time"),
    Index("calls_identifier", "identifier", "time"),
    Index("calls_user_id", "user_id"),
    Index("calls_recipient", "recipient"),
    Index("calls_request_id", "request_id", postgresql_using="hash"),
    Index("calls_time", "time", postgresql_using="brin"),
    Index("calls_batch", "batch", postgresql_using="brin"),
)
held_calls: Final = Table("held_calls", metadata, *_of_a_line(), Index("held_calls_line_key", "line_key"))
"""Rows that a legal hold keeps beyond their time."""


def _counts(name: str, *keys: "Column[Any]") -> Table:
    """A table of numbers of calls, by the moment at which a minute, an hour or a day begins, and more."""
    moment: Column[Any] = Column("at", Instant, primary_key=True)
    return Table(name, metadata, moment, *keys, Column("calls", BigInteger, nullable=False))


def _key(name: str) -> "Column[Any]":
    return Column(name, Text, primary_key=True)


calls_by_minute: Final = _counts("calls_by_minute", _key("jti"), _key("class"))
calls_by_hour: Final = _counts("calls_by_hour", _key("jti"), _key("class"), Column("cached", Boolean, primary_key=True))
calls_by_day: Final = _counts("calls_by_day", _key("jti"), _key("operation"), _key("class"))
calls_by_operation: Final = _counts("calls_by_operation", _key("operation"), _key("class"))
"""By hour, of all tokens."""
for _table in (calls_by_minute, calls_by_hour, calls_by_day):
    Index(f"{_table.name}_jti", _table.c.jti, _table.c.at)
rejects: Final = Table(
    "journal_rejects",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("position", BigInteger),
    Column("reason", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("line_key", LargeBinary, nullable=False),
    Index("journal_rejects_line_key", "line_key"),
)
files: Final = Table(
    "journal_files",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("path", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("device", BigInteger, nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("head_size", Integer, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    UniqueConstraint("path", "head", name="journal_files_identity"),
)
imported_days: Final = Table("journal_imported_days", metadata, Column("day", Date, primary_key=True))
"""The days (UTC) of which an import has stored calls: a follower asks for each line of them whether it is there."""
counters: Final = Table(
    "journal_counters", metadata, Column("name", String(32), primary_key=True), Column("value", BigInteger)
)
seals: Final = Table(
    "journal_seals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("day", Date, nullable=False),
    Column("after_batch", BigInteger, nullable=False),
    Column("last_batch", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("chain", Text, nullable=False),
    Column("sealed_at", Instant, nullable=False),
    Index("journal_seals_day", "day"),
)
searches: Final = Table(
    "journal_searches",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rows", BigInteger),
)
holds: Final = Table(
    "journal_holds",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("value", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lifted_at", Instant),
    Column("lifted_by", Text),
)
purges: Final = Table(
    "journal_purges",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("month", Date, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("rejects", BigInteger, nullable=False),
    Column("held_digest", Text),
)
