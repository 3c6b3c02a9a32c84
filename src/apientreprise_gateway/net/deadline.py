"""Deadlines that are used again and again, and that do not count the time in which the event loop was blocked.

`asyncio.timeout` cannot tell a slow server from a slow process: a loop that was blocked finds its timer due before it
has read what waits in the socket. Here time is counted in slices, and a slice that ends late counts for its own length
only; the last one must end on time, unless the loop is always late. A server that never answers thus costs the deadline
plus the lateness of the loop.

Setting and cancelling a timer for each of thousands of short exchanges would cost more than the rest of their
bookkeeping. This timer runs on from one use to the next, and is not renewed when it fires between two.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final

_SLICES: Final = 4
"""Slices of a deadline, each ended by a look at the clock."""
_LATE: Final = 1.5
"""A look at the clock counts as late if it comes more than this number of slices after the one before."""
_MOST: Final = 1.5
"""Multiple of the deadline that, once counted, ends it even if every look is late."""
_TICK: Final = 0.001
"""Seconds by which the loop's timers may be early."""


class Countdown:
    """Seconds that something may take; what is to happen after them is told at the start, once for all uses."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_end: Callable[[], object]) -> None:
        """Count nothing yet."""
        self._loop = loop
        self._on_end = on_end
        self._timer: asyncio.TimerHandle | None = None
        self._seconds = self._slice = 0.0
        self._counted = 0.0
        """Seconds counted so far in the present use."""
        self._looked_at = 0.0
        """Time of the event loop at the last look."""
        self._use = 0
        """Number of beginnings and ends so far: odd within a use, even between two."""

    def begin(self, seconds: float) -> None:
        """Begin a use, which may take so many seconds; none is under way."""
        self._looked_at = now = self._loop.time()
        self._seconds, self._slice, self._counted = seconds, seconds / _SLICES, 0.0
        if self._timer is not None and self._timer.when() > now + self._slice:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(now + self._slice, self._look)
        self._use += 1

    def end(self) -> None:
        """End the use: it took less time than it may."""
        self._use += 1

    def left(self) -> float:
        """Seconds that are left of the present use, or were at its end."""
        passed = min(self._loop.time() - self._looked_at, self._slice)
        return max(self._seconds - self._counted - passed, 0.0)

    def stop(self) -> None:
        """Stop the timer, for good or until the next use."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if not self._use % 2:
            return
        now = self._loop.time()
        passed, self._looked_at = now - self._looked_at, now
        self._counted += min(passed, self._slice)
        left = self._seconds - self._counted
        if left > _TICK:
            self._timer = self._loop.call_at(now + min(left, self._slice), self._look)
        elif passed > self._slice * _LATE and self._counted < self._seconds * _MOST:
            self._timer = self._loop.call_at(now + self._slice, self._look)
        else:
            self._loop.call_soon(self._cut, self._use)  # a task woken by the last read runs first

    def _cut(self, use: int) -> None:
        if use == self._use:
            self._on_end()


class Deadline(Countdown):
    """A deadline of the task that makes it; a context manager, not to be nested."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline belongs to a task")
        super().__init__(task.get_loop(), self._expire)
        self._task = task
        self._given = 0.0
        self._cancelling = 0
        self._expired = False

    def within(self, seconds: float) -> "Deadline":
        """Enter it with `with`: its block raises `TimeoutError` if it takes longer than so many seconds."""
        self._given = seconds
        return self

    def __enter__(self) -> None:
        self._cancelling = self._task.cancelling()
        self._expired = False
        self.begin(self._given)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()
