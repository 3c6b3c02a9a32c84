"""Bans: addresses that get no answer for 12 hours.

A ban is fixed: further calls do not extend it, and nothing shortens it. `Bans` holds the bans that this process knows.
"""

import time
from collections.abc import Callable

from apientreprise_gateway.contract.bans import DURATION, Ban
from apientreprise_gateway.ratelimit.windows import SECOND


def _tell_nobody() -> None:
    pass


class Bans:
    """The bans in force, by address."""

    def __init__(self, *, steady: Callable[[], float] = time.monotonic) -> None:
        """Begin without bans; `steady` is a monotonic clock in seconds, so that no change of a clock prolongs a ban."""
        self._steady = steady
        self._added: dict[str, float] = {}
        self.on_add: Callable[[], None] = _tell_nobody
        """Called for each ban that is put in force."""
        self.by_address: dict[str, Ban] = {}
        """The bans, which may include ended ones; a look here first saves reading the clock for other addresses."""

    def __len__(self) -> int:
        return len(self.by_address)

    def get(self, address: str, now: int) -> Ban | None:
        """The ban in force on an address at `now`, if any."""
        ban = self.by_address.get(address)
        if ban is None or self._holds(ban, now):
            return ban
        self._forget(address)
        return None

    def add(self, ban: Ban) -> Ban:
        """Put a ban in force, unless the address was already banned at its start; return the one in force."""
        known = self.get(ban.address, ban.start)
        if known is not None:
            return known
        self.by_address[ban.address] = ban
        self._added[ban.address] = self._steady()
        self.on_add()
        return ban

    def in_force(self, now: int) -> list[Ban]:
        """The bans in force at `now`, oldest first; ended ones are removed."""
        for address in [address for address, ban in self.by_address.items() if not self._holds(ban, now)]:
            self._forget(address)
        return sorted(self.by_address.values(), key=lambda ban: ban.start)

    def _holds(self, ban: Ban, now: float) -> bool:
        return now < ban.end and (self._steady() - self._added[ban.address]) * SECOND < DURATION

    def _forget(self, address: str) -> None:
        del self.by_address[address], self._added[address]
