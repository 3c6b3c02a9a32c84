"""Revocations in Redis: which tokens end before their time, and when.

A hash holds the date of each, by `jti`; a key that changes with it tells the gateways when to read it. They keep
what they have read in memory: a Redis that is away, or that has lost its memory, revives no token.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import structlog
from redis.exceptions import RedisError

from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.ratelimit.link import close

POLL_SECONDS: Final = 1.0
_HASH: Final = "gw:revoked"
_VERSION: Final = "gw:revoked:version"
_log = structlog.get_logger(__name__)


async def revoke(client: Any, jti: str, at: float) -> None:
    """Revoke a token, for every gateway on this Redis.

    Args:
        client: of redis-py, for a server or for a Cluster.
        jti: the token's.
        at: Unix time in seconds, past or future.
    """
    await client.hset(_HASH, jti, repr(at))
    # Never a value that was there before, also after the store has lost its memory.
    await client.set(_VERSION, uuid4().hex)


async def revocations(client: Any) -> dict[str, float]:
    """Every revocation that Redis knows: Unix times in seconds, by `jti`.

    Args:
        client: of redis-py, for a server or for a Cluster.
    """
    return _read(await client.hgetall(_HASH))


def _read(dates: Mapping[bytes, bytes]) -> dict[str, float]:
    read = {}
    for jti, date in dates.items():
        try:
            read[jti.decode()] = float(date)
        except ValueError:
            _log.error("revocation_without_date", jti=jti.decode("latin-1"), effect="that token is not revoked")
    return read


class RevocationWatch:
    """Keeps a registry up to date with the revocations in Redis."""

    def __init__(self, client: Any, registry: TokenRegistry) -> None:
        self._client = client
        self._registry = registry
        self._version: bytes | None = None
        self._known: Mapping[str, float] = registry.revoked
        self._away = False
        self._closed = False

    async def refresh(self) -> None:
        """Read what has changed, if anything has."""
        try:
            version = await self._client.get(_VERSION)
            if version is None or version == self._version:
                self._away = False
                return
            dates = await self._client.hgetall(_HASH)
        except (RedisError, OSError) as error:
            if not self._away:
                _log.error("revocations_unreadable", reason=str(error), effect="those read before stay in force")
            self._away = True
            return
        self._away = False
        self._version = version
        self._known = {**self._known, **_read(dates)}
        self._registry.revoke(self._known)
        _log.info("revocations_read", tokens=len(self._known))

    async def watch(self) -> None:
        """Refresh until cancelled, or closed."""
        # redis-py may swallow a cancellation while it reads; the flag ends the watch all the same.
        while not self._closed:
            await self.refresh()
            await asyncio.sleep(POLL_SECONDS)

    async def close(self) -> None:
        """End the watch; close the connection."""
        self._closed = True
        await close(self._client)
