"""What every store of windows and bans does, whatever it keeps them in.

One list of behaviours, run on each store with each kind of window.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.ratelimit.lua import WindowScripts, first_call, sliding
from apientreprise_gateway.ratelimit.memory import FirstCallWindow, MemoryLimiter, SlidingWindow
from apientreprise_gateway.ratelimit.port import AddressRule, Limiter, Verdict
from apientreprise_gateway.ratelimit.windows import Window
from contract import shared
from contract.oracle import (
    BAN,
    MINUTE,
    SECOND,
    Clock,
    FirstCallOracle,
    Heard,
    PairOracle,
    SlidingOracle,
    StoreOracle,
    WindowOracle,
)
from support.loops import complete
from support.stores import Cluster, Server

KEY = ("token", "json")
ADDRESS = "192.0.2.1"


class Opener(Protocol):
    """Opens an empty store."""

    def __call__(
        self, *, kind: "Kind", clock: Clock, ip_limit: int, ignored_429_limit: int
    ) -> AbstractAsyncContextManager[Limiter]:
        """Open a store that tells the time by `clock`."""


@dataclass(frozen=True)
class Kind:
    """A kind of window: in memory, in Redis, and as the oracle has it."""

    window: type[Window]
    scripts: Callable[[], WindowScripts]
    oracle: Callable[..., WindowOracle]


@dataclass(frozen=True)
class Store:
    """A kind of store, with a kind of window."""

    opener: Opener
    kind: Kind
    examples: int
    """Of each law."""

    @asynccontextmanager
    async def opened(
        self, *, ip_limit: int = 1000, ignored_429_limit: int = 100
    ) -> AsyncIterator[tuple[Limiter, Clock]]:
        """An empty store, and the clock that it tells the time by."""
        clock = Clock()
        async with self.opener(
            kind=self.kind, clock=clock, ip_limit=ip_limit, ignored_429_limit=ignored_429_limit
        ) as limiter:
            yield limiter, clock


@asynccontextmanager
async def _memory(*, kind: Kind, clock: Clock, ip_limit: int, ignored_429_limit: int) -> AsyncIterator[Limiter]:
    yield MemoryLimiter(ip_limit=ip_limit, ignored_429_limit=ignored_429_limit, window=kind.window, clock=clock)


def _real(server: Server | Cluster) -> Opener:
    @asynccontextmanager
    async def opener(*, kind: Kind, clock: Clock, ip_limit: int, ignored_429_limit: int) -> AsyncIterator[Limiter]:
        shared.empty(server)
        with shared.patient(), shared.told_the_time(clock):
            async with shared.opened(
                server, ip_limit=ip_limit, ignored_429_limit=ignored_429_limit, window=kind.scripts, clock=clock
            ) as limiter:
                yield limiter

    return opener


PHASES = [phase for phase in Phase if phase is not Phase.explain]
"""On a real store, explaining a failure takes longer than finding it."""
STORES = ("memory", "redis7", "valkey", "cluster")
"""The memory, and the fixtures of `conftest.py`."""
KINDS = {
    "sliding": Kind(SlidingWindow, sliding, SlidingOracle),
    "first-call": Kind(FirstCallWindow, first_call, FirstCallOracle),
}


@pytest.fixture(scope="module", params=[(name, kind) for name in STORES for kind in KINDS], ids="-".join)
def store(request: pytest.FixtureRequest) -> Store:
    """Each store, with each kind of window."""
    name, kind = request.param
    if name == "memory":
        return Store(_memory, KINDS[kind], examples=200)
    return Store(_real(request.getfixturevalue(name)), KINDS[kind], examples=25)


async def _fill(limiter: Limiter, limit: int, *, address: str | None = None, key: tuple[str, str] = KEY) -> Verdict:
    """Make as many calls as are admitted; what the last one got."""
    for _ in range(limit):
        verdict = await limiter.admit(address, key, limit)
        assert verdict.admitted
    return verdict


# Windows.


async def test_documented_example(store: Store) -> None:
    """The example of the public documentation: three calls leave 47 of 50, and the reset a minute after the first."""

    async with store.opened() as (limiter, clock):
        ten = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
        for second in (0, 20, 30):
            clock.now = (int(ten.timestamp()) + second) * SECOND
            verdict = await limiter.admit(ADDRESS, KEY, 50)
        assert verdict.admitted
        assert (verdict.limit, verdict.remaining) == (50, 47)
        assert datetime.fromtimestamp(verdict.reset, UTC) == ten.replace(minute=1)


async def test_limit_is_reached_exactly(store: Store) -> None:
    """As many calls as the limit says are admitted, the next one is not."""

    async with store.opened() as (limiter, _):
        remaining = [(await limiter.admit(ADDRESS, KEY, 5)).remaining for _ in range(5)]
        assert remaining == [4, 3, 2, 1, 0]
        refused = await limiter.admit(ADDRESS, KEY, 5)
        assert (refused.admitted, refused.remaining, refused.ban) == (False, 0, None)


@pytest.mark.parametrize("offset", [0, 1, 999_999])
async def test_free_again_to_the_microsecond(store: Store, offset: int) -> None:
    """A full window refuses one microsecond before its first call is 60 s old, and admits at that instant."""

    async with store.opened() as (limiter, clock):
        clock.advance(microseconds=offset)
        first = clock.now
        await _fill(limiter, 2)
        clock.now = first + MINUTE - 1
        early = await limiter.admit(None, KEY, 2)
        assert (early.admitted, early.retry_after) == (False, 1)
        clock.now = first + MINUTE
        assert (await limiter.admit(None, KEY, 2)).admitted


async def test_refused_calls_leave_no_mark(store: Store) -> None:
    """A caller that goes on calling while refused is admitted no later for it."""

    async with store.opened() as (limiter, clock):
        await _fill(limiter, 3)
        for _ in range(59):
            clock.advance(seconds=1)
            assert not (await limiter.admit(None, KEY, 3)).admitted
        clock.advance(seconds=1)
        verdict = await limiter.admit(None, KEY, 3)
        assert (verdict.admitted, verdict.remaining) == (True, 2)


async def test_reset_is_rounded_up(store: Store) -> None:
    """Reset is the first whole second at which the oldest call has left the window."""

    async with store.opened() as (limiter, clock):
        second = clock.now // SECOND
        assert (await limiter.admit(None, ("exact", "json"), 2)).reset == second + 60
        clock.advance(microseconds=1)
        assert (await limiter.admit(None, ("late", "json"), 2)).reset == second + 61


async def test_retry_after_is_zero_for_an_admitted_call(store: Store) -> None:
    """An admitted call is not told to wait, not even the last one of the window."""

    async with store.opened() as (limiter, _):
        assert (await _fill(limiter, 3)).retry_after == 0


async def test_lowered_limit(store: Store) -> None:
    """A limit that is lowered refuses at once and shows no negative remainder; waiting as told is still enough."""

    async with store.opened() as (limiter, clock):
        for _ in range(10):
            clock.advance(seconds=1)
            await limiter.admit(None, KEY, 10)
        refused = await limiter.admit(None, KEY, 3)
        assert (refused.admitted, refused.limit, refused.remaining) == (False, 3, 0)
        clock.advance(seconds=refused.retry_after - 1)
        assert not (await limiter.admit(None, KEY, 3)).admitted
        clock.advance(seconds=1)
        assert (await limiter.admit(None, KEY, 3)).admitted


async def test_raised_limit(store: Store) -> None:
    """A limit that is raised admits at once, and remembers what was used."""

    async with store.opened() as (limiter, _):
        await _fill(limiter, 2)
        assert not (await limiter.admit(None, KEY, 2)).admitted
        verdict = await limiter.admit(None, KEY, 5)
        assert (verdict.admitted, verdict.limit, verdict.remaining) == (True, 5, 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "json"), ("b", "json")),
        (("a", "json"), ("a", "documents")),
        (("a", "b:c"), ("a:b", "c")),
        (("a", "b"), ("ab", "")),
        (("a{b}", "c"), ("a", "{b}c")),
        (("a/b", "c"), ("a", "b/c")),
        (("a\x00b", "c"), ("a", "b\x00c")),
        (("é", "c"), ("e\u0301", "c")),
        (("A", "c"), ("a", "c")),
    ],
)
async def test_counters_are_not_shared(store: Store, one: tuple[str, str], other: tuple[str, str]) -> None:
    """Two different pairs of token and group never share a counter, however they are spelt."""

    async with store.opened() as (limiter, _):
        await _fill(limiter, 1, key=one)
        assert not (await limiter.admit(None, one, 1)).admitted
        assert (await limiter.admit(None, other, 1)).admitted


async def test_counter_is_shared_by_addresses(store: Store) -> None:
    """A token has one counter wherever it calls from."""

    async with store.opened() as (limiter, _):
        await limiter.admit("192.0.2.1", KEY, 2)
        await limiter.admit(None, KEY, 2)
        assert not (await limiter.admit("192.0.2.2", KEY, 2)).admitted


# Windows of another length.


@pytest.mark.parametrize("seconds", [1, 5, 3600])
async def test_another_length_is_exact(store: Store, seconds: int) -> None:
    """A window of another length is free again to the microsecond, and its headers say when."""

    async with store.opened() as (limiter, clock):
        first, start = clock.now, clock.now // SECOND
        verdicts = [await limiter.admit(ADDRESS, KEY, 2, seconds) for _ in range(3)]
        assert [verdict.admitted for verdict in verdicts] == [True, True, False]
        assert [verdict.reset for verdict in verdicts] == [start + seconds] * 3
        assert verdicts[2].retry_after == seconds
        clock.now = first + seconds * SECOND - 1
        early = await limiter.admit(ADDRESS, KEY, 2, seconds)
        assert (early.admitted, early.retry_after) == (False, 1)
        clock.now = first + seconds * SECOND
        late = await limiter.admit(ADDRESS, KEY, 2, seconds)
        assert (late.admitted, late.remaining, late.reset) == (True, 1, start + 2 * seconds)


async def test_two_lengths_are_two_counters(store: Store) -> None:
    """A token's windows of two lengths count apart, also on the same group."""

    async with store.opened() as (limiter, clock):
        await _fill(limiter, 2)
        assert (await limiter.admit(None, KEY, 2, 5)).remaining == 1
        assert (await limiter.admit(None, KEY, 2, 1)).remaining == 1
        assert not (await limiter.admit(None, KEY, 2)).admitted
        clock.advance(seconds=1)
        assert (await limiter.admit(None, KEY, 2, 1)).remaining == 1
        assert (await limiter.admit(None, KEY, 2, 5)).remaining == 0


