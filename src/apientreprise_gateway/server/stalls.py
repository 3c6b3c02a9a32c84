"""Closes the connections of clients that take their answers too slowly, at once if memory runs out."""

import asyncio
import fcntl
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from uvicorn.protocols.http.flow_control import FlowControl

from apientreprise_gateway.server.buffers import Budget
from apientreprise_gateway.server.timers import Clock

_READ_BYTES_PER_SECOND: Final = 1024
"""Bytes per second below which a client's connection is closed."""
_FAIR_BYTES_PER_SECOND: Final = 64 * 1024
"""Bytes per second above which a client's connection is not closed to make room."""
_JUDGED_SECONDS: Final = 1.0
"""Seconds that a client has before its connection may be closed to make room."""


class StallWatch:
    """Watches that a client takes what is written to it, and counts what it has not taken (a `buffers.Holder`)."""

    def __init__(
        self,
        transport: asyncio.Transport,
        clock: Clock,
        *,
        seconds: float,
        budget: Budget,
        on_stalled: Callable[[], None],
        on_taken: Callable[[], None],
    ) -> None:
        """Watch nothing yet.

        Args:
            transport: the transport of the connection.
            clock: the event loop's clock.
            seconds: seconds within which the client must have taken something.
            budget: the budget of bytes that clients have not taken.
            on_stalled: closes the connection of a client that takes too little.
            on_taken: called when all has been taken.
        """
        self._tcp = self._transport = transport
        self._clock = clock
        self._seconds = seconds
        self._budget = budget
        self.let_go = on_stalled
        """Closes the connection to make room for others."""
        self._on_taken = on_taken
        self._check: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._untaken = 0
        """Bytes not taken at the last look."""
        self._pending = 0
        """Bytes of an answer that waits for the ones before it to be taken."""
        self.unsent: Callable[[], int] = transport.get_write_buffer_size
        """Returns how many bytes wait for the client to take them."""

    def secured(self, transport: asyncio.Transport) -> None:
        """Also count the bytes that the TLS transport holds."""
        self._transport = transport
        self.unsent = self._unsent_of_both

    def _unsent_of_both(self) -> int:
        return self._transport.get_write_buffer_size() + self._tcp.get_write_buffer_size()

    async def drain(self, flow: FlowControl, count: int) -> None:
        """Wait until an answer of so many bytes may be written."""
        self._pending = count
        self._enter()
        try:
            await flow.drain()
        finally:
            self._pending = 0
            self._enter()

    def watch(self) -> None:
        """Start to watch that what was written is taken."""
        self._enter()
        if self._check is None:
            self._since = self._clock.time()
            self._untaken = self.unsent() + _held_by_system(self._tcp)
            self._check = self._clock.call_later(self._seconds, self._look)

    def watch_anew(self) -> None:
        """Start the watch again from now, for all that was written so far."""
        self._cancel()
        self.watch()

    def resumed(self, *, last: bool) -> None:
        """Note that most was taken; `last` if nothing more will be written, so that the rest must be watched."""
        self._cancel()
        self._enter()
        if last:
            self.watch()

    def stop(self) -> None:
        """Stop watching, and count nothing any more."""
        self._cancel()
        self._budget.hold(self, 0)

    def held(self) -> int:
        """Bytes that the client has not taken, including an answer that waits to be written."""
        return self.unsent() + self._pending

    def pace(self) -> float | None:
        """Bytes per second that the client takes; None if that is fast enough, or not known yet."""
        elapsed = self._clock.time() - self._since
        if self._check is None or elapsed < _JUDGED_SECONDS:
            return None
        pace = (self._untaken - self.unsent() - _held_by_system(self._tcp)) / elapsed
        return pace if pace < _FAIR_BYTES_PER_SECOND else None

    def _enter(self) -> None:
        self._budget.hold(self, self.held())
        self._budget.has_room()

    def _cancel(self) -> None:
        if self._check is not None:
            self._check.cancel()
            self._check = None

    def _look(self) -> None:
        self._check = None
        left = self.unsent()
        if left == 0:
            self._enter()
            self._on_taken()
        elif self._untaken - left - _held_by_system(self._tcp) < _READ_BYTES_PER_SECOND * self._seconds:
            self.let_go()
        else:
            self.watch()


def _held_by_system(transport: asyncio.Transport) -> int:
    """Bytes in the system's send buffer that the other side has not acknowledged.

    The system accepts more from us only once a third of its buffer of some megabytes is free, so our own buffer alone
    would look as if nothing were taken.
    """
    held = bytearray(4)
    with suppress(OSError, ValueError):  # the system does not support it, or the connection is closed
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, held)
    return int.from_bytes(held, sys.byteorder)
