"""Tests of what the store in memory does beyond the port: it forgets, and it lists bans."""

import asyncio
import time

import pytest

from apientreprise_gateway.ratelimit.bans import Reason
from apientreprise_gateway.ratelimit.memory import MemoryLimiter, wall_clock
from apientreprise_gateway.ratelimit.windows import FirstCallWindow, SlidingWindow, Window
from contract.oracle import MINUTE, Clock

CALLERS = 500


def limiter(
    clock: Clock, *, ip_limit: int = 1000, ignored: int = 100, window: type[Window] = SlidingWindow
) -> MemoryLimiter:
    """An empty store."""
    return MemoryLimiter(ip_limit=ip_limit, ignored_429_limit=ignored, window=window, clock=clock)


def sizes(store: MemoryLimiter) -> tuple[int, int, int]:
    """How many windows of tokens, of addresses, and of refused calls it holds."""
    return len(store._tokens), len(store._addresses), len(store._refused)


@pytest.mark.parametrize("window", [SlidingWindow, FirstCallWindow])
def test_memory_is_given_back(window: type[Window]) -> None:
    """A minute after many callers came, the calls of a few others make room for all of them."""

    async def main() -> None:
        clock = Clock()
        store = limiter(clock, window=window)
        for number in range(CALLERS):
            for _ in range(2):
                await store.admit(f"192.0.2.{number}", (f"token-{number}", "json"), 1)
        assert sizes(store) == (CALLERS, CALLERS, CALLERS)
        clock.advance(seconds=60)
        for _ in range(CALLERS // 2 + 1):
            await store.admit("198.51.100.1", ("late", "json"), 1000)
            clock.advance(microseconds=1)
        tokens, addresses, _ = sizes(store)
        assert (tokens, addresses) == (1, 1)

    asyncio.run(main())


def test_memory_follows_the_last_minute() -> None:
    """However many callers come and go, the store holds those of the last minute."""

    async def main() -> None:
        clock = Clock()
        store = limiter(clock)
        for number in range(5000):
            clock.advance(microseconds=MINUTE // 100)
            await store.admit(f"address-{number}", (f"token-{number}", "json"), 5)
            assert max(sizes(store)) <= 102

    asyncio.run(main())


def test_busy_callers_are_kept() -> None:
    """A window in use is not forgotten while others come and go."""

    async def main() -> None:
        clock = Clock()
        store = limiter(clock)
        for _ in range(5):
            await store.admit(None, ("busy", "json"), 5)
        for number in range(500):
            clock.advance(microseconds=MINUTE // 1000)
            await store.admit(None, (f"token-{number}", "json"), 5)
            assert not (await store.admit(None, ("busy", "json"), 5)).admitted

    asyncio.run(main())


def test_memory_is_given_back_although_the_clock_was_wrong() -> None:
    """A clock that was a day ahead when somebody called does not keep later callers in memory."""

    async def main() -> None:
        clock = Clock()
        store = limiter(clock)
        clock.advance(seconds=24 * 3600)
        await store.admit(None, ("early", "json"), 5)
        clock.advance(seconds=-24 * 3600)
        for number in range(300):
            clock.advance(seconds=1)
            await store.admit(None, (f"token-{number}", "json"), 5)
        assert len(store._tokens) <= 62

    asyncio.run(main())


def test_bans_in_force() -> None:
    """The bans in force are listed oldest first, until they end."""

    async def main() -> None:
        clock = Clock()
        store = limiter(clock, ip_limit=2, ignored=1)
        assert store.bans_in_force() == []
        for _ in range(3):
            await store.count_address("192.0.2.1")
        clock.advance(seconds=1)
        await store.admit("192.0.2.2", ("token", "json"), 1)
        await store.admit(None, ("token", "json"), 1)
        for address in ("192.0.2.3", "192.0.2.3"):
            await store.admit(address, ("token", "json"), 1)
        listed = store.bans_in_force()
        assert [(ban.address, ban.reason, ban.count) for ban in listed] == [
            ("192.0.2.1", Reason.CEILING, 3),
            ("192.0.2.3", Reason.IGNORED_429, 2),
        ]
        clock.now = listed[0].end
        assert store.bans_in_force() == listed[1:]
        clock.now = listed[1].end
        assert store.bans_in_force() == []

    asyncio.run(main())


def test_wall_clock_counts_microseconds() -> None:
    """The default clock is the machine's, in microseconds since the epoch."""
    before = time.time_ns()
    now = wall_clock()
    assert before // 1000 <= now <= time.time_ns() // 1000
