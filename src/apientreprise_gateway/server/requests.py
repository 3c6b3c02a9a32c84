"""What connections hold of requests: who sends a head slowly makes room for others, if there is none."""

import asyncio
from typing import Final, Protocol

from apientreprise_gateway.server.buffers import SMALL_BYTES, Budget
from apientreprise_gateway.server.limits import Closing

_JUDGED_SECONDS: Final = 1.0
"""A client that has had less time than this for a head is not asked to make room."""


class Sender(Protocol):
    """A connection, as far as requests come in by it."""

    def unanswered(self) -> int:
        """How many bytes are held of requests."""

    def reads_head_since(self) -> float | None:
        """Since when the head of a request has been coming in; None if none is."""

    def cut(self, reason: Closing) -> None:
        """Close at once."""


class Request:
    """What a connection holds of requests, in the budget of all."""

    __slots__ = ("_budget", "_of", "weighs")

    def __init__(self, of: Sender, budget: Budget) -> None:
        """Hold nothing yet."""
        self._of = of
        self._budget = budget
        self.weighs = False
        """Whether it is in the budget."""

    def enter(self) -> None:
        """Enter what is held now; without room for it the connection is closed."""
        budget = self._budget
        held = self.held()
        if not held and not self.weighs:
            return
        self.weighs = held > 0
        budget.hold(self, held)
        if held and not budget.has_room():
            budget.hold(self, 0)
            self._of.cut(Closing.FULL)

    def end(self) -> None:
        """Hold nothing any more."""
        if self.weighs:
            self.weighs = False
            self._budget.hold(self, 0)

    def held(self) -> int:
        """See `buffers.Holder`."""
        count = self._of.unanswered()
        return count if count > SMALL_BYTES else 0

    def pace(self) -> float | None:
        """See `buffers.Holder`."""
        since = self._of.reads_head_since()
        elapsed = 0.0 if since is None else asyncio.get_running_loop().time() - since
        return None if elapsed < _JUDGED_SECONDS else self.held() / elapsed

    def let_go(self) -> None:
        """See `buffers.Holder`."""
        self._of.cut(Closing.SLOW_REQUEST)
