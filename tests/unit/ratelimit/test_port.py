"""Tests of the units of the headers."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.ratelimit.port import Verdict, banned, verdict, verdict_of
from apientreprise_gateway.ratelimit.windows import SECOND, WINDOW, Outcome

instants = st.integers(0, 2_000_000_000 * SECOND)


@given(now=instants, wait=st.integers(1, WINDOW))
@settings(max_examples=300, deadline=None)
def test_retry_after_is_the_least_that_suffices(now: int, wait: int) -> None:
    """`Retry-After` is at least 1 and long enough, and no whole second too long."""
    seconds = verdict(Outcome(False, 5, now + wait, now + wait), now=now, limit=5).retry_after
    assert 1 <= seconds <= 60
    assert now + seconds * SECOND >= now + wait
    assert seconds == 1 or now + (seconds - 1) * SECOND < now + wait


@given(now=instants, reset_at=instants)
@settings(max_examples=300, deadline=None)
def test_reset_is_the_first_whole_second(now: int, reset_at: int) -> None:
    """Reset is not before the oldest call leaves the window, and less than a second after it."""
    reset = verdict(Outcome(True, 1, reset_at, now), now=now, limit=5).reset
    assert 0 <= reset * SECOND - reset_at < SECOND


ends = st.integers(1, 3).map(lambda seconds: 1000 * SECOND + seconds * SECOND)


@given(
    first=st.tuples(st.integers(1, 3), st.integers(1, 3), ends),
    second=st.tuples(st.integers(1, 3), st.integers(1, 3), ends),
)
@settings(max_examples=200, deadline=None)
def test_the_window_with_less_left_is_shown(first: tuple[int, int, int], second: tuple[int, int, int]) -> None:
    """Of two windows the one with fewer calls left is shown; of two with as many, the one that holds up longer."""
    now = 1000 * SECOND
    windows = [(limit, Outcome(True, used, end, now)) for limit, used, end in (first, second)]
    shown = verdict_of(windows, now=now)
    left = sorted((max(0, limit - used), -end) for limit, used, end in (first, second))
    assert (shown.remaining, shown.reset * SECOND) == (left[0][0], -left[0][1])
    assert shown.beside is not None
    assert max(0, shown.beside[0] - (first, second)[[first[0], second[0]].index(shown.beside[0])][1]) >= left[0][0]
    assert astuple(verdict_of(reversed(windows), now=now))[:4] == astuple(shown)[:4] or left[0] == left[1]


def test_a_call_that_both_windows_refuse() -> None:
    """A call that two windows refuse hears when both are free, whichever of them is shown."""
    now = 1000 * SECOND
    second = (20, Outcome(False, 20, now + 500_000, now + 500_000))
    minute = (30, Outcome(False, 30, now + 7 * SECOND, now + 9 * SECOND))
    shown = verdict_of([second, minute], now=now)
    assert (shown.limit, shown.remaining, shown.reset, shown.retry_after) == (30, 0, 1007, 9)
    assert verdict_of([second, (30, minute[1]._replace(free_at=now + 1))], now=now).retry_after == 1


def test_admitted_call() -> None:
    """An admitted call hears what is left, and is not told to wait."""
    assert verdict(Outcome(True, 3, 60 * SECOND, 0), now=0, limit=50) == Verdict(True, 50, 47, 60, 0)


def test_never_a_negative_remainder() -> None:
    """A window that holds more than the limit leaves zero."""
    assert verdict(Outcome(False, 9, 60 * SECOND, 60 * SECOND), now=0, limit=5).remaining == 0


def test_at_least_one_second() -> None:
    """A refused call waits a second even if the window is free in a moment, or was just now."""
    for free_at in (0, 1, SECOND):
        assert verdict(Outcome(False, 5, 1, free_at), now=0, limit=5).retry_after == 1


def test_ban() -> None:
    """The verdict on a banned address carries the ban and admits nothing."""
    ban = Ban(address="192.0.2.1", reason=Reason.CEILING, count=1001, start=0)
    assert banned(ban, limit=250) == Verdict(False, 250, 0, 0, 0, ban)
