"""Access of commands to the database of PORTAL_DATABASE_URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine


@contextmanager
def use_database(*, migrated: bool = True) -> "Iterator[Engine]":
    """An engine of the database, closed at the end of the block; `migrated` says whether its tables must be there.

    Raises:
        SettingsError: the database cannot be used.
    """
    from apientreprise_gateway.config.environment import SettingsError
    from apientreprise_gateway.database.engine import DatabaseError, connect
    from apientreprise_gateway.database.migrate import require_migrated
    from apientreprise_gateway.portal.settings import load

    settings = load()
    try:
        engine = connect(settings.database_url.get_secret_value())
        try:
            if migrated:
                require_migrated(engine)
            yield engine
        finally:
            engine.dispose()
    except (DatabaseError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise SettingsError(f"PORTAL_DATABASE_URL: {error}.") from error


def user_name() -> str:
    """Who runs the command: the user of the system, and whom that user was before sudo."""
    import getpass
    import os

    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    before = os.environ.get("SUDO_USER")
    return f"{before} as {name}" if before else name
