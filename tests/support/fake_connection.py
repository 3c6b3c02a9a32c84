"""Fakes for a connection: an event loop's clock that a test sets, and a transport without a socket."""

import asyncio
from collections.abc import Callable
from typing import Any


class ManualClock:
    """The clock of an event loop, in seconds, that moves only when `advance` is called."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._handles: list[asyncio.TimerHandle] = []

    def time(self) -> float:
        """The current time in seconds."""
        return self._now

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> asyncio.TimerHandle:
        """Call `callback` once the clock is `delay` seconds further."""
        loop: Any = self
        handle = asyncio.TimerHandle(self._now + delay, callback, args, loop)
        self._handles.append(handle)
        return handle

    def advance(self, seconds: float) -> None:
        """Move the clock, and run the calls that are due meanwhile, each at its time."""
        end = self._now + seconds
        while due := [each for each in self._handles if not each.cancelled() and each.when() <= end]:
            first = min(due, key=asyncio.TimerHandle.when)
            self._handles.remove(first)
            self._now = first.when()
            first._callback(*first._args)  # type: ignore[attr-defined]  # asyncio runs it in the same way
        self._now = end

    @property
    def pending(self) -> int:
        """Number of calls that are still to come."""
        return sum(not each.cancelled() for each in self._handles)

    # Methods that asyncio's timer handles call on their loop.

    def get_debug(self) -> bool:
        """Return False: the loop is never in debug mode."""
        return False

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        pass


class _NoSocket:
    def fileno(self) -> int:
        raise OSError("there is no socket")


class FakeTransport(asyncio.Transport):
    """A transport without a socket, which records what is written."""

    def __init__(self, *, buffered: int = 0) -> None:
        super().__init__()
        self.written = b""
        self.buffered = buffered
        """Bytes that wait for the client to take them."""
        self.reads = True
        self.closed = False
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Record what is written."""
        self.written += bytes(data)

    def close(self) -> None:
        """Record that it is closed."""
        self.closed = True

    def abort(self) -> None:
        """Record that it is closed at once."""
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self.closed

    def get_write_buffer_size(self) -> int:
        """Bytes that the client has not taken."""
        return self.buffered

    def pause_reading(self) -> None:
        """Record that reading is paused."""
        self.reads = False

    def resume_reading(self) -> None:
        """Record that reading goes on."""
        self.reads = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """For `socket`, an object without a file descriptor."""
        return _NoSocket() if name == "socket" else default
