"""Chooses the connections to close when there are too many."""

from collections.abc import Collection
from operator import itemgetter
from typing import Final, NamedTuple, Protocol, TypeVar

_EVICTED_SHARE: Final = 20
"""One in so many connections is closed at a time, at least one."""
_HEAD_SECONDS: Final = 1.0
"""Seconds for a request after which its connection may be closed to make room."""
_FULL_SECONDS: Final = 0.05
"""Seconds without another search after one that found no room, as each takes a millisecond."""


class Wait(NamedTuple):
    """The state of a connection that waits for its client."""

    is_idle: bool
    """Whether it is between two requests; else one is coming in, or the first has not begun."""
    since: float
    """When the wait began, in seconds of the event loop's clock."""


class Evictable(Protocol):
    """A connection that may be closed to make room."""

    @property
    def closing(self) -> bool:
        """Whether it is closed, or about to be."""

    @property
    def wait(self) -> Wait | None:
        """Its wait for its client; None if it is not waiting for it."""


_Connection = TypeVar("_Connection", bound=Evictable)


class Eviction:
    """Chooses which connections to close for a new one; it closes none itself."""

    def __init__(self) -> None:
        self._full_until = float("-inf")

    def choose(self, connections: Collection[_Connection], most: int, now: float) -> list[_Connection] | None:
        """The connections to close so that there is room for the new one; the list may be empty.

        First those that take long to send a request, then those that have been idle longest.

        Args:
            connections: all connections, the new one included.
            most: how many there may be.
            now: seconds of the event loop's clock.

        Returns:
            None if there is no room and no connection can be closed.
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
