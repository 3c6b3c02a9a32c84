"""One follower per file: a lock in the database that ends with the process that has it."""

import os
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Engine, text

from apientreprise_gateway.config.private import takes_lock
from apientreprise_gateway.database.engine import errors_worded, is_postgresql
from apientreprise_gateway.database.url import file_of


class FollowLock:
    """The lock of one path on one machine."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
        self._held: Any = None

    def take(self) -> bool:
        """Take it; False if another follower has it.

        Raises:
            DatabaseError: the database cannot be used.
        """
        if self._held is not None:
            return True
        if is_postgresql(self._engine):
            return self._take_in_database()
        file = file_of(self._engine.url)
        assert file is not None  # noqa: S101 - it is SQLite
        place = file.with_name(f"{file.name}.follow-{self._number & 0xFFFFFFFFFFFFFFFF:016x}")
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if takes_lock(descriptor):
            self._held = descriptor
            return True
        os.close(descriptor)
        return False

    def check(self) -> None:
        """Find out whether the connection that has the lock still lives.

        Raises:
            DatabaseError: it does not; the lock is given up, and to be taken again.
        """
        if isinstance(self._held, Connection):
            try:
                with errors_worded():
                    self._held.execute(text("SELECT 1"))
                    self._held.rollback()
            except BaseException:
                self.give_up()
                raise

    def give_up(self) -> None:
        """Let another follower have it."""
        held, self._held = self._held, None
        if isinstance(held, Connection):
            held.invalidate()
            held.close()
        elif held is not None:
            os.close(held)

    def _take_in_database(self) -> bool:
        with errors_worded():
            connection = self._engine.connect()
            taken = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": self._number}))
            connection.rollback()  # the lock is the session's
        if taken:
            self._held = connection
        else:
            connection.close()
        return taken
