"""Tests of what the cache in memory does beyond the port."""

import pytest

from apientreprise_gateway.cache.memory import OVERHEAD, MemoryCache
from contract.caches import MEGABYTE, Clock, entry


async def test_what_was_not_asked_for_goes_first() -> None:
    """In a full cache, the entries that were asked for lately stay."""
    clock = Clock()
    cache = MemoryCache(max_bytes=MEGABYTE, clock=clock)
    for number in range(100):
        await cache.put(f"{number}", entry(b"x" * 9_000, now=clock.now))
    for number in range(0, 100, 2):
        await cache.get(f"{number}")
    for number in range(50):
        await cache.put(f"new-{number}", entry(b"x" * 9_000, now=clock.now))
    assert all([await cache.get(f"{number}") for number in range(0, 100, 2)])


async def test_every_entry_counts_for_more_than_its_body() -> None:
    """Empty bodies take room too, and long keys."""
    clock = Clock()
    cache = MemoryCache(max_bytes=MEGABYTE, clock=clock)
    for number in range(5_000):
        await cache.put(f"{number:08}", entry(b"", now=clock.now))
    assert (await cache.sweep()).entries == MEGABYTE // (OVERHEAD + 8)
    await cache.put("k" * MEGABYTE, entry(b"", now=clock.now))
    assert await cache.get("k" * MEGABYTE) is None


async def test_a_closed_cache_is_empty() -> None:
    """Closing frees everything."""
    clock = Clock()
    cache = MemoryCache(max_bytes=MEGABYTE, clock=clock)
    await cache.start()
    await cache.put("a", entry(now=clock.now))
    await cache.close()
    assert await cache.sweep() == (0, 0)


@pytest.mark.parametrize("set_back", [60.0, 1800.0, 30 * 86_400.0])
async def test_no_entry_outlives_its_length(set_back: float) -> None:
    """However far the clock is set back, an entry is fresh and kept for no longer than it was to be."""
    clock, steady = Clock(), Clock()
    cache = MemoryCache(max_bytes=MEGABYTE, clock=clock, steady=steady)

    def passes(seconds: float) -> None:
        clock.now += seconds
        steady.now += seconds

    await cache.put("a", entry(now=clock.now, fresh=3600, stale=600))
    passes(1800)
    clock.now -= set_back
    found = await cache.get("a")
    if found is not None:
        assert found.fresh_until - clock.now == pytest.approx(1800)
    passes(2400)
    assert await cache.get("a") is None
    assert await cache.sweep() == (0, 0)


async def test_a_clock_set_forward_ends_entries() -> None:
    """What has ended by the clock is not given, however little time has passed."""
    clock, steady = Clock(), Clock()
    cache = MemoryCache(max_bytes=MEGABYTE, clock=clock, steady=steady)
    await cache.put("a", entry(now=clock.now))
    clock.now += 30 * 86_400
    assert await cache.get("a") is None
