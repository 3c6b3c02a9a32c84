"""Tests of what the store in memory does beyond the port: it forgets, and it lists bans."""

import time

import pytest

from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.ratelimit.memory import FirstCallWindow, MemoryLimiter, SlidingWindow, wall_clock
from apientreprise_gateway.ratelimit.port import AddressRule
from apientreprise_gateway.ratelimit.windows import Window
from contract.oracle import MINUTE, Clock

CALLERS = 500


def limiter(
    clock: Clock, *, ip_limit: int = 1000, ignored: int = 100, window: type[Window] = SlidingWindow
) -> MemoryLimiter:
    """An empty store."""
    return MemoryLimiter(ip_limit=ip_limit, ignored_429_limit=ignored, window=window, clock=clock)


def sizes(store: MemoryLimiter) -> tuple[int, int, int]:
    """How many windows of tokens, of addresses, and of refused calls it holds."""
    return len(store._tokens[60]), len(store._addresses), len(store._refused)


@pytest.mark.parametrize("window", [SlidingWindow, FirstCallWindow])
async def test_memory_is_given_back(window: type[Window]) -> None:
    """A minute after many callers came, the calls of a few others make room for all of them."""
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


async def test_memory_follows_the_last_minute() -> None:
    """However many callers come and go, the store holds those of the last minute."""
    clock = Clock()
    store = limiter(clock)
    for number in range(5000):
        clock.advance(microseconds=MINUTE // 100)
        await store.admit(f"address-{number}", (f"token-{number}", "json"), 5)
        assert max(sizes(store)) <= 102


async def test_memory_of_two_windows_follows_the_last_minute() -> None:
    """Windows of a second beside those of a minute, ceilings apart and refused calls by token are forgotten alike."""
    clock = Clock()
    store = limiter(clock)
    rule = AddressRule(counter="calls:apart", ceiling=500, by_token=True)
    for number in range(3000):
        clock.advance(microseconds=MINUTE // 100)
        for _ in range(2):
            await store.admit(f"address-{number % 10}", (f"token-{number}", "json"), 1, 1, minute=5, rule=rule)
        assert len(store._tokens[1]) <= 4
        assert max(sizes(store)) <= 102


async def test_a_call_that_is_only_judged_makes_no_window() -> None:
    """Calls that the minute refuses leave no window of a second behind."""
    clock = Clock()
    store = limiter(clock)
    await store.admit(None, ("token", "json"), 20, minute=None)
    for _ in range(3):
        clock.advance(seconds=1)
        assert not (await store.admit(None, ("token", "json"), 20, 1, minute=1)).admitted
    assert len(store._tokens[1]) == 0


async def test_a_full_rate_is_never_banned() -> None:
    """Twenty calls in every second, for five minutes, all pass, with the limits that are the defaults."""
    clock = Clock()
    store = limiter(clock)
    rule = AddressRule(counter="calls:apart", ceiling=0, by_token=True)
    for _ in range(300):
        for _ in range(20):
            verdict = await store.admit("192.0.2.1", ("token", "json"), 20, 1, minute=1200, rule=rule)
            assert verdict.admitted
            clock.advance(microseconds=50_000)
    assert store.known_ban("192.0.2.1") is None


async def test_busy_callers_are_kept() -> None:
    """A window in use is not forgotten while others come and go."""
    clock = Clock()
    store = limiter(clock)
    for _ in range(5):
        await store.admit(None, ("busy", "json"), 5)
    for number in range(500):
        clock.advance(microseconds=MINUTE // 1000)
        await store.admit(None, (f"token-{number}", "json"), 5)
        assert not (await store.admit(None, ("busy", "json"), 5)).admitted


async def test_memory_is_given_back_although_the_clock_was_wrong() -> None:
    """A clock that was a day ahead when somebody called does not keep later callers in memory."""
    clock = Clock()
    store = limiter(clock)
    clock.advance(seconds=24 * 3600)
    await store.admit(None, ("early", "json"), 5)
    clock.advance(seconds=-24 * 3600)
    for number in range(300):
        clock.advance(seconds=1)
        await store.admit(None, (f"token-{number}", "json"), 5)
    assert len(store._tokens[60]) <= 62


async def test_bans_in_force() -> None:
    """The bans in force are listed oldest first, until they end."""
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


def test_wall_clock_counts_microseconds() -> None:
    """The default clock is the machine's, in microseconds since the epoch."""
    before = time.time_ns()
    now = wall_clock()
    assert before // 1000 <= now <= time.time_ns() // 1000


@pytest.mark.parametrize(("window", "minute_left"), [(SlidingWindow, 3), (FirstCallWindow, 4)])
async def test_a_successor_goes_on_counting(window: type[Window], minute_left: int) -> None:
    """Both windows, ceilings apart and refused calls by token are handed over; windows of another kind begin anew."""
    clock = Clock()
    rule = AddressRule(counter="calls:apart", ceiling=4, by_token=True)
    former = limiter(clock, ignored=1)
    await former.admit("192.0.2.1", ("token", "json"), 1, 1, minute=5, rule=rule)
    await former.admit("192.0.2.1", ("token", "json"), 1, 1, minute=5, rule=rule)
    successor = limiter(clock, ignored=1, window=window)
    former.hand_over(successor)
    clock.advance(seconds=1)
    verdict = await successor.admit("192.0.2.1", ("token", "json"), 9, 1, minute=5, rule=rule)
    assert (verdict.limit, verdict.remaining) == (5, minute_left)
    await successor.count_address("192.0.2.1", rule)
    banned = await successor.count_address("192.0.2.1", rule)
    assert banned is not None
    assert banned.count == 5


# Who is told of bans.


async def test_each_ban_is_told_once() -> None:
    """Each ban is told of as the call that causes it is judged, and never again while it lasts."""
    clock, told = Clock(), list[Ban]()
    store = MemoryLimiter(ip_limit=3, ignored_429_limit=1, clock=clock, on_ban=told.append)
    for address in ("192.0.2.1", "192.0.2.2"):
        for _ in range(3):
            assert await store.count_address(address) is None
    assert told == []
    for address in ("192.0.2.1", "192.0.2.2"):
        for _ in range(5):
            await store.count_address(address)
            await store.admit(address, ("token", "json"), 5)
    for _ in range(6):
        await store.admit("192.0.2.3", ("another", "json"), 1)
    assert [(ban.address, ban.reason, ban.count) for ban in told] == [
        ("192.0.2.1", Reason.CEILING, 4),
        ("192.0.2.2", Reason.CEILING, 4),
        ("192.0.2.3", Reason.IGNORED_429, 2),
    ]
    assert store.bans_in_force() == told


async def test_ban_after_a_ban_is_told() -> None:
    """An address that is banned again after its first ban ended is told of again."""
    clock, told = Clock(), list[Ban]()
    store = MemoryLimiter(ip_limit=1, ignored_429_limit=100, clock=clock, on_ban=told.append)
    for _ in range(2):
        await store.count_address("192.0.2.1")
    clock.now = told[0].end
    for _ in range(2):
        await store.count_address("192.0.2.1")
    assert [ban.start for ban in told] == [told[0].start, clock.now]


# Shadow.


def shadow(clock: Clock, told: list[Ban], *, ip_limit: int = 1000, ignored: int = 100) -> MemoryLimiter:
    """An empty store that refuses nothing."""
    return MemoryLimiter(ip_limit=ip_limit, ignored_429_limit=ignored, clock=clock, shadow=True, on_ban=told.append)


async def test_shadow_counts_on_under_a_ban() -> None:
    """In shadow the calls of a banned address are counted, and their answers carry the ban with the numbers."""
    clock, told = Clock(), list[Ban]()
    store = shadow(clock, told, ip_limit=2)
    verdicts = [await store.admit("192.0.2.1", ("token", "json"), 4) for _ in range(6)]
    assert [verdict.admitted for verdict in verdicts] == [True] * 4 + [False] * 2
    assert [verdict.remaining for verdict in verdicts] == [3, 2, 1, 0, 0, 0]
    assert [verdict.retry_after for verdict in verdicts] == [0] * 4 + [60] * 2
    assert [verdict.ban for verdict in verdicts] == [None] * 2 + told * 4
    assert len(told) == 1


async def test_shadow_of_ignored_refusals() -> None:
    """In shadow the refused call that causes a ban still says its numbers."""
    clock, told = Clock(), list[Ban]()
    store = shadow(clock, told, ignored=1)
    verdicts = [await store.admit("192.0.2.1", ("token", "json"), 1) for _ in range(4)]
    assert [verdict.ban for verdict in verdicts] == [None, None, told[0], told[0]]
    assert {(verdict.limit, verdict.remaining, verdict.retry_after) for verdict in verdicts[1:]} == {(1, 0, 60)}
    assert len({verdict.reset for verdict in verdicts}) == 1
    assert [ban.reason for ban in told] == [Reason.IGNORED_429]


async def test_shadow_without_a_ban_is_as_ever() -> None:
    """Without a ban, a shadow says what the store says that it shadows."""
    clock, told = Clock(), list[Ban]()
    shade, store = shadow(clock, told), limiter(clock)
    for _ in range(8):
        clock.advance(seconds=7)
        call = ("192.0.2.1", ("token", "json"), 3)
        assert await shade.admit(*call) == await store.admit(*call)
    assert told == []
