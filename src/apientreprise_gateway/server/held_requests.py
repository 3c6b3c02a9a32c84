"""The memory that requests of a connection hold; without room, those who send a head slowly are closed first."""

from collections.abc import Callable
from typing import Final, Protocol

from apientreprise_gateway.server.buffers import SMALL_BYTES, Budget
from apientreprise_gateway.server.limits import Closing
from apientreprise_gateway.server.timers import Clock

_JUDGED_SECONDS: Final = 1.0
"""Seconds that a client has for a head before its connection may be closed to make room."""


class Sender(Protocol):
    """A connection that receives requests."""

    def unanswered(self) -> int:
        """Bytes of requests that are held in memory."""

    def reads_head_since(self) -> float | None:
        """When the head that is coming in began, in seconds of the loop's clock; None if none is."""


class HeldRequests:
    """Counts what a connection holds of requests in the budget of all connections (a `buffers.Holder`)."""

    __slots__ = ("_budget", "_clock", "_close", "_sender", "weighs")

    def __init__(self, sender: Sender, budget: Budget, clock: Clock, *, close: Callable[[Closing], None]) -> None:
        """Hold nothing yet; `close` closes the connection at once."""
        self._sender = sender
        self._budget = budget
        self._clock = clock
        self._close = close
        self.weighs = False
        """Whether it is in the budget."""

    def enter(self) -> None:
        """Count what is held now; without room for it the connection is closed."""
        budget = self._budget
        held = self.held()
        if not held and not self.weighs:
            return
        self.weighs = held > 0
        budget.hold(self, held)
        if held and not budget.has_room():
            budget.hold(self, 0)
            self._close(Closing.FULL)

    def end(self) -> None:
        """Hold nothing any more."""
        if self.weighs:
            self.weighs = False
            self._budget.hold(self, 0)

    def held(self) -> int:
        """Bytes that are held; 0 for the few that are in no budget."""
        count = self._sender.unanswered()
        return count if count > SMALL_BYTES else 0

    def pace(self) -> float | None:
        """Bytes of a head per second; None if no head is coming in, or not for long."""
        since = self._sender.reads_head_since()
        elapsed = 0.0 if since is None else self._clock.time() - since
        return None if elapsed < _JUDGED_SECONDS else self.held() / elapsed

    def let_go(self) -> None:
        """Close the connection to make room for others."""
        self._close(Closing.SLOW_REQUEST)
