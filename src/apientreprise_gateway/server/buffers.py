"""Limits the memory that all connections of a process hold together.

A limit per connection would not bound thousands of them. There are two budgets: for answers that clients have not
taken, and for requests that are not answered yet. A connection that holds up to `SMALL_BYTES` is in neither, so that
an ordinary call costs nothing here; that memory comes on top.
"""

from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

WAITING_BYTES: Final = 64 * 1024 * 1024
"""Bytes that connections may hold together, by default."""
SMALL_BYTES: Final = 16 * 1024
"""Bytes that a connection may hold without being in a budget; an answer up to this length is always given."""
_FREED_SHARE: Final = 20
"""One in so many bytes is freed beyond what is needed, so that the search for room is not repeated at once."""
_FULL_SECONDS: Final = 0.05
"""Seconds without another search after one that found no room, as each takes milliseconds."""


class Holder(Protocol):
    """Holds bytes for a connection."""

    def held(self) -> int:
        """Bytes that it holds now."""

    def pace(self) -> float | None:
        """Bytes per second that its client takes or sends; None if it is fast enough, or cannot be judged yet."""

    def let_go(self) -> None:
        """Close the connection at once."""


class Budget:
    """A limit on the bytes that connections hold together."""

    def __init__(self, most: int = WAITING_BYTES, *, clock: Callable[[], float] = monotonic) -> None:
        """Take the number of bytes, and a monotonic clock in seconds."""
        self.most = most
        self.total = 0
        self._clock = clock
        self._holders: dict[Holder, int] = {}
        self._full_until = float("-inf")

    def hold(self, holder: Holder, count: int) -> None:
        """Set the number of bytes that a connection holds."""
        self.total += count - self._holders.pop(holder, 0)
        if count:
            self._holders[holder] = count

    def has_room(self, count: int = 0) -> bool:
        """Whether so many more bytes may be held; the slowest connections are closed for them if need be."""
        count = min(count, self.most // 2)  # so that a connection alone gets an answer of any length
        if self.total + count > self.most:
            self._make_room(count)
        return self.total + count <= self.most

    def measure(self) -> int:
        """Bytes held, counted again at each connection, as clients take and send meanwhile."""
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
