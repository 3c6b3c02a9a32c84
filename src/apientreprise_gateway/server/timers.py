"""Timers of a connection's waits for its client: for the rest of a request, or for the next one."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol


class Clock(Protocol):
    """The clock of an event loop."""

    def time(self) -> float:
        """Monotonic time in seconds."""

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> asyncio.TimerHandle:
        """Call `callback` after `delay` seconds."""


class RequestTimer:
    """Limits the wait for the rest of a request."""

    __slots__ = ("_clock", "_on_late", "_seconds", "handle")

    def __init__(self, clock: Clock, seconds: float, on_late: Callable[[], None]) -> None:
        """Configure it; `on_late` is called after so many seconds of a wait."""
        self._clock = clock
        self._seconds = seconds
        self._on_late = on_late
        self.handle: asyncio.TimerHandle | None = None
        """The timer of the current wait; None without one."""

    @property
    def since(self) -> float | None:
        """When the wait began; None if there is none."""
        return None if self.handle is None else self.handle.when() - self._seconds

    def start(self) -> None:
        """Begin a wait, unless there is one."""
        if self.handle is None:
            self.handle = self._clock.call_later(self._seconds, self._end)

    def stop(self) -> None:
        """End the wait."""
        if self.handle is not None:
            self.handle.cancel()
            self.handle = None

    def _end(self) -> None:
        self.handle = None
        self._on_late()


class IdleTimer:
    """Limits the wait between two requests."""

    __slots__ = ("_clock", "_on_idle", "_seconds", "handle", "since")

    def __init__(self, clock: Clock, seconds: float, on_idle: Callable[[], None]) -> None:
        """Configure it; `on_idle` is called after so many seconds of a wait."""
        self._clock = clock
        self._seconds = seconds
        self._on_idle = on_idle
        self.handle: asyncio.TimerHandle | None = None
        """One timer for many waits: it looks at `since` when it fires, and is set again if that was too early."""
        self.since: float | None = None
        """When the wait began; None without one. Set it to None to end the wait, or to now if there is a handle."""

    def start(self) -> None:
        """Begin a wait."""
        self.since = self._clock.time()
        if self.handle is None:
            self.handle = self._clock.call_later(self._seconds, self._look)

    def stop(self) -> None:
        """End the wait for good."""
        self.since = None
        if self.handle is not None:
            self.handle.cancel()

    def _look(self) -> None:
        self.handle = None
        if self.since is None:
            return
        left = self.since + self._seconds - self._clock.time()
        if left > 0:
            self.handle = self._clock.call_later(left, self._look)
        else:
            self._on_idle()
