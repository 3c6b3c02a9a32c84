"""Tests of what calls say about a source."""

import pytest

from apientreprise_gateway.observability.provider_calls import OK, CallCounts
from apientreprise_gateway.pings.evidence import WINDOW_SECONDS, Evidence, Seen


def counted(evidence: Evidence, *, good: int = 0, bad: int = 0, at: float) -> None:
    """Calls, noted at a time."""
    for _ in range(good):
        evidence.counts.count(OK, 200)
    for _ in range(bad):
        evidence.counts.count("01002", 504)
    evidence.note(at)


def new(now: float = 0.0) -> Evidence:
    """The evidence of a source that nobody has called."""
    return Evidence(CallCounts(), now=now)


@pytest.mark.parametrize(
    ("good", "bad", "fails"),
    [
        (0, 0, None),
        (1, 0, False),
        (0, 1, True),
        (1, 1, False),
        (1, 2, True),
        (8, 1, False),
        (18, 2, True),
        (19, 2, False),
        (95, 5, False),
        (90, 10, True),
        (0, 50, True),
    ],
)
def test_the_share_of_failures(good: int, bad: int, fails: bool | None) -> None:
    """From one call in ten on a source fails; one bad call beside good ones is an accident."""
    evidence = new()
    counted(evidence, good=good, bad=bad, at=5)
    assert evidence.fails() is fails


def test_only_the_last_minute_counts() -> None:
    """Calls are forgotten a minute after they were counted."""
    evidence = new()
    counted(evidence, bad=9, at=10)
    counted(evidence, good=10, at=40)
    assert evidence.fails() is True
    evidence.note(10 + WINDOW_SECONDS - 0.1)
    assert evidence.fails() is True
    evidence.note(10 + WINDOW_SECONDS)
    assert evidence.fails() is False
    evidence.note(40 + WINDOW_SECONDS)
    assert evidence.fails() is None


def test_only_calls_since_count() -> None:
    """What was counted before certain totals can be left out."""
    evidence = new()
    counted(evidence, bad=5, at=1)
    since = evidence.totals
    assert evidence.fails(since=since) is None
    counted(evidence, good=1, at=3)
    assert evidence.fails(since=since) is False
    assert evidence.fails(since=(1000, 1000)) is None


def test_times_of_the_last_calls() -> None:
    """It is remembered when good and bad calls were last noticed."""
    evidence = new()
    counted(evidence, good=1, at=7)
    counted(evidence, bad=1, at=9)
    evidence.note(20)
    assert (evidence.good_at, evidence.bad_at) == (7, 9)


def test_memory_is_bounded() -> None:
    """However often it is looked at, little is remembered."""
    evidence = new()
    for tick in range(10_000):
        counted(evidence, good=1, at=tick / 50)
    assert len(evidence._samples) <= WINDOW_SECONDS + 2
    assert evidence.totals == (10_000, 0)
    assert evidence.fails() is False


class Store:
    """What processes have told."""

    def __init__(self) -> None:
        self.seen = Seen()

    def sync(self, evidence: Evidence, now: float) -> None:
        """What a process does each second."""
        evidence.note(now)
        told = evidence.tell()
        if told is not None:
            times = (new or old for new, old in zip(told[2:], self.seen[2:], strict=True))
            self.seen = Seen(self.seen.good + told.good, self.seen.bad + told.bad, *times)
        evidence.learn(self.seen, now)


def test_processes_share_what_they_count() -> None:
    """Each knows the calls of all, once, and when the last ones were."""
    one, two, store = new(), new(), Store()
    for now in range(1, 20):
        counted(one, good=1, at=now)
        store.sync(one, now)
        counted(two, bad=1, at=now)
        store.sync(two, now)
    store.sync(one, 20)
    assert one.totals == two.totals == (19, 19)
    assert one.fails() is two.fails() is True
    assert (one.good_at, one.bad_at) == (two.good_at, two.bad_at) == (19, 19)
    assert one.tell() is two.tell() is None


def test_calls_before_the_start_are_no_news() -> None:
    """A process that starts learns the totals and the times; it does not take old calls for new ones."""
    store = Store()
    store.seen = Seen(1000, 500, 3.0, 4.0, 5.0)
    late = new(100)
    counted(late, good=2, at=101)
    store.sync(late, 102)
    assert late.totals == (1002, 500)
    assert late.fails() is False
    assert (late.good_at, late.bad_at, late.probed_at) == (101, 4.0, 5.0)
    counted(late, good=1, at=103)
    assert late.totals == (1003, 500)


def test_a_store_that_has_lost_its_memory() -> None:
    """Totals that start anew are no calls, and later calls are counted as before."""
    evidence, store = new(), Store()
    counted(evidence, good=50, at=1)
    store.sync(evidence, 2)
    store.seen = Seen()
    store.sync(evidence, 3)
    assert evidence.totals == (0, 0)
    assert evidence.fails() is False, "the calls of the last minute are still known"
    counted(evidence, bad=50, at=4)
    store.sync(evidence, 5)
    assert evidence.totals == (0, 50)
    assert evidence.fails() is True


def test_what_does_not_reach_the_store() -> None:
    """Calls counted while the store is away are this process's alone: told later, they would pass for new ones."""
    evidence, store = new(), Store()
    store.seen = Seen(40, 0)
    store.sync(evidence, 1)
    counted(evidence, bad=3, at=2)
    assert evidence.tell() == Seen(0, 3, 0.0, 2)
    assert evidence.fails() is True, "the process knows its own"
    store.sync(evidence, 5)
    assert store.seen.bad == 0
    assert evidence.totals == (40, 0)
    assert evidence.fails() is True
    counted(evidence, bad=1, at=6)
    store.sync(evidence, 7)
    assert store.seen.bad == 1


def test_a_probe_is_told_once() -> None:
    """The time of a probe reaches the others although no call was counted."""
    one, two, store = new(), new(), Store()
    store.sync(one, 1)
    one.probed_at = 7.0
    store.sync(one, 8)
    assert one.tell() is None
    store.sync(two, 9)
    assert two.probed_at == 7.0
    assert two.tell() is None


@pytest.mark.parametrize("set_back", [30.0, 3600.0, 30 * 86_400.0])
def test_a_clock_set_back(set_back: float) -> None:
    """Calls that were counted before the clock was set back leave the last minute as if it had not been."""
    evidence = new(now=100 * 86_400.0)
    counted(evidence, bad=5, at=100 * 86_400.0)
    now = 100 * 86_400.0 - set_back
    evidence.note(now)
    assert evidence.fails() is True
    assert evidence.bad_at <= now
    counted(evidence, good=1, at=now + 61)
    assert evidence.fails() is False


def test_others_whose_clock_is_ahead() -> None:
    """What others have noticed in the future says nothing."""
    evidence = new(now=1000.0)
    evidence.learn(Seen(1, 1, 1000.0 + 86_400, 1000.0 + 3600, 1000.0 + 60), 1000.0)
    assert (evidence.good_at, evidence.bad_at, evidence.probed_at) == (0, 0, 0)
    evidence.learn(Seen(2, 1, 1003.0), 1001.0)
    assert evidence.good_at == 1001.0
