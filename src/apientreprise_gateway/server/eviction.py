"""Which connections can best be done without, when there are too many."""

from collections.abc import Collection
from operator import itemgetter
from typing import Final, NamedTuple, Protocol, TypeVar

_EVICTED_SHARE: Final = 20
"""One in so many connections makes room, at least one."""
_HEAD_SECONDS: Final = 1.0
"""A client that takes longer for a request makes room for others."""
_FULL_SECONDS: Final = 0.05
"""So long after a look for room that found none, none is looked for: it takes a millisecond, and they may come fast."""


class Wait(NamedTuple):
    """What a connection waits for its client to do."""

    is_idle: bool
    """Whether it is between two requests; else one is coming in, or the first has not begun."""
    since: float
    """Seconds, by the clock of the event loop."""


class Evictable(Protocol):
    """A connection, as far as it may have to make room."""

    @property
    def closing(self) -> bool:
        """Whether it is closed, or about to be."""

    @property
    def wait(self) -> Wait | None:
        """What it waits for; None if it has something to do."""


_Connection = TypeVar("_Connection", bound=Evictable)


class Eviction:
    """Decides who makes room for a new connection; closes none."""

    def __init__(self) -> None:
        self._full_until = float("-inf")

    def choose(self, connections: Collection[_Connection], most: int, now: float) -> list[_Connection] | None:
        """The connections to close so that there is room for the last one, which may be none.

        First those that take long for a request, then those that have waited longest for their next one.

        Args:
            connections: all, the new one included.
            most: how many there may be.
            now: seconds, by the clock of the event loop.

        Returns:
            None if there is no room, and nobody who could make any.
        """
        if now < self._full_until:
            return None
        closing = sum(each.closing for each in connections)
        if len(connections) - closing <= most:
            return []
        waiting = [
            (wait, each)
            for each in connections
            if not each.closing and (wait := each.wait) is not None and _can_go(wait, now)
        ]
        if not waiting:
            self._full_until = now + _FULL_SECONDS
            return None
        waiting.sort(key=itemgetter(0))
        return [each for _, each in waiting[: max(1, most // _EVICTED_SHARE)]]


def _can_go(wait: Wait, now: float) -> bool:
    return wait.is_idle or now - wait.since >= _HEAD_SECONDS
