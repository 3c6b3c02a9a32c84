"""What the connections of a process may hold in memory, all of them together.

A bound for each connection is none for thousands of them. There are two budgets: for answers that clients have not
taken, and for requests that have not been answered. Whoever holds little is in neither, so that an ordinary call costs
nothing here: `SMALL_BYTES` times the connections that there may be come on top.
"""

from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

WAITING_BYTES: Final = 64 * 1024 * 1024
"""Bytes that connections may hold, unless told otherwise."""
SMALL_BYTES: Final = 16 * 1024
"""What a connection may hold without being in a budget; an answer that is no longer is given in any case."""
_FREED_SHARE: Final = 20
"""One in so many bytes is freed beyond what is needed, so that not every byte looks for room."""
_FULL_SECONDS: Final = 0.05
"""So long after a look that found no room none is looked for: it takes milliseconds."""


class Holder(Protocol):
    """What holds bytes for a connection."""

    def held(self) -> int:
        """Bytes that it holds now."""

    def pace(self) -> float | None:
        """Bytes per second that its client takes or sends; None if it is not to blame, or cannot be judged yet."""

    def let_go(self) -> None:
        """Close the connection, at once."""


class Budget:
    """The bytes that connections hold."""

    def __init__(self, most: int = WAITING_BYTES, *, clock: Callable[[], float] = monotonic) -> None:
        """Take how many they may hold, and seconds of a clock that only goes on."""
        self.most = most
        self.total = 0
        self._clock = clock
        self._holders: dict[Holder, int] = {}
        self._full_until = float("-inf")

    def hold(self, holder: Holder, count: int) -> None:
        """Enter what a connection holds in place of what it held."""
        self.total += count - self._holders.pop(holder, 0)
        if count:
            self._holders[holder] = count

    def has_room(self, count: int = 0) -> bool:
        """Whether so many bytes more may be held; the slowest make room for them, for half of all bytes at most."""
        count = min(count, self.most // 2)  # who is alone is answered at any length
        if self.total + count > self.most:
            self._make_room(count)
        return self.total + count <= self.most

    def measure(self) -> int:
        """Bytes that are held, asked of each connection anew: clients go on taking and sending meanwhile."""
        for holder in list(self._holders):
            self.hold(holder, holder.held())
        return self.total

    def _make_room(self, count: int) -> None:
        now = self._clock()
        if now < self._full_until or self.measure() + count <= self.most:
            return
        aim = self.most - self.most // _FREED_SHARE - count
        paces = [(pace, holder) for holder in self._holders if (pace := holder.pace()) is not None]
        for _, holder in sorted(paces, key=lambda entry: entry[0]):
            if self.total <= aim:
                break
            self.hold(holder, 0)
            holder.let_go()
        if self.total + count > self.most:
            self._full_until = now + _FULL_SECONDS
