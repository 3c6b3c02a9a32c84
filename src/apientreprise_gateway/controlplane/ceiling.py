"""The ceiling of the control plane: the most calls a minute from one address, each process counting for itself.

It does not use Redis: pages for operators must answer while Redis is away. Nobody is banned for exceeding it.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic_ns
from typing import Final

from apientreprise_gateway.ratelimit.memory import SlidingWindow
from apientreprise_gateway.ratelimit.windows import SECOND

CONTROL_LIMIT: Final = 600
"""Calls to the control plane that one address may make within 60 s."""
MAX_ADDRESSES: Final = 4096
"""Addresses that are remembered; one more takes the place of the one that has not called for longest."""


class Ceiling:
    """Counts the calls of the last minute, by address."""

    def __init__(
        self,
        limit: int = CONTROL_LIMIT,
        *,
        addresses: int = MAX_ADDRESSES,
        clock: Callable[[], int] = lambda: monotonic_ns() // 1000,
    ) -> None:
        """Begin without calls.

        Args:
            limit: calls that an address may make within 60 s.
            addresses: how many addresses are remembered.
            clock: microseconds of a monotonic clock.
        """
        self._limit = limit
        self._addresses = addresses
        self._clock = clock
        self._windows: OrderedDict[str, SlidingWindow] = OrderedDict()

    def __len__(self) -> int:
        """Number of addresses that are remembered."""
        return len(self._windows)

    def hit(self, address: str) -> int | None:
        """Count a call: None if it may pass, else the whole seconds after which the next one may."""
        window = self._windows.get(address)
        if window is None:
            window = self._windows[address] = SlidingWindow()
            if len(self._windows) > self._addresses:
                self._windows.popitem(last=False)
        self._windows.move_to_end(address)
        now = self._clock()
        outcome = window.hit(now, self._limit)
        return None if outcome.admitted else max(1, -((now - outcome.free_at) // SECOND))
