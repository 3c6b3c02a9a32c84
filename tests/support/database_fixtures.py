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
def empty_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database without tables."""
    yield from _made(kind, tmp_path, request, migrated=False)


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with its tables."""
    yield from _made(kind, tmp_path, request, migrated=True)


def _made(kind: str, folder: Path, request: pytest.FixtureRequest, *, migrated: bool) -> Iterator[str]:
    if kind == "sqlite":
        yield databases.new_sqlite(folder, migrated=migrated)
        return
    server = request.getfixturevalue("postgresql")
    made = databases.new_postgresql(server, migrated=migrated)
    yield made
    if server.process is not None:  # a test may have stopped it for good
        databases.drop_postgresql(server, made)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine of a database with its tables."""
    engine = connect(url)
    yield engine
    engine.dispose()
