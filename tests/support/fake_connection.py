"""Stand-ins for what a connection is made of: an event loop's clock that a test sets, a transport without a socket."""

import asyncio
from collections.abc import Callable
from typing import Any


class ManualClock:
    """The time of an event loop, in seconds, that goes on when it is told."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._handles: list[asyncio.TimerHandle] = []

    def time(self) -> float:
        """The time."""
        return self._now

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> asyncio.TimerHandle:
        """Call something once the clock is so much further on."""
        loop: Any = self
        handle = asyncio.TimerHandle(self._now + delay, callback, args, loop)
        self._handles.append(handle)
        return handle

    def advance(self, seconds: float) -> None:
        """Go on, and call what is due meanwhile, each at its time."""
        end = self._now + seconds
        while due := [each for each in self._handles if not each.cancelled() and each.when() <= end]:
            first = min(due, key=asyncio.TimerHandle.when)
            self._handles.remove(first)
            self._now = first.when()
            first._callback(*first._args)  # type: ignore[attr-defined]  # asyncio runs it in the same way
        self._now = end

    @property
    def pending(self) -> int:
        """How many calls are still to come."""
        return sum(not each.cancelled() for each in self._handles)

    # What asyncio's handles ask of their loop.

    def get_debug(self) -> bool:
        """No."""
        return False

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        pass


class _NoSocket:
    def fileno(self) -> int:
        raise OSError("there is no socket")


class FakeTransport(asyncio.Transport):
    """A connection to nobody."""

    def __init__(self, *, buffered: int = 0) -> None:
        super().__init__()
        self.written = b""
        self.buffered = buffered
        """Bytes that wait for the client to take them."""
        self.reads = True
        self.closed = False
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Remember what is written."""
        self.written += bytes(data)

    def close(self) -> None:
        """Close."""
        self.closed = True

    def abort(self) -> None:
        """Close at once."""
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self.closed

    def get_write_buffer_size(self) -> int:
        """What was not taken."""
        return self.buffered

    def pause_reading(self) -> None:
        """Let lie what comes."""
        self.reads = False

    def resume_reading(self) -> None:
        """Read on."""
        self.reads = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """A socket that is gone."""
        return _NoSocket() if name == "socket" else default
