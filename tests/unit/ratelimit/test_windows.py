"""Tests of the windows."""

import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.ratelimit.memory import FirstCallWindow, SlidingWindow
from apientreprise_gateway.ratelimit.windows import SECOND, WINDOW, Window
from contract.oracle import FirstCallOracle, SlidingOracle, WindowOracle

NOON = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()) * SECOND


@dataclass(frozen=True)
class Kind:
    """A kind of window, with the oracle that knows what it must say."""

    window: Callable[[], Window]
    oracle: Callable[[], WindowOracle]


SLIDING = Kind(SlidingWindow, SlidingOracle)
FIRST_CALL = Kind(FirstCallWindow, FirstCallOracle)

both = pytest.mark.parametrize("kind", [SLIDING, FIRST_CALL], ids=["sliding", "first-call"])

gaps = st.one_of(
    st.sampled_from([0, 1, WINDOW - 1, WINDOW, WINDOW + 1]),
    st.integers(0, 3 * SECOND),
    st.integers(0, 90 * SECOND),
)
steps = st.lists(st.tuples(gaps, st.integers(1, 5)), max_size=40)
"""The time between a call and the one before it, and the limit at that moment."""


@both
@given(steps=steps)
@settings(max_examples=300, deadline=None)
def test_a_window_is_its_oracle(kind: Kind, steps: list[tuple[int, int]]) -> None:
    """Whatever is called when, and with which limit, a window says what the oracle says."""
    window, oracle, now = kind.window(), kind.oracle(), NOON
    for gap, limit in steps:
        now += gap
        outcome, expected = window.hit(now, limit), oracle.judge(now, limit)
        assert outcome[:3] == expected[:3]
        assert max(outcome.free_at, now) == expected.free_at


@given(gaps=st.lists(gaps, max_size=60), limit=st.integers(1, 6))
@settings(max_examples=300, deadline=None)
def test_never_more_than_the_limit_in_any_minute(gaps: list[int], limit: int) -> None:
    """In whatever 60 s one looks at, a sliding window has admitted no more than the limit."""
    window, now, admitted = SlidingWindow(), NOON, []
    for gap in gaps:
        now += gap
        if window.hit(now, limit).admitted:
            admitted.append(now)
    for start in admitted:
        assert sum(start <= call < start + WINDOW for call in admitted) <= limit


@given(gaps=st.lists(gaps, max_size=60), limit=st.integers(1, 6))
@settings(max_examples=300, deadline=None)
def test_never_more_than_the_limit_in_any_period(gaps: list[int], limit: int) -> None:
    """Between the call that opens a period and its end, no more than the limit is admitted."""
    window, now = FirstCallWindow(), NOON
    periods: dict[int, int] = {}
    for gap in gaps:
        now += gap
        outcome = window.hit(now, limit)
        assert now < outcome.reset_at <= now + WINDOW
        periods[outcome.reset_at] = periods.get(outcome.reset_at, 0) + outcome.admitted
    assert all(1 <= calls <= limit for calls in periods.values())
    ends = sorted(periods)
    assert all(later - earlier >= WINDOW for earlier, later in itertools.pairwise(ends))


@both
@given(steps=steps, limit=st.integers(1, 5))
@settings(max_examples=200, deadline=None)
def test_free_at_is_exact(kind: Kind, steps: list[tuple[int, int]], limit: int) -> None:
    """One microsecond before `free_at` a call is refused; at `free_at` it is admitted."""
    window, now = kind.window(), NOON
    for gap, earlier_limit in steps:
        now += gap
        window.hit(now, earlier_limit)
    free_at = window.hit(now, limit).free_at
    if free_at > now:
        assert not copy.deepcopy(window).hit(free_at - 1, limit).admitted
    assert window.hit(max(now, free_at), limit).admitted


@both
@given(steps=steps, limit=st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_refused_calls_leave_no_mark(kind: Kind, steps: list[tuple[int, int]], limit: int) -> None:
    """A window that was also asked when it was full says the same as one that was not."""
    asked, spared, now = kind.window(), kind.window(), NOON
    for gap, _ in steps:
        now += gap
        outcome = asked.hit(now, limit)
        if outcome.admitted:
            assert spared.hit(now, limit) == outcome


@both
def test_documented_example(kind: Kind) -> None:
    """Of a limit of 50, calls at 10:00:00, 10:00:20 and 10:00:30 leave 47, and the reset at 10:01:00."""
    window = kind.window()
    ten = int(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp()) * SECOND
    for second in (0, 20, 30):
        outcome = window.hit(ten + second * SECOND, 50)
    assert 50 - outcome.used == 47
    assert datetime.fromtimestamp(outcome.reset_at / SECOND, UTC).time().isoformat() == "10:01:00"


def test_the_kinds_differ_after_a_minute() -> None:
    """A minute after its first call a sliding window has one place free, a period all of them."""
    sliding, first_call = SlidingWindow(), FirstCallWindow()
    for window in (sliding, first_call):
        for second in range(3):
            assert window.hit(NOON + second * SECOND, 3).admitted
    assert sliding.hit(NOON + WINDOW, 3).used == 3
    assert first_call.hit(NOON + WINDOW, 3).used == 1


@both
def test_an_empty_window_may_be_forgotten(kind: Kind) -> None:
    """From `expires_at` on, a window says the same as a new one; a microsecond earlier it does not."""
    window = kind.window()
    for second in (0, 1, 2):
        window.hit(NOON + second * SECOND, 5)
    end = window.expires_at
    assert copy.deepcopy(window).hit(end - 1, 5).used > 1
    assert window.hit(end, 5) == kind.window().hit(end, 5)


@both
def test_clock_that_is_set_back(kind: Kind) -> None:
    """A clock that was an hour ahead and is set right holds nobody for an hour."""
    window = kind.window()
    for _ in range(3):
        window.hit(NOON + 3600 * SECOND, 3)
    outcome = window.hit(NOON, 3)
    assert outcome.admitted
    assert outcome.reset_at == NOON + WINDOW


@both
def test_highest_limit(kind: Kind) -> None:
    """A limit that is never reached is no trouble."""
    assert kind.window().hit(NOON, 1_000_000_000) == (True, 1, NOON + WINDOW, NOON)
