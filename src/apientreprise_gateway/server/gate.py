"""The gate: where calls wait while more of them come than the processor can answer, and are refused if too many wait.

Of the calls that come, a few are begun in each turn of the event loop; the others wait here in their order, before
anything has been done or counted for them, and what has been begun goes first. What waits for a provider has been
begun: here is waited for the processor alone.

A crowd that comes at once is answered. In one that lasts, while more calls wait than may, those that have waited
longest are refused, but only a few for those begun: a refusal costs half of an answer, and if all were refused that
are too many, few would be answered. As a connection has one call here at most, their number bounds that of the others.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Protocol

from apientreprise_gateway.net.asgi import Scope

RECEIVED: Final = "gateway.received"
"""Key of the scope of a call that has waited here: when it came, by the clock of the gate."""
TOO_MANY: Final = "gateway.too_many"
"""Key of the scope of a call that is to be refused, as too many wait."""
BEGUN_PER_TURN: Final = 32
"""Calls begun in one turn of the event loop: enough of them to share exchanges with Redis, and a few milliseconds."""
REFUSED_PER_TURN: Final = 4
"""Calls refused in one turn: they take a sixteenth of what those begun do."""
LASTING: Final = 0.5
"""Seconds in which there was always a call that waited, after which a crowd lasts: it is not the start of an hour."""
_UNWATCHED: Final = 8
"""Calls after which a turn is watched: to watch it for each lonely call would cost more than all the rest here."""


class Waiting(Protocol):
    """A call that may wait (`exchanges.DirectExchange`)."""

    scope: Scope


class Gate:
    """Lets calls begin, or wait: one for all connections of a process."""

    def __init__(
        self,
        *,
        most: int = 512,
        clock: Callable[[], float] = time.perf_counter,
        soon: Callable[[Callable[[], None]], object] = lambda call: asyncio.get_running_loop().call_soon(call),
    ) -> None:
        """Keep no call waiting yet.

        Args:
            most: calls that may wait in a crowd that lasts.
            clock: a monotonic clock in seconds, the one by which calls are timed.
            soon: has something called in the next turn of the event loop.
        """
        self.most = most
        self.unwatched = _UNWATCHED
        """Calls that may begin without coming here; whoever begins one takes it off."""
        self.refused = 0
        """Calls that were refused so far."""
        self._clock = clock
        self._soon = soon
        self._waiting: OrderedDict[Waiting, Callable[[Any], None]] = OrderedDict()
        """The calls that wait, each with what begins it."""
        self._begun = 0
        """Calls begun in this turn, if it is watched."""
        self._crowded_since = 0.0
        """Since when there has always been a call that waits, if one does."""

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return len(self._waiting)

    def enter(self, call: Waiting, begin: Callable[[Any], None]) -> None:
        """Begin a call, or have it wait; `begin` may come later, and also for a call that is to be refused."""
        if not (self._begun or self._waiting):
            self._soon(self._next_turn)
        if self._begun < BEGUN_PER_TURN and not self._waiting:
            self._begun += 1
            begin(call)
            return
        now = call.scope[RECEIVED] = self._clock()
        if not self._waiting:
            self._crowded_since = now
        self._waiting[call] = begin

    def leave(self, call: Waiting) -> None:
        """Forget a call whose client has gone, if it waits here: it counts for nothing any more."""
        self._waiting.pop(call, None)

    def _next_turn(self) -> None:
        waiting = self._waiting
        refusals = REFUSED_PER_TURN if self._clock() - self._crowded_since > LASTING else 0
        self._begun = 0
        while waiting and self._begun < BEGUN_PER_TURN:
            call, begin = waiting.popitem(last=False)
            if refusals and len(waiting) >= self.most:
                refusals -= 1
                self.refused += 1
                call.scope[TOO_MANY] = True
            else:
                self._begun += 1
            begin(call)
        if waiting or self._begun:
            self._soon(self._next_turn)
        else:
            self.unwatched = _UNWATCHED
