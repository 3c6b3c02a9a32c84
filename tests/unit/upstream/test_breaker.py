"""Tests of the circuit breaker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.upstream.breaker import Breaker, BreakerPolicy, State

POLICY = BreakerPolicy(window=10, calls=20, share=0.5, silent=10, wait=5, longest_wait=60)


class Bench:
    """A breaker whose time is ours."""

    def __init__(self, policy: BreakerPolicy = POLICY) -> None:
        self.now = 1000.0
        self.told: list[tuple[State, str]] = []
        self.breaker = Breaker(
            policy, on_change=lambda state, reason: self.told.append((state, reason)), clock=lambda: self.now
        )

    @property
    def state(self) -> State:
        """Its state."""
        return self.breaker.state

    @property
    def states(self) -> list[State]:
        """The changes of state so far."""
        return [state for state, _ in self.told]

    def admitted(self) -> int:
        """Make a call that must pass."""
        era = self.breaker.admit()
        assert era is not None
        return era

    def succeed(self, times: int = 1) -> None:
        """Make calls that are answered."""
        for _ in range(times):
            self.breaker.succeeded(self.admitted())

    def fail(self, times: int = 1, *, answered: bool = False) -> None:
        """Make calls that fail."""
        for _ in range(times):
            self.breaker.failed(self.admitted(), "of a test", answered=answered)

    def opened(self) -> "Bench":
        """Open it."""
        self.fail(POLICY.silent)
        assert self.state is State.OPEN
        return self


@pytest.fixture
def bench() -> Bench:
    """A closed breaker."""
    return Bench()


# Opening.


def test_silence_opens(bench: Bench) -> None:
    """As many calls in a row without an answer as the figure says open it, however slowly they come."""
    for _ in range(9):
        bench.fail()
        bench.now += 3600
    assert bench.state is State.CLOSED
    bench.fail()
    assert bench.told == [(State.OPEN, "10 calls in a row got no answer, the last one because of a test")]
    assert bench.breaker.admit() is None


def test_an_answer_ends_the_row(bench: Bench) -> None:
    """An answer between them makes the row begin anew."""
    for _ in range(5):
        bench.fail(9)
        bench.succeed()
        bench.now += 11
    assert bench.state is State.CLOSED


def test_errors_alone_are_no_silence(bench: Bench) -> None:
    """Errors that the provider answers do not make up a row, so that one caller's few do not close it to all."""
    for _ in range(5):
        bench.fail(19, answered=True)
        bench.now += 11
    assert bench.state is State.CLOSED


@pytest.mark.parametrize(
    ("failures", "successes", "opens"), [(10, 10, True), (9, 11, False), (19, 0, False), (20, 0, True)]
)
def test_a_share_of_failures_opens(bench: Bench, failures: int, successes: int, opens: bool) -> None:
    """Half of at least twenty calls within ten seconds open it; fewer, or a smaller share, do not."""
    bench.succeed(successes)
    bench.fail(failures, answered=True)
    assert bench.states == ([State.OPEN] if opens else [])


def test_the_window_forgets(bench: Bench) -> None:
    """Calls of more than ten seconds ago do not count, neither as failures nor as calls."""
    bench.fail(15, answered=True)
    bench.now += 11
    bench.fail(15, answered=True)
    assert bench.state is State.CLOSED
    bench.now += 8
    bench.fail(5, answered=True)
    assert bench.told == [(State.OPEN, "20 of 20 calls failed, the last one because of a test")]


def test_the_window_slides(bench: Bench) -> None:
    """Many answers of long ago do not hide that all fails now."""
    bench.succeed(1000)
    for _ in range(10):
        bench.now += 1
        bench.fail(2, answered=True)
    assert bench.state is State.OPEN


def test_abandoned_calls_count_for_nothing(bench: Bench) -> None:
    """Calls whose client goes away, or that we did not make, neither open it nor keep it closed."""
    for _ in range(100):
        bench.breaker.abandoned(bench.admitted())
    bench.fail(9)
    assert bench.state is State.CLOSED
    bench.breaker.abandoned(bench.admitted())
    bench.fail()
    assert bench.states == [State.OPEN]


# Probing, closing.


@pytest.mark.parametrize(("later", "seconds"), [(0, 5), (0.001, 5), (1, 4), (4.001, 1), (4.999, 1), (5, 1), (3600, 1)])
def test_when_the_next_probe_may_come(bench: Bench, later: float, seconds: int) -> None:
    """Who is refused learns the whole seconds until a probe, rounded up and never none."""
    bench.opened()
    bench.now += later
    assert bench.breaker.retry_in == seconds


