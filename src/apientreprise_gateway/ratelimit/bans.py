"""Bans: addresses that get no answer for 12 hours.

A ban is fixed: further calls do not extend it, nothing shortens it. What is kept here is what this process knows.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from apientreprise_gateway.ratelimit.windows import SECOND

DURATION: Final = 12 * 3600 * SECOND
"""Length of a ban, in microseconds."""


class Reason(StrEnum):
    """What an address did to be banned."""

    CEILING = "ceiling"
    """It made more calls in 60 s than one address may."""
    IGNORED_429 = "ignored_429"
    """It went on calling although its calls were refused with 429."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """One ban; instants are microseconds of the store's clock."""

    address: str
    """As `client_ip.counted` writes it: an IPv4 address, or an IPv6 /64."""
    reason: Reason
    count: int
    """Calls (or refused calls) within 60 s that caused it."""
    start: int

    @property
    def end(self) -> int:
        """When the address is answered again."""
        return self.start + DURATION


class Bans:
    """The bans in force, by address."""

    def __init__(self) -> None:
        self._bans: dict[str, Ban] = {}

    def __len__(self) -> int:
        return len(self._bans)

    def __contains__(self, address: str) -> bool:
        """Whether there is a ban on an address, ended or not: for callers who would ask a clock only then."""
        return address in self._bans

    def get(self, address: str, now: int) -> Ban | None:
        """The ban in force on an address at `now`, if any."""
        ban = self._bans.get(address)
        if ban is None or now < ban.end:
            return ban
        del self._bans[address]
        return None

    def add(self, ban: Ban) -> Ban:
        """Put a ban in force, unless one is at its start; return the one in force."""
        known = self.get(ban.address, ban.start)
        if known is not None:
            return known
        self._bans[ban.address] = ban
        return ban

    def in_force(self, now: int) -> list[Ban]:
        """The bans in force at `now`, oldest first; the ended ones are forgotten."""
        self._bans = {address: ban for address, ban in self._bans.items() if now < ban.end}
        return sorted(self._bans.values(), key=lambda ban: ban.start)
