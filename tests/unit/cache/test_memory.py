"""Tests of what the cache in memory does beyond the port."""

import asyncio

from apientreprise_gateway.cache.memory import OVERHEAD, MemoryCache
from contract.caches import MEGABYTE, Clock, entry


def test_what_was_not_asked_for_goes_first() -> None:
    """In a full cache, the entries that were asked for lately stay."""

    async def main() -> None:
        clock = Clock()
        cache = MemoryCache(max_bytes=MEGABYTE, clock=clock)
        for number in range(100):
            await cache.put(f"{number}", entry(b"x" * 9_000, now=clock.now))
        for number in range(0, 100, 2):
            await cache.get(f"{number}")
        for number in range(50):
            await cache.put(f"new-{number}", entry(b"x" * 9_000, now=clock.now))
        assert all([await cache.get(f"{number}") for number in range(0, 100, 2)])

    asyncio.run(main())


def test_every_entry_counts_for_more_than_its_body() -> None:
    """Empty bodies take room too, and long keys."""

    async def main() -> None:
        clock = Clock()
        cache = MemoryCache(max_bytes=MEGABYTE, clock=clock)
        for number in range(5_000):
            await cache.put(f"{number:08}", entry(b"", now=clock.now))
        assert (await cache.sweep()).entries == MEGABYTE // (OVERHEAD + 8)
        await cache.put("k" * MEGABYTE, entry(b"", now=clock.now))
        assert await cache.get("k" * MEGABYTE) is None

    asyncio.run(main())


def test_a_closed_cache_is_empty() -> None:
    """Closing frees everything."""

    async def main() -> None:
        clock = Clock()
        cache = MemoryCache(max_bytes=MEGABYTE, clock=clock)
        await cache.start()
        await cache.put("a", entry(now=clock.now))
        await cache.close()
        assert await cache.sweep() == (0, 0)

    asyncio.run(main())