async def test_calls_in_short_windows_count_for_the_address(store: Store) -> None:
    """The ceiling of an address is of 60 s, however short the windows of the tokens are."""

    async with store.opened(ip_limit=10) as (limiter, clock):
        for _ in range(10):
            assert (await limiter.admit(ADDRESS, KEY, 1, 1)).admitted
            clock.advance(seconds=1)
        verdict = await limiter.admit(ADDRESS, KEY, 1, 1)
        assert verdict.ban is not None
        assert (verdict.ban.reason, verdict.ban.count) == (Reason.CEILING, 11)


def test_every_length_is_that_of_the_oracle(store: Store) -> None:
    """Whenever calls come, a window of any length admits and says what one that keeps everything does."""

    gaps = st.one_of(st.just(0), st.integers(1, 2 * SECOND), st.integers(1, MINUTE))

    @settings(max_examples=store.examples, deadline=None, phases=PHASES)
    @given(gaps=st.lists(gaps, max_size=25), seconds=st.sampled_from([1, 5, 61, 600]), limit=st.integers(1, 4))
    def law(gaps: list[int], seconds: int, limit: int) -> None:
        async def example() -> None:
            oracle = store.kind.oracle(seconds * SECOND)
            async with store.opened() as (limiter, clock):
                for gap in gaps:
                    clock.advance(microseconds=gap)
                    verdict = await limiter.admit(None, KEY, limit, seconds)
                    expected = oracle.judge(clock.now, limit)
                    assert (verdict.admitted, verdict.remaining) == (expected.admitted, max(0, limit - expected.used))
                    assert verdict.reset == -(-expected.reset_at // SECOND)
                    wait = max(1, -(-(expected.free_at - clock.now) // SECOND))
                    assert verdict.retry_after == (0 if expected.admitted else wait)

        complete(example())

    law()


# Two windows.


async def test_two_windows(store: Store) -> None:
    """A second refuses until its calls have left it, a minute until its first has; each then says its own limit."""

    async with store.opened() as (limiter, clock):
        start = clock.now // SECOND
        verdicts = [await limiter.admit(ADDRESS, KEY, 20, 1, minute=30) for _ in range(21)]
        assert [verdict.admitted for verdict in verdicts] == [True] * 20 + [False]
        assert [verdict.remaining for verdict in verdicts] == [*range(19, -1, -1), 0]
        assert {(verdict.limit, verdict.reset) for verdict in verdicts} == {(20, start + 1)}
        assert verdicts[-1].retry_after == 1
        clock.advance(seconds=1)
        verdicts = [await limiter.admit(ADDRESS, KEY, 20, 1, minute=30) for _ in range(11)]
        assert [verdict.admitted for verdict in verdicts] == [True] * 10 + [False]
        assert [verdict.remaining for verdict in verdicts] == [*range(9, -1, -1), 0]
        assert {(verdict.limit, verdict.reset) for verdict in verdicts} == {(30, start + 60)}
        assert verdicts[-1].retry_after == 59


async def test_two_windows_with_as_many_calls_left(store: Store) -> None:
    """Of two windows with as many calls left, the headers show the one that holds the caller up longer."""

    async with store.opened() as (limiter, clock):
        start = clock.now // SECOND
        verdicts = [await limiter.admit(ADDRESS, KEY, 3, 1, minute=3) for _ in range(4)]
        assert {verdict.reset for verdict in verdicts} == {start + 60}
        assert [verdict.retry_after for verdict in verdicts] == [0, 0, 0, 60]


@pytest.mark.parametrize(("limit", "minute"), [(5, 2), (2, 5)])
async def test_what_one_window_refuses_neither_counts(store: Store, limit: int, minute: int) -> None:
    """A call that one of two windows refuses is in neither of them, and opens none."""

    async with store.opened() as (limiter, clock):
        for _ in range(2):
            assert (await limiter.admit(None, KEY, limit, 1, minute=minute)).admitted
        for _ in range(3):
            assert not (await limiter.admit(None, KEY, limit, 1, minute=minute)).admitted
        assert (await limiter.admit(None, KEY, 9, 1, minute=5)).remaining == 2
        clock.advance(seconds=1)
        for _ in range(3):
            assert not (await limiter.admit(None, KEY, 5, 1, minute=1)).admitted
        clock.advance(microseconds=1)
        first = await limiter.admit(None, KEY, 3, 1, minute=9)
        assert (first.limit, first.remaining) == (3, 2)
        assert first.reset == clock.now // SECOND + 2, "the second begins with the call that was admitted"


async def test_the_minute_beside_is_that_of_calls_without_a_second_window(store: Store) -> None:
    """A token's minute is one counter, with a second beside it or without."""

    async with store.opened() as (limiter, _):
        await limiter.admit(None, KEY, 20, 1, minute=30)
        assert (await limiter.admit(None, KEY, 30)).remaining == 28


async def test_the_other_window_is_known_too(store: Store) -> None:
    """An admitted call says what is left of the window that the headers do not show."""

    async with store.opened() as (limiter, _):
        assert (await limiter.admit(None, KEY, 20, 1, minute=30)).beside == (30, 29)
        assert (await limiter.admit(None, ("other", "json"), 20, 1, minute=5)).beside == (20, 19)
        assert (await limiter.admit(None, ("third", "json"), 20, 1)).beside is None


async def test_two_windows_at_the_same_moment(store: Store) -> None:
    """Of many calls made together, as many are admitted as both windows allow, each with its own remainder."""

    async with store.opened() as (limiter, clock):
        for expected in (20, 10, 0):
            verdicts = await asyncio.gather(*(limiter.admit(ADDRESS, KEY, 20, 1, minute=30) for _ in range(30)))
            remaining = sorted(verdict.remaining for verdict in verdicts if verdict.admitted)
            assert remaining == list(range(expected))
            clock.advance(seconds=1)


async def test_calls_of_a_banned_address_are_in_neither_window(store: Store) -> None:
    """What a banned address calls for is taken back from both windows."""

    async with store.opened(ip_limit=1) as (limiter, clock):
        for _ in range(10):
            await limiter.admit(ADDRESS, KEY, 20, 1, minute=30)
        verdict = await limiter.admit("192.0.2.2", KEY, 20, 1, minute=30)
        assert (verdict.remaining, verdict.beside) == (18, (30, 28))
        clock.advance(seconds=1)
        await limiter.admit(ADDRESS, KEY, 20, 1, minute=30)
        clock.advance(microseconds=1)
        later = await limiter.admit("192.0.2.3", KEY, 20, 1, minute=30)
        assert (later.remaining, later.beside) == (19, (30, 27))
        assert later.reset == clock.now // SECOND + 2, "the banned call has opened no second"


_pair_gaps = st.one_of(
    st.just(0), st.sampled_from([1, SECOND - 1, SECOND, MINUTE - SECOND, MINUTE]), st.integers(0, 2 * SECOND)
)


def test_two_windows_are_those_of_the_oracle(store: Store) -> None:
    """Whenever calls come and whatever is allowed, two windows admit and say what those that keep everything do."""

    @settings(max_examples=store.examples, deadline=None, phases=PHASES)
    @given(
        calls=st.lists(st.tuples(_pair_gaps, st.integers(1, 4), st.integers(1, 6)), max_size=25),
        seconds=st.sampled_from([1, 5]),
    )
    def law(calls: list[tuple[int, int, int]], seconds: int) -> None:
        async def example() -> None:
            oracle = PairOracle(store.kind.oracle, seconds)
            async with store.opened() as (limiter, clock):
                for gap, limit, minute in calls:
                    clock.advance(microseconds=gap)
                    verdict = await limiter.admit(None, KEY, limit, seconds, minute=minute)
                    shown, expected = oracle.judge(clock.now, limit, minute)
                    assert (verdict.limit, verdict.admitted) == (shown, expected.admitted)
                    assert verdict.remaining == max(0, shown - expected.used)
                    assert verdict.reset == -(-expected.reset_at // SECOND)
                    wait = max(1, -(-(expected.free_at - clock.now) // SECOND))
                    assert verdict.retry_after == (0 if expected.admitted else wait)

        complete(example())

    law()


def test_waiting_as_told_is_enough_for_two_windows(store: Store) -> None:
    """A call that waits for `Retry-After` passes both windows; a second less would not have been enough."""

    @settings(max_examples=store.examples, deadline=None, phases=PHASES)
    @given(gaps=st.lists(_pair_gaps, max_size=20), limit=st.integers(1, 3), minute=st.integers(1, 6))
    def law(gaps: list[int], limit: int, minute: int) -> None:
        async def example() -> None:
            async with store.opened() as (limiter, clock):
                for gap in gaps:
                    clock.advance(microseconds=gap)
                    verdict = await limiter.admit(None, KEY, limit, 1, minute=minute)
                    if verdict.admitted:
                        continue
                    clock.advance(seconds=verdict.retry_after - 1)
                    if verdict.retry_after > 1:
                        assert not (await limiter.admit(None, KEY, limit, 1, minute=minute)).admitted
                    clock.advance(seconds=1)
                    assert (await limiter.admit(None, KEY, limit, 1, minute=minute)).admitted

        complete(example())

    law()


def test_never_more_than_either_window_allows(store: Store) -> None:
    """However calls fall, no second and no minute of two windows holds more than its limit."""

    @settings(max_examples=store.examples, deadline=None, phases=PHASES)
    @given(gaps=st.lists(_pair_gaps, max_size=40), limit=st.integers(1, 3), minute=st.integers(1, 8))
    def law(gaps: list[int], limit: int, minute: int) -> None:
        admitted: list[int] = []

        async def example() -> None:
            async with store.opened() as (limiter, clock):
                for gap in gaps:
                    clock.advance(microseconds=gap)
                    if (await limiter.admit(None, KEY, limit, 1, minute=minute)).admitted:
                        admitted.append(clock.now)

        complete(example())
        for length, most in ((SECOND, limit), (MINUTE, minute)):
            assert all(len(span) <= most for span in _spans(store.kind, admitted, length))

    law()


def _spans(kind: Kind, admitted: list[int], length: int) -> list[list[int]]:
    """The admitted calls of each window: of any that begins with a call, or of each period."""
    if kind.window is SlidingWindow:
        return [[call for call in admitted if start <= call < start + length] for start in admitted]
    spans: list[list[int]] = []
    for call in admitted:
        if not spans or call >= spans[-1][0] + length:
            spans.append([])
        spans[-1].append(call)
    return spans


# How calls count for their address.

APART = AddressRule(counter="calls:apart", ceiling=30)
UNBOUNDED = AddressRule(counter="calls:apart", ceiling=0, by_token=True)


async def test_a_ceiling_apart(store: Store) -> None:
    """Calls with a ceiling of their own count for that alone: as many as it allows pass, the next one bans."""

    async with store.opened(ip_limit=5) as (limiter, clock):
        for number in range(30):
            assert (await limiter.admit(ADDRESS, (f"token-{number}", "json"), 5, rule=APART)).ban is None
        for _ in range(5):
            assert await limiter.count_address(ADDRESS) is None
        banned = await limiter.admit(ADDRESS, KEY, 5, rule=APART)
        assert banned.ban == Ban(address=ADDRESS, reason=Reason.CEILING, count=31, start=clock.now)
        assert limiter.known_ban(ADDRESS) == banned.ban
        assert (await limiter.admit(ADDRESS, KEY, 5)).ban == banned.ban


async def test_a_ceiling_apart_spares_no_other_call(store: Store) -> None:
    """Calls that count for the ordinary ceiling ban an address whatever it calls for apart, and the ban holds there."""

    async with store.opened(ip_limit=3) as (limiter, _):
        for _ in range(3):
            assert await limiter.count_address(ADDRESS) is None
            assert (await limiter.admit(ADDRESS, KEY, 20, 1, rule=UNBOUNDED)).admitted
            assert await limiter.count_address(ADDRESS, APART) is None
        ban = await limiter.count_address(ADDRESS)
        assert ban is not None
        assert (ban.reason, ban.count) == (Reason.CEILING, 4)
        assert (await limiter.admit(ADDRESS, KEY, 20, 1, rule=UNBOUNDED)).ban == ban
        assert await limiter.count_address(ADDRESS, APART) == ban


async def test_a_token_at_its_full_rate_is_never_banned(store: Store) -> None:
    """Without a ceiling, whoever calls as often as its windows allow is admitted each time, minute after minute."""

    async with store.opened(ip_limit=10, ignored_429_limit=1) as (limiter, clock):
        for _ in range(130):
            verdicts = await asyncio.gather(*(limiter.admit(ADDRESS, KEY, 4, 1, rule=UNBOUNDED) for _ in range(4)))
            assert all(verdict.admitted for verdict in verdicts)
            clock.advance(seconds=1)
        assert limiter.known_ban(ADDRESS) is None


async def test_refused_calls_by_token(store: Store) -> None:
    """Where refused calls count by address and token, each token may have as many as one address else."""

    async with store.opened(ignored_429_limit=3) as (limiter, clock):
        names = ["a", "b", "refused", "x}:json", "a:b", ""]
        for name in names:
            await limiter.admit(ADDRESS, (name, "json"), 1, 1, rule=UNBOUNDED)
            for _ in range(3):
                assert (await limiter.admit(ADDRESS, (name, "json"), 1, 1, rule=UNBOUNDED)).ban is None
        for _ in range(3):  # those that count by address alone are others
            await limiter.admit(ADDRESS, ("common", "json"), 1)
        assert limiter.known_ban(ADDRESS) is None
        assert (await limiter.admit("192.0.2.2", ("a", "json"), 1, 1, rule=UNBOUNDED)).ban is None
        banned = await limiter.admit(ADDRESS, ("a", "json"), 1, 1, rule=UNBOUNDED)
        assert banned.ban == Ban(address=ADDRESS, reason=Reason.IGNORED_429, count=4, start=clock.now)


@pytest.mark.parametrize("minute", [None, 9])
async def test_calls_that_come_a_little_early(store: Store, minute: int | None) -> None:
    """A refused call that its windows would have admitted a moment later is not counted, where the rule says so."""

    rule = UNBOUNDED._replace(early=100_000)
    async with store.opened(ignored_429_limit=1) as (limiter, clock):
        await limiter.admit(ADDRESS, KEY, 1, 1, minute=minute, rule=rule)
        clock.advance(microseconds=900_000)
        for _ in range(5):
            refused = await limiter.admit(ADDRESS, KEY, 1, 1, minute=minute, rule=rule)
            assert (refused.admitted, refused.retry_after, refused.ban) == (False, 1, None)
        clock.advance(microseconds=-1)
        assert (await limiter.admit(ADDRESS, KEY, 1, 1, minute=minute, rule=rule)).ban is None
        assert (await limiter.admit(ADDRESS, KEY, 1, 1, minute=minute, rule=rule)).ban is not None


async def test_calls_that_come_early_for_one_window_alone(store: Store) -> None:
    """What counts is when both windows would have admitted the call."""

    rule = UNBOUNDED._replace(early=100_000)
    async with store.opened(ignored_429_limit=1) as (limiter, clock):
        await limiter.admit(ADDRESS, KEY, 1, 1, minute=1, rule=rule)
        clock.advance(microseconds=950_000)
        assert (await limiter.admit(ADDRESS, KEY, 1, 1, minute=1, rule=rule)).ban is None
        assert (await limiter.admit(ADDRESS, KEY, 1, 1, minute=1, rule=rule)).ban is not None


async def test_refused_calls_by_token_are_forgotten_after_a_minute(store: Store) -> None:
    """Refused calls of a token that are 60 s old no longer count."""

    async with store.opened(ignored_429_limit=3) as (limiter, clock):
        for _ in range(5):
            await limiter.admit(ADDRESS, KEY, 1, 1, rule=UNBOUNDED)
            for _ in range(3):
                assert (await limiter.admit(ADDRESS, KEY, 1, 1, rule=UNBOUNDED)).ban is None
            clock.advance(seconds=60)


# Bans.


async def test_ceiling_of_an_address(store: Store) -> None:
    """Call 1001 within 60 s from one address bans it, whatever its tokens; call 1000 is still answered."""

    async with store.opened() as (limiter, clock):
        for number in range(1000):
            assert (await limiter.admit(ADDRESS, (f"token-{number % 10}", "json"), 250)).ban is None
        assert limiter.known_ban(ADDRESS) is None
        verdict = await limiter.admit(ADDRESS, ("another", "json"), 250)
        assert not verdict.admitted
        assert verdict.ban == Ban(address=ADDRESS, reason=Reason.CEILING, count=1001, start=clock.now)
        assert limiter.known_ban(ADDRESS) == verdict.ban


async def test_ceiling_counts_calls_without_a_token(store: Store) -> None:
    """Calls that were refused before their token was known count for the ceiling as well."""

    async with store.opened(ip_limit=4) as (limiter, _):
        for _ in range(3):
            assert await limiter.count_address(ADDRESS) is None
        assert (await limiter.admit(ADDRESS, KEY, 5)).admitted
        ban = await limiter.count_address(ADDRESS)
        assert ban is not None
        assert (ban.reason, ban.count) == (Reason.CEILING, 5)
        assert (await limiter.admit(ADDRESS, KEY, 5)).ban == ban


async def test_ceiling_slides(store: Store) -> None:
    """As many calls as the ceiling allows, and one more when the first is 60 s old, do not ban."""

    async with store.opened(ip_limit=4) as (limiter, clock):
        first = clock.now
        for _ in range(4):
            assert await limiter.count_address(ADDRESS) is None
            clock.advance(seconds=10)
        clock.now = first + MINUTE
        assert await limiter.count_address(ADDRESS) is None
        assert await limiter.count_address(ADDRESS) is not None


async def test_ceiling_is_reached_one_microsecond_earlier(store: Store) -> None:
    """One more call than the ceiling allows, when the first is a microsecond less than 60 s old, bans."""

    async with store.opened(ip_limit=4) as (limiter, clock):
        for _ in range(4):
            assert await limiter.count_address(ADDRESS) is None
        clock.advance(seconds=60, microseconds=-1)
        assert await limiter.count_address(ADDRESS) is not None


async def test_ignored_429(store: Store) -> None:
    """The 101st refused call within 60 s bans the address; the 100th is still answered with a refusal."""

    async with store.opened() as (limiter, clock):
        await _fill(limiter, 5, address=ADDRESS)
        for _ in range(100):
            refused = await limiter.admit(ADDRESS, KEY, 5)
            assert (refused.admitted, refused.ban) == (False, None)
            assert refused.retry_after >= 1
        banned = await limiter.admit(ADDRESS, KEY, 5)
        assert banned.ban == Ban(address=ADDRESS, reason=Reason.IGNORED_429, count=101, start=clock.now)


async def test_refused_calls_of_all_tokens_count_together(store: Store) -> None:
    """Refused calls are counted by address, over all its tokens and groups."""

    async with store.opened(ignored_429_limit=3) as (limiter, _):
        keys = [("a", "json"), ("a", "documents"), ("b", "json")]
        for key in keys:
            await _fill(limiter, 1, address=ADDRESS, key=key)
        for key in keys:
            assert (await limiter.admit(ADDRESS, key, 1)).ban is None
        assert (await limiter.admit(ADDRESS, keys[0], 1)).ban is not None


async def test_refused_calls_are_forgotten_after_a_minute(store: Store) -> None:
    """Refused calls that are 60 s old no longer count."""

    async with store.opened(ignored_429_limit=3) as (limiter, clock):
        for _ in range(5):
            await _fill(limiter, 1, address=ADDRESS)
            for _ in range(3):
                assert (await limiter.admit(ADDRESS, KEY, 1)).ban is None
            clock.advance(seconds=60)


async def test_ban_lasts_twelve_hours_to_the_microsecond(store: Store) -> None:
    """A ban is in force one microsecond before its 12 hours are over, and not at that instant."""

    async with store.opened(ip_limit=1) as (limiter, clock):
        await limiter.count_address(ADDRESS)
        ban = await limiter.count_address(ADDRESS)
        assert ban is not None
        assert ban.end == clock.now + BAN
        clock.now = ban.end - 1
        assert limiter.known_ban(ADDRESS) == ban
        assert (await limiter.admit(ADDRESS, KEY, 5)).ban == ban
        clock.now = ban.end
        assert limiter.known_ban(ADDRESS) is None
        assert (await limiter.admit(ADDRESS, KEY, 5)).admitted


async def test_ban_is_not_extended(store: Store) -> None:
    """Calls made during a ban neither extend it nor count for anything after it."""

    async with store.opened(ip_limit=2) as (limiter, clock):
        for _ in range(3):
            ban = await limiter.count_address(ADDRESS)
        assert ban is not None
        for _ in range(50):
            clock.advance(seconds=12 * 3600 // 50)
            clock.now = min(clock.now, ban.end - 1)
            assert await limiter.count_address(ADDRESS) == ban
            assert (await limiter.admit(ADDRESS, KEY, 1)).ban == ban
        clock.now = ban.end
        assert await limiter.count_address(ADDRESS) is None
        assert (await limiter.admit(ADDRESS, KEY, 1)).admitted


async def test_calls_of_a_banned_address_cost_the_token_nothing(store: Store) -> None:
    """A banned address does not use up the calls of a token that others call with."""

    async with store.opened(ip_limit=1) as (limiter, _):
        for _ in range(10):
            await limiter.admit(ADDRESS, KEY, 5)
        verdict = await limiter.admit("192.0.2.2", KEY, 5)
        assert (verdict.admitted, verdict.remaining) == (True, 3)


async def test_calls_of_a_banned_address_move_no_reset(store: Store) -> None:
    """A token that only a banned address has called with starts afresh with the first call of another."""

    async with store.opened(ip_limit=1) as (limiter, clock):
        for _ in range(2):
            await limiter.count_address(ADDRESS)
        await limiter.admit(ADDRESS, KEY, 5)
        clock.advance(seconds=20)
        verdict = await limiter.admit("192.0.2.2", KEY, 5)
        assert (verdict.remaining, verdict.reset) == (4, clock.now // SECOND + 60)


async def test_ban_holds_for_all_tokens_of_the_address_alone(store: Store) -> None:
    """A banned address is banned with every token; the tokens are not banned elsewhere."""

    async with store.opened(ip_limit=3) as (limiter, _):
        for _ in range(4):
            await limiter.count_address(ADDRESS)
        for jti in ("a", "b", "c"):
            assert (await limiter.admit(ADDRESS, (jti, "json"), 5)).ban is not None
            assert (await limiter.admit("192.0.2.2", (jti, "json"), 5)).ban is None
            assert (await limiter.admit(None, (jti, "json"), 5)).ban is None
        assert limiter.known_ban("192.0.2.2") is None


async def test_exempt_addresses_are_never_banned(store: Store) -> None:
    """Calls without an address to count meet their token's limit and nothing else."""

    async with store.opened(ip_limit=2, ignored_429_limit=2) as (limiter, _):
        await _fill(limiter, 5)
        for _ in range(50):
            refused = await limiter.admit(None, KEY, 5)
            assert (refused.admitted, refused.ban) == (False, None)


async def test_calls_at_the_same_moment(store: Store) -> None:
    """Of many calls made together, exactly as many as the limit says are admitted, each with its own remainder."""

    async with store.opened() as (limiter, _):
        verdicts = await asyncio.gather(*(limiter.admit(ADDRESS, KEY, 50) for _ in range(100)))
        admitted = [verdict.remaining for verdict in verdicts if verdict.admitted]
        assert sorted(admitted) == list(range(50))


# Laws.

_gaps = st.one_of(
    st.just(0),
    st.sampled_from([1, SECOND, 20 * SECOND, MINUTE - 1, MINUTE, MINUTE + 1, BAN - MINUTE, BAN]),
    st.integers(0, 2 * MINUTE),
)
_calls = st.lists(
    st.tuples(
        _gaps,
        st.sampled_from(["192.0.2.1", "2001:db8::/64", None]),
        st.sampled_from([("a", "json"), ("a", "documents"), ("b", "json")]),
        st.integers(1, 4),
        st.sampled_from(["admit", "admit", "admit", "count"]),
    ),
    max_size=40,
)


def test_a_store_is_its_oracle(store: Store) -> None:
    """Whatever is called when, by whom and with which limits, a store says what the oracle says."""

    @settings(max_examples=store.examples, deadline=None, phases=PHASES)
    @given(calls=_calls, ip_limit=st.integers(1, 12), ignored=st.integers(1, 4))
    def law(
        calls: list[tuple[int, str | None, tuple[str, str], int, str]],
        ip_limit: int,
        ignored: int,
    ) -> None:
        oracle = StoreOracle(store.kind.oracle, ip_limit, ignored)

        async def example() -> None:
            async with store.opened(ip_limit=ip_limit, ignored_429_limit=ignored) as (limiter, clock):
                for gap, address, key, limit, how in calls:
                    clock.advance(microseconds=gap)
                    if how == "admit":
                        verdict = await limiter.admit(address, key, limit)
                        assert verdict.limit == limit
                        assert _heard(verdict) == oracle.admit(clock.now, address, key, limit)
                    elif address is not None:
                        assert _cause(await limiter.count_address(address)) == oracle.count(clock.now, address)
                    if address is not None:
                        assert _cause(limiter.known_ban(address)) == oracle.banned(clock.now, address)

        complete(example())

    law()


def _heard(verdict: Verdict) -> Heard:
    return Heard(verdict.admitted, verdict.remaining, verdict.reset, verdict.retry_after, _cause(verdict.ban))


def _cause(ban: Ban | None) -> tuple[str, int, int] | None:
    return None if ban is None else (ban.reason.value, ban.count, ban.start)


def test_waiting_as_told_is_enough(store: Store) -> None:
    """A refused caller that waits for `Retry-After` is admitted; a second less would not have been enough."""

    @settings(max_examples=store.examples, deadline=None, phases=PHASES)
    @given(gaps=st.lists(_gaps, max_size=15), limit=st.integers(1, 4))
    def law(gaps: list[int], limit: int) -> None:
        async def example() -> None:
            async with store.opened() as (limiter, clock):
                for gap in gaps:
                    clock.advance(microseconds=gap)
                    verdict = await limiter.admit(None, KEY, limit)
                    if verdict.admitted:
                        continue
                    assert 1 <= verdict.retry_after <= 60
                    if verdict.retry_after > 1:
                        clock.advance(seconds=verdict.retry_after - 1)
                        assert not (await limiter.admit(None, KEY, limit)).admitted
                        clock.advance(seconds=1)
                    else:
                        clock.advance(seconds=1)
                    assert (await limiter.admit(None, KEY, limit)).admitted

        complete(example())

    law()


def test_never_more_than_the_limit_in_a_minute(store: Store) -> None:
    """However calls fall, no 60 s of a sliding window, and no period of the other, hold more than the limit."""

    @settings(max_examples=store.examples, deadline=None, phases=PHASES)
    @given(gaps=st.lists(st.integers(0, MINUTE // 2), max_size=30), limit=st.integers(1, 4))
    def law(gaps: list[int], limit: int) -> None:
        admitted: list[int] = []

        async def example() -> None:
            async with store.opened() as (limiter, clock):
                for gap in gaps:
                    clock.advance(microseconds=gap)
                    if (await limiter.admit(None, KEY, limit)).admitted:
                        admitted.append(clock.now)

        complete(example())
        assert all(len(span) <= limit for span in _spans(store.kind, admitted, MINUTE))

    law()
