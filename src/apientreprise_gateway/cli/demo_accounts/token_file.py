"""Tells the gateway of a demonstration, which has no Redis, what was decided about tokens: by its file of tokens."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Engine

from apientreprise_gateway.accounts.publications import all_published
from apientreprise_gateway.database.engine import DatabaseError, reading
from apientreprise_gateway.portal.services import Services

POLL_SECONDS: Final = 0.5
_MOST: Final = 10_000
"""Tokens that are told of."""


class TokenFile:
    """The file of `GATEWAY_TOKENS`, which the gateway reads again at most a second after it changes."""

    def __init__(self, path: Path) -> None:
        """Begin with a file that may hold anything."""
        self._path = path
        self._written = b""

    def write(self, engine: Engine) -> None:
        """Write what holds now, if it is not written yet.

        Raises:
            DatabaseError: the database cannot be used.
        """
        with reading(engine) as connection:
            found = all_published(connection, now=datetime.now(UTC), limit=_MOST)
        records: dict[str, dict[str, Any]] = {}
        for each in found:
            revoked = {} if each.revoked_at is None else {"revoked_at": each.revoked_at.isoformat()}
            records[each.jti] = revoked | each.record
        content = orjson.dumps(records)
        if content != self._written:
            beside = self._path.with_suffix(".new")
            beside.write_bytes(content)
            beside.replace(self._path)
            self._written = content

    async def keep(self, services: Services) -> None:
        """Write what changes, until cancelled."""
        while True:
            with suppress(DatabaseError):  # the pages say so; it is tried again
                await asyncio.to_thread(self.write, services.engine)
            await asyncio.sleep(POLL_SECONDS)
