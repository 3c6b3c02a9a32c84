"""Event loops for tests that cannot use those of pytest-asyncio."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own, such as one example of a property test."""
    return asyncio.run(work)


class _NoWait(selectors.SelectSelector):
    """Adds up how long a loop would have waited, and does not wait."""

    slept = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The keys that are ready now."""
        found = super().select(0)
        if timeout is None and not found:
            raise RuntimeError("nothing will ever happen")
        if not found:
            self.slept += timeout or 0.0
        return found


class TimelessLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer, so that tests with sleeps take no time and are repeatable."""

    def __init__(self) -> None:
        self._no_wait = _NoWait()
        super().__init__(self._no_wait)

    def time(self) -> float:
        """Seconds slept since the start."""
        return self._no_wait.slept


class WoundLoop(asyncio.SelectorEventLoop):
    """A loop on real sockets whose clock a test winds: no timer is due before, however slow the machine is."""

    _now = 0.0

    def time(self) -> float:
        """Seconds that it was wound by since the start."""
        return self._now

    def wind(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self._now += seconds


async def passes(seconds: float, *, step: float = 0.1) -> None:
    """Let time pass in a `WoundLoop`, which looks at its sockets and timers after each step."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WoundLoop)
    end = loop.time() + seconds
    while loop.time() < end:
        loop.wind(min(step, end - loop.time()))
        for _ in range(4):
            await asyncio.sleep(0)


def complete_at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a `TimelessLoop`, in which no sleep takes time."""
    with asyncio.Runner(loop_factory=TimelessLoop) as runner:
        return runner.run(work)
