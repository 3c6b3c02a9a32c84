"""Whether a client is still there from whom nothing is read, which would tell."""

import asyncio
import select
from contextlib import suppress
from typing import Final, Protocol

from apientreprise_gateway.server.timers import Clock

_PRESENCE_SECONDS: Final = 0.25
"""How often it is looked."""


class Watched(Protocol):
    """A connection whose client may go unseen."""

    @property
    def reads_nothing(self) -> bool:
        """Whether the connection is open, and nothing is read from it for now."""

    def client_has_gone(self) -> bool:
        """Whether the client has gone while somebody would want to know."""

    def leave(self) -> None:
        """Close the connection, since the client has gone."""


class PresenceWatch:
    """Looks now and then whether the client of a connection has gone, for as long as nothing is read from it."""

    __slots__ = ("_clock", "_connection", "_handle")

    def __init__(self, connection: Watched, clock: Clock) -> None:
        """Watch nothing yet."""
        self._connection = connection
        self._clock = clock
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch, since nothing is read."""
        if self._handle is None:
            self._handle = self._clock.call_later(_PRESENCE_SECONDS, self._look)

    def stop(self) -> None:
        """Watch no more."""
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
    """Whether the other side has closed, which shows behind all that was not read yet."""
    found = select.poll()
    with suppress(OSError, ValueError):  # a connection that is gone
        found.register(transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
        return bool(found.poll(0))
    return True
