"""`asyncio.timeout` for what one task does over and over: the same meaning, with one timer for many uses.

A timer that is set and taken back for each of thousands of short exchanges costs more than the rest of their
bookkeeping. This one is set again only when it fires too early.
"""

import asyncio
from types import TracebackType


class Deadline:
    """A deadline of the task that makes it; a context manager, not to be nested."""

    def __init__(self) -> None:
        """Belong to the current task."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline belongs to a task")
        self._task = task
        self._loop = task.get_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._at: float | None = None
        self._cancelling = 0
        self._expired = False

    def within(self, seconds: float) -> "Deadline":
        """Cut off, with a `TimeoutError`, what is done in its block and takes longer."""
        self._at = at = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(at, self._look)
        return self

    def __enter__(self) -> None:
        self._cancelling = self._task.cancelling()
        self._expired = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._at = None
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _look(self) -> None:
        self._timer = None
        if self._at is None:
            return
        if self._loop.time() < self._at:
            self._timer = self._loop.call_at(self._at, self._look)
        else:
            self._expired = True
            self._task.cancel()
