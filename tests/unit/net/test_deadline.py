"""Tests of deadlines."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from apientreprise_gateway.net.deadline import Countdown, Deadline

LONG = 60.0


async def never() -> None:
    """Wait for what does not come."""
    await asyncio.sleep(LONG)
    raise AssertionError("nothing has ended this")


async def test_what_takes_too_long_is_cut_off() -> None:
    """What waits beyond the deadline ends with a timeout, each time, and its task goes on."""
    deadline, clock = clocked()
    for _ in range(3):
        assert await cut_at(deadline, clock, clock.run(9)) == pytest.approx(1.1, abs=0.15)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


class Clockwork:
    """A loop's clock and timers, wound by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        """Now."""
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Set a timer."""
        self.timers.append((when, callback))
        return asyncio.TimerHandle(when, callback, (), asyncio.get_running_loop())

    def pass_to(self, now: float) -> None:
        """Let time pass at once: the loop stands still until then."""
        self.now = now
        due = [callback for when, callback in self.timers if when <= now]
        self.timers = [timer for timer in self.timers if timer[0] > now]
        for callback in due:
            callback()

    async def run(self, seconds: float, *, step: float = 0.05) -> None:
        """Let time pass as a loop sees it that looks at its timers after each step."""
        end = self.now + seconds
        while self.now < end:
            self.pass_to(self.now + step)
            await asyncio.sleep(0)

    def call_soon(self, callback: Callable[..., object], *arguments: object) -> asyncio.Handle:
        """Call with the real loop."""
        return asyncio.get_running_loop().call_soon(callback, *arguments)


def clocked() -> tuple[Deadline, Clockwork]:
    """A deadline that goes by a clock of its own."""
    deadline, clock = Deadline(), Clockwork()
    deadline._loop = clock  # type: ignore[assignment]
    return deadline, clock


async def cut_at(deadline: Deadline, clock: Clockwork, passing: Coroutine[Any, Any, None]) -> float:
    """When a use of one second that begins now is cut off while time passes."""
    begun = clock.now
    passes = asyncio.create_task(passing)
    with pytest.raises(TimeoutError), deadline.within(1):
        await never()
    seconds = clock.now - begun
    passes.cancel()
    return seconds


async def test_each_use_has_its_whole_time() -> None:
    """The timer of an earlier use cuts nothing off: each use in progress has as long as it may take."""
    deadline, clock = clocked()
    for _ in range(4):
        with deadline.within(1):
            await clock.run(0.85)
        assert len(clock.timers) <= 1
        await clock.run(0.1)
    assert await cut_at(deadline, clock, clock.run(9)) == pytest.approx(1.1, abs=0.15)


async def test_a_loop_that_stood_still_looks_again() -> None:
    """Time in which the loop could not look is not counted: what has come meanwhile is read before a use is cut off."""

    async def standing_still(clock: Clockwork, before: float) -> None:
        await clock.run(before)
        clock.pass_to(clock.now + 100)
        await clock.run(9)

    deadline, clock = clocked()
    assert await cut_at(deadline, clock, standing_still(clock, 0)) == pytest.approx(100.85, abs=0.15)
    assert await cut_at(deadline, clock, standing_still(clock, 0.95)) == pytest.approx(101.3, abs=0.15)


async def test_a_loop_that_is_late_all_the_time() -> None:
    """If every look is late, what takes too long is cut off all the same, half a deadline later."""
    deadline, clock = clocked()
    assert await cut_at(deadline, clock, clock.run(99, step=0.6)) == pytest.approx(6 * 0.6, abs=0.7)


async def test_what_was_read_last_is_kept() -> None:
    """What was read just before the end is handed out."""
    deadline, clock = clocked()
    reply = asyncio.get_running_loop().create_future()

    def read_and_end() -> None:
        reply.set_result("it")
        clock.pass_to(1.1)

    with deadline.within(1):
        await clock.run(0.9)
        asyncio.get_running_loop().call_soon(read_and_end)
        assert await reply == "it"
    await asyncio.sleep(0)


async def test_a_shorter_time_is_kept() -> None:
    """A deadline that is earlier than the one before it is kept."""
    deadline, clock = clocked()
    with deadline.within(LONG * 2):
        await asyncio.sleep(0)
    assert await cut_at(deadline, clock, clock.run(9)) == pytest.approx(1.1, abs=0.15)


async def test_outside_of_it_nothing_is_cut_off() -> None:
    """A time that has passed between two uses cuts nothing off."""
    deadline, clock = clocked()
    with deadline.within(1):
        await asyncio.sleep(0)
    await clock.run(9)


async def test_a_cancellation_remains_one() -> None:
    """Who cancels the task from outside is not told of a timeout."""

    async def wait() -> None:
        with Deadline().within(LONG * 2):
            begun.set()
            await never()

    begun = asyncio.Event()
    task = asyncio.create_task(wait())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_failures_pass() -> None:
    """What fails in time fails as it does."""
    with pytest.raises(KeyError), Deadline().within(LONG * 2):
        raise KeyError


def test_it_belongs_to_a_task() -> None:
    """Outside of a task there is nothing to cut off."""
    with pytest.raises(RuntimeError):
        Deadline()


async def test_a_countdown_calls_at_its_end() -> None:
    """Who does not wait in a task is called when the time is over, once, and not after an end in time."""
    ends: list[float] = []
    clock = Clockwork()
    countdown = Countdown(clock, lambda: ends.append(clock.now))  # type: ignore[arg-type]
    countdown.begin(1)
    await clock.run(0.6)
    assert countdown.left() == pytest.approx(0.4, abs=0.15)
    countdown.end()
    await clock.run(9)
    assert ends == []
    countdown.begin(1)
    begun = clock.now
    await clock.run(9)
    assert [at - begun for at in ends] == [pytest.approx(1.1, abs=0.15)]
    assert countdown.left() == 0
    countdown.end()
    countdown.stop()
