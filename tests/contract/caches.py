"""Caches on real stores: what the tests of the cache have in common."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from apientreprise_gateway.cache.port import Entry
from apientreprise_gateway.cache.redis import SHARDS, RedisCache
from apientreprise_gateway.store import driver as driver_module
from apientreprise_gateway.store import exchange as exchange_module
from apientreprise_gateway.store.link import RedisLink, link
from apientreprise_gateway.store.url import parse_url
from contract.shared import PATIENCE
from support.stores import Cluster, Server

MEGABYTE = 1024 * 1024


def entry(body: bytes = b"{}", *, now: float, fresh: float = 3600, stale: float = 0) -> Entry:
    """An entry stored now that ends after so many seconds."""
    return Entry(body, now, now + fresh, now + fresh + stale)


class Clock:
    """A clock that moves when told to, from the real time on; seconds."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        """The time."""
        return self.now


class Told(list[bool]):
    """The changes that a cache has told of."""

    def __call__(self, available: bool, reason: str) -> None:
        """Write one down; it must say why."""
        assert reason
        self.append(available)


@contextmanager
def patient() -> Iterator[None]:
    """Wait for Redis as long as an overloaded machine may need, so that only the tests of trouble meet trouble."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange_module, "TIMEOUT_SECONDS", PATIENCE)
        patch.setattr(driver_module, "_CONNECT_SECONDS", PATIENCE)
        yield


@asynccontextmanager
async def opened(
    to: RedisLink | Server | Cluster,
    *,
    max_bytes: int = 16 * MEGABYTE,
    clock: Callable[[], float] = time.time,
    told: Told | None = None,
) -> AsyncIterator[RedisCache]:
    """Start a cache in Redis until the end of the block."""
    cache = RedisCache(
        link(parse_url(to.url)) if isinstance(to, Server | Cluster) else to,
        max_bytes=max_bytes,
        clock=clock,
        on_change=Told() if told is None else told,
    )
    await cache.start()
    try:
        yield cache
    finally:
        await cache.close()


def kept_by(server: Server) -> int:
    """The bytes of everything that a server keeps for caches: names and values."""
    total = 0
    for shard in range(SHARDS):
        fields = server.command("HGETALL", f"gwc:{{{shard}}}:entries")
        pairs = fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)
        total += sum(len(name) + len(value) for name, value in pairs if name)
    return total
