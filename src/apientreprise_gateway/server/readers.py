"""How clients take their answers: who takes too little is let go, at once if there is no room for what it leaves."""

import asyncio
import fcntl
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from uvicorn.protocols.http.flow_control import FlowControl

from apientreprise_gateway.server.buffers import Budget

_READ_BYTES_PER_SECOND: Final = 1024
"""A client that takes its answers more slowly than this is let go."""
_FAIR_BYTES_PER_SECOND: Final = 64 * 1024
"""One that takes them faster than this is not asked to make room."""
_JUDGED_SECONDS: Final = 1.0
"""Nor is one that has had less time than this."""


class Reader:
    """The client of a connection, as far as it takes what is written to it."""

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        patience: float,
        budget: Budget,
        on_slow: Callable[[], None],
        on_taken: Callable[[], None],
    ) -> None:
        """Watch nothing yet.

        Args:
            transport: what carries the connection.
            patience: seconds within which something must have been taken.
            budget: of what is not taken.
            on_slow: closes the connection of a reader that is too slow.
            on_taken: told when all has been taken.
        """
        self._tcp = self._transport = transport
        self._patience = patience
        self._budget = budget
        self._loop = asyncio.get_running_loop()
        self.let_go = on_slow
        """See `buffers.Holder`."""
        self._on_taken = on_taken
        self._check: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._untaken = 0
        """What there was to take when it was last looked."""
        self._pending = 0
        """Bytes of an answer that waits for the ones before it to be taken."""
        self.unsent: Callable[[], int] = transport.get_write_buffer_size
        """How many bytes wait for the client to take them."""

    def secured(self, transport: asyncio.Transport) -> None:
        """Go on in TLS, which holds bytes as well."""
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
        """See that what was written is taken."""
        self._enter()
        if self._check is None:
            self._since = self._loop.time()
            self._untaken = self.unsent() + _held_by_system(self._tcp)
            self._check = self._loop.call_later(self._patience, self._look)

    def watch_anew(self) -> None:
        """See that all that was written so far is taken, from now on."""
        self._stop()
        self.watch()

    def resumed(self, *, last: bool) -> None:
        """Note that most was taken; if it was the last for now, nothing more is coming that would tell of the rest."""
        self._stop()
        self._enter()
        if last:
            self.watch()

    def close(self) -> None:
        """Watch no more."""
        self._stop()
        self._budget.hold(self, 0)

    def held(self) -> int:
        """See `buffers.Holder`."""
        return self.unsent() + self._pending

    def pace(self) -> float | None:
        """See `buffers.Holder`."""
        elapsed = self._loop.time() - self._since
        if self._check is None or elapsed < _JUDGED_SECONDS:
            return None
        pace = (self._untaken - self.unsent() - _held_by_system(self._tcp)) / elapsed
        return pace if pace < _FAIR_BYTES_PER_SECOND else None

    def _enter(self) -> None:
        self._budget.hold(self, self.held())
        self._budget.has_room()

    def _stop(self) -> None:
        if self._check is not None:
            self._check.cancel()
            self._check = None

    def _look(self) -> None:
        self._check = None
        left = self.unsent()
        if left == 0:
            self._enter()
            self._on_taken()
        elif self._untaken - left - _held_by_system(self._tcp) < _READ_BYTES_PER_SECOND * self._patience:
            self.let_go()
        else:
            self.watch()


def _held_by_system(transport: asyncio.Transport) -> int:
    """How much of what was written the other side has not acknowledged.

    The system takes more from us only once a third of some megabytes has gone: what is left with us stands still
    meanwhile, as if nothing were taken.
    """
    held = bytearray(4)
    with suppress(OSError, ValueError):  # a system that does not tell, a connection that is gone
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, held)
    return int.from_bytes(held, sys.byteorder)
