"""Windows: how many calls one counter has admitted in the time before a call.

There are two kinds, chosen by the setting `GATEWAY_WINDOW`, each in `memory` and as a Lua script for Redis. Both are
exact, work on integer microseconds of the store's clock, and do not count refused calls.
"""

from typing import Final, NamedTuple, Protocol

SECOND: Final = 1_000_000
"""One second in microseconds."""
USUAL_SECONDS: Final = 60
"""Length in seconds of the windows of addresses, and of every group that has no other."""
WINDOW: Final = USUAL_SECONDS * SECOND
"""`USUAL_SECONDS` in microseconds."""


class Outcome(NamedTuple):
    """The decision of a window on one call; times are microseconds of the clock that `hit` was given."""

    admitted: bool
    used: int
    """Calls in the window, this one included if it was admitted."""
    reset_at: int
    """When the oldest call of the window leaves it."""
    free_at: int
    """When one more call will be admitted; now or earlier if one would be admitted already."""


class Window(Protocol):
    """The calls that one counter has admitted."""

    expires_at: int
    """When the window is empty again and may be removed, in microseconds."""

    def hit(self, now: int, limit: int, *, counts: bool = True) -> Outcome:
        """Admit and count a call at `now` (microseconds) unless `limit` calls, at least 1, are in the window.

        With `counts` false it is judged alike, but not counted; of an admitted call only that is of use then.
        """
