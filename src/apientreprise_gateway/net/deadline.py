"""A deadline for what one task does over and over, that counts only the time in which the event loop could look.

`asyncio.timeout` cannot tell a server that is slow from a process that is: a loop that stood still finds its timer due
before it has read what waits in the socket. Here time is counted in slices, and a slice that ends late counts for no
more than itself; the last one must not end late, unless the loop is late all the time. Who never answers costs its
deadline, and what the loop itself was late.

A timer that is set and taken back for each of thousands of short exchanges would cost more than the rest of their
bookkeeping. This one goes on from use to use, and is not set again when it fires between two.
"""

import asyncio
from types import TracebackType
from typing import Final

_SLICES: Final = 4
"""Slices of a deadline, each ended by a look at the clock."""
_LATE: Final = 1.5
"""Number of slices after which a look that was due after one counts as late."""
_MOST: Final = 1.5
"""Multiple of the deadline at which it ends even though all looks are late."""
_TICK: Final = 0.001
"""Seconds by which the loop's timers may be early."""


class Deadline:
    """A deadline of the task that makes it; a context manager, not to be nested."""

    def __init__(self) -> None:
        """Make a deadline of the current task."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline belongs to a task")
        self._task = task
        self._loop = task.get_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._seconds = self._slice = 0.0
        self._counted = 0.0
        """Seconds of the present use that count."""
        self._looked_at = 0.0
        """Time of the event loop at the last look."""
        self._use = 0
        """Number of entries and exits so far: odd within a use, even between two."""
        self._cancelling = 0
        self._expired = False

    def within(self, seconds: float) -> "Deadline":
        """Cut off, with a `TimeoutError`, what is done in its block and takes longer."""
        self._looked_at = now = self._loop.time()
        self._seconds, self._slice, self._counted = seconds, seconds / _SLICES, 0.0
        if self._timer is not None and self._timer.when() > now + self._slice:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(now + self._slice, self._look)
        return self

    def __enter__(self) -> None:
        self._use += 1
        self._cancelling = self._task.cancelling()
        self._expired = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._use += 1
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

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
            self._loop.call_soon(self._cut, self._use)  # whom the last read has awoken runs before it

    def _cut(self, use: int) -> None:
        if use == self._use:
            self._expired = True
            self._task.cancel()
