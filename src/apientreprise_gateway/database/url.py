"""Addresses of databases."""

from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVERS: Final = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def parse_database_url(text: str) -> URL:
    """The address of a database, with the driver that it is spoken to by.

    Raises:
        ValueError: it is no address of a database that can be used; the message does not show it.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("this is no URL of a database") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise ValueError("this is neither sqlite:///FILE nor postgresql://…")
    if not url.database or url.database == ":memory:":
        raise ValueError("it names no file" if driver == "sqlite" else "it names no database")
    return url.set(drivername=driver)


def file_of(url: URL) -> Path | None:
    """The file of a SQLite database; None for PostgreSQL."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None
