"""Tests of the units of the headers."""

from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.ratelimit.bans import Ban, Reason
from apientreprise_gateway.ratelimit.port import banned, verdict
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


def test_admitted_call() -> None:
    """An admitted call hears what is left, and is not told to wait."""
    assert verdict(Outcome(True, 3, 60 * SECOND, 0), now=0, limit=50) == (True, 50, 47, 60, 0, None)


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
    assert banned(ban, limit=250) == (False, 250, 0, 0, 0, ban)
