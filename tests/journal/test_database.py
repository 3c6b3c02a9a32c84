"""The tables and migrations, on both kinds of database."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from apientreprise_gateway.database import accounts, serving, status  # noqa: F401 - their tables join the metadata
from apientreprise_gateway.database import migrate as migrations
from apientreprise_gateway.database.engine import DatabaseError, connect, reading
from apientreprise_gateway.database.migrate import HEAD, migrate, require_migrated
from apientreprise_gateway.database.tables import calls, metadata
from apientreprise_gateway.database.url import parse_database_url
from apientreprise_gateway.journal.line import COLUMNS, FIELDS


def test_an_empty_database_is_refused_until_it_is_migrated(empty_url: str) -> None:
    """The remedy is named; migrating twice changes nothing."""
    engine = connect(empty_url)
    with pytest.raises(DatabaseError, match="portal migrate"):
        require_migrated(engine)
    assert migrate(engine) is None
    require_migrated(engine)
    assert migrate(engine) == HEAD
    engine.dispose()


def test_the_migrations_make_the_tables_that_queries_name(engine: Engine) -> None:
    """Alembic finds no difference but the partitions, and what only one kind of database has."""
    with reading(engine) as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    told = [each for each in differences if not _is_partition(each)]
    assert told == []


def _is_partition(difference: object) -> bool:
    if not isinstance(difference, tuple):
        return False
    table = difference[1] if difference[0] == "remove_table" else getattr(difference[1], "table", None)
    return getattr(table, "name", "").startswith("calls_")


def test_the_last_migration_is_the_one_that_followers_ask_for() -> None:
    """The constant follows the files."""
    folder = migrations.__file__.replace("migrate.py", "migrations")
    assert ScriptDirectory(folder).get_current_head() == HEAD


def test_the_columns_are_the_fields_of_access_lines() -> None:
    """In their order, so that rows can be copied."""
    assert [column.name for column in calls.columns] == [*COLUMNS, "batch"]
    assert COLUMNS[: len(FIELDS)] == FIELDS


@pytest.mark.parametrize("url", ["mysql://h/x", "x", "", "sqlite://", "sqlite:///:memory:", "postgresql://h"])
def test_what_names_no_usable_database_is_refused(url: str) -> None:
    """The error does not repeat it."""
    with pytest.raises(ValueError, match=r"^(this|it) ") as caught:
        parse_database_url(url)
    assert not url or url not in str(caught.value)


def test_a_migration_says_nothing_to_operators(tmp_path: Path) -> None:
    """Alembic's own lines, of each plugin and step, are in no log of a program that logs what others say."""
    program = (
        "import logging; logging.basicConfig(level=logging.INFO); "
        "from apientreprise_gateway.database.engine import connect; "
        "from apientreprise_gateway.database.migrate import migrate; "
        f"migrate(connect('sqlite:///{tmp_path}/journal.sqlite'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
