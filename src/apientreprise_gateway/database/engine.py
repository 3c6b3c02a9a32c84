"""Connections to the database, and what differs between the two kinds of it.

A transaction that writes is begun with `writing`: SQLite has one writer at a time, and a transaction that begins as a
reader may find that it cannot become one.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from apientreprise_gateway.config.private import ONLY_OURS
from apientreprise_gateway.database.url import file_of, parse_database_url

LOCK_SECONDS: Final = 30
"""Seconds that a writer waits for another one on SQLite."""
CONNECT_SECONDS: Final = 5
_WRITES: Final = "writes"


class DatabaseError(Exception):
    """The database cannot be used; the text says why, without a password and without data."""

    def __init__(self, reason: str, *, is_of_data: bool = False) -> None:
        super().__init__(reason)
        self.is_of_data = is_of_data
        """Whether it refuses what it was given, and would again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How a process uses the database."""

    name: str = "journal"
    """What PostgreSQL shows the connections as."""
    pool: int = 5
    """Connections that are kept."""
    more: int = 100
    """Connections that may be made beside them; each followed file keeps one for its lock."""
    statement_seconds: int | None = None
    """How long PostgreSQL works on one statement before it gives up, and how long a statement waits for a lock."""


def connect(url: str, use: Use | None = None) -> Engine:
    """An engine of a database; a connection is made when it is first needed.

    Raises:
        ValueError: the address cannot be used.
    """
    parsed = parse_database_url(url)
    file = file_of(parsed)
    use = use or Use()
    if file is None:
        return create_engine(
            parsed,
            pool_size=use.pool,
            max_overflow=use.more,
            pool_timeout=CONNECT_SECONDS,
            pool_pre_ping=True,
            hide_parameters=True,
            # Statements are not prepared on the server: behind pgbouncer another connection may get the next one.
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "prepare_threshold": None,
                "application_name": use.name,
                **({} if use.statement_seconds is None else {"options": _timeouts(use.statement_seconds)}),
            },
        )
    file.parent.mkdir(mode=ONLY_OURS, parents=True, exist_ok=True)
    engine = create_engine(
        parsed,
        pool_size=use.pool,
        max_overflow=use.more,
        hide_parameters=True,
        connect_args={"timeout": LOCK_SECONDS},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _timeouts(seconds: int) -> str:
    milliseconds = 1000 * seconds
    return f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # `_begin_sqlite` begins transactions, not the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def errors_worded() -> Iterator[None]:
    """Have the errors of libraries in a block raised as ours.

    Raises:
        DatabaseError: the database cannot be used, or refuses.
    """
    try:
        yield
    except (DBAPIError, psycopg.Error, sqlite3.Error) as error:
        said = error.orig if isinstance(error, DBAPIError) else error
        raise DatabaseError(words_of(error), is_of_data=isinstance(said, psycopg.DataError)) from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, committed at the end of the block and rolled back by an exception.

    Raises:
        DatabaseError: the database cannot be used, or refuses.
    """
    with (
        errors_worded(),
        engine.connect().execution_options(**{_WRITES: True}) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads one state of the database.

    Raises:
        DatabaseError: the database cannot be used, or refuses.
    """
    with errors_worded(), engine.connect() as connection, connection.begin():
        yield connection


def words_of(error: Exception) -> str:
    """The first line of what the database says; the lines after it may quote a row."""
    said = error.orig if isinstance(error, DBAPIError) else error
    lines = str(said).strip().splitlines()
    return lines[0] if lines else type(said).__name__


def is_postgresql(connection: Connection | Engine) -> bool:
    """Whether it is PostgreSQL, not SQLite."""
    return connection.dialect.name == "postgresql"


def version_of(connection: Connection) -> str:
    """What the server calls itself, such as `PostgreSQL 15.14`."""
    if is_postgresql(connection):
        return f"PostgreSQL {connection.scalar(text('SHOW server_version'))}"
    return f"SQLite {connection.scalar(text('SELECT sqlite_version()'))}"


def encoding_of(connection: Connection) -> str:
    """The encoding of its texts, such as `UTF8`."""
    return str(connection.scalar(text("SHOW server_encoding"))) if is_postgresql(connection) else "UTF8"
