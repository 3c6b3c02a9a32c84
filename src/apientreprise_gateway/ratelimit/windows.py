"""Windows: how many calls one counter has admitted in the time before a call.

Two kinds, chosen by the setting `GATEWAY_WINDOW`, of any length: those in `memory`, and Lua scripts for Redis. Both are
exact, both work on integer microseconds of the store's clock, and neither enters a refused call.
"""

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
