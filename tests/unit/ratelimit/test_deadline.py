"""Tests of deadlines."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from apientreprise_gateway.ratelimit.deadline import Deadline

LONG = 60.0


def run(test: Awaitable[None]) -> None:
    """Run a test's coroutine."""

    async def bounded() -> None:
        async with asyncio.timeout(LONG):
            await test

    asyncio.run(bounded())


async def never() -> None:
    """Wait for what does not come."""
    await asyncio.get_running_loop().create_future()


def test_what_takes_too_long_is_cut_off() -> None:
    """What waits beyond the deadline ends with a timeout, each time, and its task goes on."""

    async def test() -> None:
        deadline = Deadline()
        for _ in range(3):
            with pytest.raises(TimeoutError), deadline.within(0.01):
                await never()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(test())


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
        """Let time pass."""
        self.now = now
        due = [callback for when, callback in self.timers if when <= now]
        self.timers = [timer for timer in self.timers if timer[0] > now]
        for callback in due:
            callback()


def test_each_use_has_its_whole_time() -> None:
    """The timer of an earlier use cuts nothing off: it is set again, for as long as the use in progress may take."""

    async def test() -> None:
        deadline, clock = Deadline(), Clockwork()
        deadline._loop = clock  # type: ignore[assignment]
        for start in (0.0, 0.6, 1.2, 1.8):
            clock.pass_to(start)
            with deadline.within(1):
                clock.pass_to(start + 0.5)
                await asyncio.sleep(0)
            assert len(clock.timers) <= 1
        asyncio.get_running_loop().call_soon(clock.pass_to, 3.4)
        with pytest.raises(TimeoutError), deadline.within(1):
            await never()

    run(test())


def test_a_shorter_time_is_kept() -> None:
    """A deadline that is earlier than the one before it is kept."""

    async def test() -> None:
        deadline = Deadline()
        with deadline.within(LONG * 2):
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError), deadline.within(0.01):
            await never()

    run(test())


def test_outside_of_it_nothing_is_cut_off() -> None:
    """A time that has passed between two uses cuts nothing off."""

    async def test() -> None:
        deadline = Deadline()
        with deadline.within(0.01):
            await asyncio.sleep(0)
        await asyncio.sleep(0.03)

    run(test())


def test_a_cancellation_remains_one() -> None:
    """Who cancels the task from outside is not told of a timeout."""

    async def wait(begun: asyncio.Event) -> None:
        with Deadline().within(LONG * 2):
            begun.set()
            await never()

    async def test() -> None:
        begun = asyncio.Event()
        task = asyncio.create_task(wait(begun))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(test())


def test_failures_pass() -> None:
    """What fails in time fails as it does."""

    async def test() -> None:
        with pytest.raises(KeyError), Deadline().within(LONG * 2):
            raise KeyError

    run(test())


def test_it_belongs_to_a_task() -> None:
    """Outside of a task there is nothing to cut off."""
    with pytest.raises(RuntimeError):
        Deadline()