def test_when_the_next_probe_may_come_after_one(bench: Bench) -> None:
    """While a probe is under way it is a second; after one that failed the longer wait."""
    bench.opened()
    bench.now += 5
    era = bench.admitted()
    assert (bench.breaker.admit(), bench.breaker.retry_in) == (None, 1)
    bench.breaker.failed(era, "of a test", answered=False)
    assert bench.breaker.retry_in == 10


def test_open_refuses_until_the_wait_is_over(bench: Bench) -> None:
    """While open nothing passes; after the wait one call does, and only one."""
    bench.opened()
    bench.now += 4.999
    assert bench.breaker.admit() is None
    bench.now += 0.001
    assert bench.breaker.admit() is not None
    assert bench.state is State.HALF_OPEN
    assert [bench.breaker.admit() for _ in range(50)] == [None] * 50


def test_a_probe_that_is_answered_closes(bench: Bench) -> None:
    """A probe that is answered lets all calls pass again, with nothing remembered against the provider."""
    bench.opened()
    bench.now += 5
    bench.succeed()
    assert bench.states == [State.OPEN, State.HALF_OPEN, State.CLOSED]
    bench.fail(9)
    assert bench.state is State.CLOSED


@pytest.mark.parametrize("answered", [True, False])
def test_a_probe_that_fails_opens_for_longer(bench: Bench, answered: bool) -> None:
    """Each probe that fails doubles the wait, up to the longest; an answer makes it short again."""
    bench.opened()
    for wait in (5, 10, 20, 40, 60, 60):
        bench.now += wait - 0.001
        assert bench.breaker.admit() is None
        bench.now += 0.001
        bench.fail(answered=answered)
    bench.now += 60
    bench.succeed()
    bench.opened()
    bench.now += 5
    assert bench.breaker.admit() is not None


def test_an_abandoned_probe_makes_room_for_another(bench: Bench) -> None:
    """A probe whose client goes away says nothing: the next call is the probe."""
    bench.opened()
    bench.now += 5
    bench.breaker.abandoned(bench.admitted())
    bench.succeed()
    assert bench.state is State.CLOSED


def test_late_reports(bench: Bench) -> None:
    """What comes of calls that passed before a change of state does not count after it."""
    early = [bench.admitted() for _ in range(100)]
    bench.opened()
    for era in early[:50]:
        bench.breaker.failed(era, "late", answered=False)
    bench.breaker.succeeded(early[50])
    assert bench.states == [State.OPEN], "one change, told once"
    bench.now += 5
    probe = bench.admitted()
    bench.breaker.succeeded(early[51])
    bench.breaker.failed(early[52], "late", answered=False)
    bench.breaker.abandoned(early[53])
    assert bench.state is State.HALF_OPEN
    assert bench.breaker.admit() is None, "the probe is still under way"
    bench.breaker.succeeded(probe)
    for era in early[54:]:
        bench.breaker.failed(era, "late", answered=False)
    assert bench.states == [State.OPEN, State.HALF_OPEN, State.CLOSED]


# Laws.


@given(st.lists(st.tuples(st.sampled_from(["ok", "error", "silence", "gone"]), st.floats(0, 20)), max_size=200))
def test_laws(steps: list[tuple[str, float]]) -> None:
    """Whatever happens: it opens only if the policy are met, and at most one probe is under way."""
    bench = Bench()
    history: list[tuple[float, bool]] = []
    row = 0
    for what, pause in steps:
        bench.now += pause
        era = bench.breaker.admit()
        if era is None:
            continue
        before = bench.state
        if before is State.HALF_OPEN:
            assert bench.breaker.admit() is None
        if what == "gone":
            bench.breaker.abandoned(era)
            continue
        if what == "ok":
            bench.breaker.succeeded(era)
        else:
            bench.breaker.failed(era, what, answered=what == "error")
        if before is State.HALF_OPEN:
            history, row = [], 0
            assert bench.breaker.state is (State.CLOSED if what == "ok" else State.OPEN)
            continue
        history.append((bench.now, what != "ok"))
        row = 0 if what == "ok" else row + (what == "silence")
        widest = [failed for at, failed in history if bench.now - at <= 10]
        surely = [failed for at, failed in history if bench.now - at < 9]
        if bench.state is State.OPEN:
            assert row >= 10 or (len(widest) >= 20 and sum(widest) >= 10)
            history, row = [], 0
        elif what != "ok":
            assert row < 10
            assert not (len(surely) == len(widest) >= 20 and sum(surely) * 2 >= len(surely))
