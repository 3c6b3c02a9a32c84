"""Tests of the waits of a connection, by a clock that is set."""

from apientreprise_gateway.server.timers import IdleTimer, RequestTimer
from support.fake_connection import ManualClock


def test_a_request_that_is_late() -> None:
    """Its end is told once, so many seconds after the first start; others meanwhile change nothing."""
    clock, late = ManualClock(), list[float]()
    timer = RequestTimer(clock, 10, lambda: late.append(clock.time()))
    began = clock.time()
    timer.start()
    clock.advance(6)
    timer.start()
    assert timer.since == began
    clock.advance(100)
    assert late == [began + 10]
    assert timer.since is None


def test_a_request_that_comes_in_time() -> None:
    """A wait that was stopped is not told of, and can begin anew."""
    clock, late = ManualClock(), list[float]()
    timer = RequestTimer(clock, 10, lambda: late.append(clock.time()))
    timer.start()
    clock.advance(9)
    timer.stop()
    timer.stop()
    assert timer.since is None
    clock.advance(5)
    timer.start()
    began = clock.time()
    clock.advance(20)
    assert late == [began + 10]


def test_an_idle_connection() -> None:
    """The end comes so many seconds after the last start, with one timer for all of them."""
    clock, idle = ManualClock(), list[float]()
    timer = IdleTimer(clock, 10, lambda: idle.append(clock.time()))
    for _ in range(5):
        timer.start()
        clock.advance(4)
        assert clock.pending == 1
    began = clock.time() - 4
    clock.advance(100)
    assert idle == [began + 10]


def test_a_connection_that_is_busy_when_its_time_comes() -> None:
    """A wait that has ended is not told of; the next one has its whole time."""
    clock, idle = ManualClock(), list[float]()
    timer = IdleTimer(clock, 10, lambda: idle.append(clock.time()))
    timer.start()
    timer.since = None
    clock.advance(20)
    assert idle == []
    timer.start()
    began = clock.time()
    clock.advance(20)
    assert idle == [began + 10]


def test_a_connection_that_is_lost() -> None:
    """Nothing is left of a wait that was stopped."""
    clock, idle = ManualClock(), list[float]()
    timer = IdleTimer(clock, 10, lambda: idle.append(clock.time()))
    timer.start()
    timer.stop()
    assert clock.pending == 0
    clock.advance(20)
    assert idle == []
