"""How long a connection waits for its client: for the rest of a request, or for the next one."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol


class Clock(Protocol):
    """An event loop, as far as it tells the time."""

    def time(self) -> float:
        """Seconds, of a clock that only goes on."""

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> asyncio.TimerHandle:
        """Call something in so many seconds."""


class RequestTimer:
    """The wait for a request that is coming in."""

    __slots__ = ("_clock", "_on_late", "_seconds", "handle")

    def __init__(self, clock: Clock, seconds: float, on_late: Callable[[], None]) -> None:
        """Wait for nothing yet; `on_late` is called after so many seconds of a wait."""
        self._clock = clock
        self._seconds = seconds
        self._on_late = on_late
        self.handle: asyncio.TimerHandle | None = None
        """Of the wait; None if there is none."""

    @property
    def since(self) -> float | None:
        """When the wait began; None if there is none."""
        return None if self.handle is None else self.handle.when() - self._seconds

    def start(self) -> None:
        """Begin to wait, if it does not wait already."""
        if self.handle is None:
            self.handle = self._clock.call_later(self._seconds, self._end)

    def stop(self) -> None:
        """Wait no more."""
        if self.handle is not None:
            self.handle.cancel()
            self.handle = None

    def _end(self) -> None:
        self.handle = None
        self._on_late()


class IdleTimer:
    """The wait between two requests."""

    __slots__ = ("_clock", "_on_idle", "_seconds", "handle", "since")

    def __init__(self, clock: Clock, seconds: float, on_idle: Callable[[], None]) -> None:
        """Wait for nothing yet; `on_idle` is called after so many seconds of a wait."""
        self._clock = clock
        self._seconds = seconds
        self._on_idle = on_idle
        self.handle: asyncio.TimerHandle | None = None
        """Looks at `since` when it fires, and is set again if that was too early: one timer for many waits."""
        self.since: float | None = None
        """When the wait began; None if there is none. May be set: to None to end it, to now while there is a handle."""

    def start(self) -> None:
        """Begin to wait."""
        self.since = self._clock.time()
        if self.handle is None:
            self.handle = self._clock.call_later(self._seconds, self._look)

    def stop(self) -> None:
        """Wait no more, and never again."""
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
