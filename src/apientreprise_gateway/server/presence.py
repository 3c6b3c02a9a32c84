"""Finds out whether a client has gone while nothing is read from its connection, which would otherwise show it."""

import asyncio
import select
from contextlib import suppress
from typing import Final, Protocol

from apientreprise_gateway.server.timers import Clock

_PRESENCE_SECONDS: Final = 0.25
"""Seconds between two looks."""


class Watched(Protocol):
    """A connection whose client may leave unnoticed."""

    @property
    def reads_nothing(self) -> bool:
        """Whether the connection is open, and nothing is read from it for now."""

    def client_has_gone(self) -> bool:
        """Whether the client has gone and a call should be cancelled for that."""

    def leave(self) -> None:
        """Close the connection, since the client has gone."""


class PresenceWatch:
    """Checks periodically whether the client of a connection has gone, while nothing is read from it."""

    __slots__ = ("_clock", "_connection", "_handle")

    def __init__(self, connection: Watched, clock: Clock) -> None:
        """Watch nothing yet."""
        self._connection = connection
        self._clock = clock
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start the checks, when reading is paused."""
        if self._handle is None:
            self._handle = self._clock.call_later(_PRESENCE_SECONDS, self._look)

    def stop(self) -> None:
        """Stop the checks."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _look(self) -> None:
        self._handle = None
        if not self._connection.reads_nothing:
            return
        if self._connection.client_has_gone():
            self._connection.leave()
        else:
            self.start()


def has_gone(transport: asyncio.Transport) -> bool:
    """Whether the other side has closed, even if bytes that it sent before are not read yet."""
    found = select.poll()
    with suppress(OSError, ValueError):  # the connection is closed already
        found.register(transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
        return bool(found.poll(0))
    return True
