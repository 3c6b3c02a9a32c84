"""How the processes of a gateway share what they know about the sources of data.

Each process counts its own calls; the board adds the counts up and keeps one answer for all. Without Redis a process is
on its own (`NoBoard`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from apientreprise_gateway.pings.evidence import Seen


class Status(StrEnum):
    """Whether a source works, in the words of the contract."""

    OK = "ok"
    BAD = "bad_gateway"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether a source works, as all processes answer it; times are Unix times in seconds."""

    status: Status
    at: float
    """When this answer was found."""
    ok_at: float | None
    """When the source was last known to work."""
    keep_until: float
    """When this answer expires."""
    until: float | None = None
    """When the maintenance ends; None if there is none."""
    totals: tuple[int, int] = (0, 0)
    """Good and bad calls counted when it was found; only later calls may contradict it."""


class Board(Protocol):
    """Where processes share counts and answers. It never raises: without its store each process is on its own."""

    async def exchange(self, told: Mapping[str, Seen]) -> Mapping[str, Seen] | None:
        """Add what this process has counted, by source; return the counts of all, or None if the store is away."""

    async def read(self, key: str) -> Answer | None:
        """The answer in force about a source; None if there is none."""

    async def publish(self, key: str, answer: Answer, *, now: float, replace: bool) -> Answer:
        """Publish an answer; return the one then in force, which is another process's if that came first.

        Args:
            key: the source.
            answer: kept until its `keep_until`.
            now: Unix time in seconds.
            replace: whether to replace an answer in force, as it is known to be wrong.
        """

    async def take_turn(self, key: str) -> bool:
        """Claim the next probe of a source; False if another process is probing it."""

    async def close(self) -> None:
        """Close the connections."""


class NoBoard:
    """The board of a process that is alone."""

    async def exchange(self, told: Mapping[str, Seen]) -> Mapping[str, Seen] | None:
        """See `Board.exchange`."""
        return None

    async def read(self, key: str) -> Answer | None:
        """See `Board.read`."""
        return None

    async def publish(self, key: str, answer: Answer, *, now: float, replace: bool) -> Answer:
        """See `Board.publish`."""
        return answer

    async def take_turn(self, key: str) -> bool:
        """See `Board.take_turn`."""
        return True

    async def close(self) -> None:
        """See `Board.close`."""
