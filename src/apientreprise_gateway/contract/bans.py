"""Bans: what is said of a banned address, and how that is written in Redis.

A ban is `REASON:COUNT:START`, under a key of its address; the index of bans is a sorted set of entries `ADDRESS BAN`,
by their ends.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DURATION: Final = 12 * 3600 * 1_000_000
"""Length of a ban, in microseconds."""


class Reason(StrEnum):
    """Why an address was banned."""

    CEILING = "ceiling"
    """It made more calls in 60 s than one address may."""
    IGNORED_429 = "ignored_429"
    """It went on calling although its calls were refused with 429."""
    OTHER = "other"
    """A reason that only another version of this program knows."""

    @classmethod
    def _missing_(cls, value: object) -> "Reason":
        return cls.OTHER


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
        """When the ban ends."""
        return self.start + DURATION


def index_key(prefix: str) -> str:
    """The key of the index, for keys that begin with a prefix."""
    return f"{prefix}:bans"


def written_ban(ban: Ban) -> str:
    """A ban as the value of its key; the scripts write the same."""
    return f"{ban.reason.value}:{ban.count}:{ban.start}"


def read_ban(address: str, value: bytes) -> Ban:
    """A ban from the value of its key."""
    reason, count, start = value.decode().split(":")
    return Ban(address=address, reason=Reason(reason), count=int(count), start=int(start))


def index_entry(ban: Ban) -> str:
    """A ban as an entry of the index."""
    return f"{ban.address} {written_ban(ban)}"


def read_index_entry(entry: bytes) -> Ban:
    """A ban from an entry of the index.

    Raises:
        ValueError: it is none.
    """
    address, _, value = entry.rpartition(b" ")
    return read_ban(address.decode(), value)
