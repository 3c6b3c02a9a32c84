"""Brings a database to the state that this version needs, by the migrations of `migrations/`."""

import logging
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from apientreprise_gateway.database.engine import DatabaseError, is_postgresql, reading, writing

HEAD: Final = "0006"
"""The last migration; processes that only use the database look at it without loading Alembic."""
_LOCK: Final = 7205759403
"""Of an advisory lock: two that migrate at once take turns."""


def migrate(engine: Engine) -> str | None:
    """Apply the migrations that are missing; returns the one that was last before, None in an empty database.

    Raises:
        DatabaseError: the database cannot be used, or refuses.
    """
    # Before the import, which tells of each plugin: that, and each step, would be a line of the operators' log.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command  # noqa: PLC0415 - a follower has no use for it in its memory
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with writing(engine) as connection:
        if is_postgresql(connection):
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = _state(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before


def state_of(engine: Engine) -> str | None:
    """The last migration that was applied; None in a database without tables.

    Raises:
        DatabaseError: the database cannot be used.
    """
    with reading(engine) as connection:
        return _state(connection)


def require_migrated(engine: Engine) -> None:
    """Refuse a database that is not in the state that this version needs.

    Raises:
        DatabaseError: it is not, or cannot be used.
    """
    state = state_of(engine)
    if state != HEAD:
        has = "no tables yet" if state is None else f"the tables of migration {state}, not of {HEAD}"
        raise DatabaseError(f"the database has {has}; `portal migrate` makes them")


def _state(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
