"""Fixtures of databases: each behaviour is tested on both kinds. `tests/conftest.py` hands them to every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from apientreprise_gateway.database.engine import connect
from support import databases


@pytest.fixture(scope="session")
def postgresql() -> Iterator[databases.PostgreSql]:
    """A PostgreSQL server."""
    with databases.postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of the database."""
    kind: str = request.param
    return kind


@pytest.fixture
def empty_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database without tables."""
    if kind == "sqlite":
        return databases.new_sqlite(tmp_path, migrated=False)
    return databases.new_postgresql(request.getfixturevalue("postgresql"), migrated=False)


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database with its tables."""
    if kind == "sqlite":
        return databases.new_sqlite(tmp_path)
    return databases.new_postgresql(request.getfixturevalue("postgresql"))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine of a database with its tables."""
    engine = connect(url)
    yield engine
    engine.dispose()
