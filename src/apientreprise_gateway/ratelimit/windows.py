"""Windows: how many calls one counter has admitted in the time before a call.

Two kinds, chosen by the setting `GATEWAY_WINDOW`, of any length. Both are exact, both work on integer microseconds of
the clock that the store injects, and neither enters a refused call. They are pure state: no clock, no key, no header.
"""

from array import array
from typing import Final, NamedTuple, Protocol

SECOND: Final = 1_000_000
"""Microseconds."""
USUAL_SECONDS: Final = 60
"""Length of the windows of addresses, and of every group that does not say another."""
WINDOW: Final = USUAL_SECONDS * SECOND
"""The same in microseconds."""


class Outcome(NamedTuple):
    """What a window says of one call; instants are microseconds of the injected clock."""

    admitted: bool
    used: int
    """Calls in the window, this one included if it was admitted."""
    reset_at: int
    """When the oldest call of the window leaves it."""
    free_at: int
    """When one more call will be admitted; at or before now if one would be already."""


class Window(Protocol):
    """The calls that one counter has admitted."""

    expires_at: int
    """When the window is empty again and may be forgotten."""

    def hit(self, now: int, limit: int) -> Outcome:
        """Admit a call unless `limit` (at least 1) are in the window; enter it if admitted."""


class SlidingWindow:
    """An exact log of the calls that were admitted within its length."""

    __slots__ = ("_calls", "_first", "_length", "expires_at")

    def __init__(self, length: int = WINDOW) -> None:
        """Be empty; the length is microseconds."""
        # There may be one for every caller of that time: an array with one call takes a sixth of a deque.
        self._calls = array("q")
        self._first = 0
        """Where those that have not left the window begin."""
        self._length = length
        self.expires_at = 0

    def hit(self, now: int, limit: int) -> Outcome:
        """Admit a call unless `limit` of them were admitted within the length before it."""
        calls, first, end, length = self._calls, self._first, len(self._calls), self._length
        while first < end and calls[first] <= now - length:
            first += 1
        # A clock set back must not hold a caller for as long as it was wrong.
        while first < end and calls[end - 1] > now:
            calls.pop()
            end -= 1
        if first * 2 > end:
            del calls[:first]  # half of them at least, so that it costs each call a constant share
            end -= first
            first = 0
        self._first = first
        used = end - first
        if used >= limit:
            # More than the limit can be in the window when the limit was lowered meanwhile.
            return Outcome(False, used, calls[first] + length, calls[end - limit] + length)
        calls.append(now)
        self.expires_at = now + length
        return Outcome(True, used + 1, calls[first] + length, now if used + 1 < limit else calls[first] + length)


class FirstCallWindow:
    """A period of its length that a first call opens and that ends with a full reset."""

    __slots__ = ("_length", "_start", "_used", "expires_at")

    def __init__(self, length: int = WINDOW) -> None:
        """Be empty; the length is microseconds."""
        self._length = length
        self._start = 0
        self._used = 0
        self.expires_at = 0

    def hit(self, now: int, limit: int) -> Outcome:
        """Admit a call unless `limit` of them were admitted since the period was opened."""
        if not self._start <= now < self.expires_at:
            self._start, self._used, self.expires_at = now, 0, now + self._length
        if self._used >= limit:
            return Outcome(False, self._used, self.expires_at, self.expires_at)
        self._used += 1
        return Outcome(True, self._used, self.expires_at, now if self._used < limit else self.expires_at)
