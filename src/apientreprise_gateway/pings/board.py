"""What the processes of a gateway tell one another about the sources of data.

Each keeps a view of its own; the board makes the views one. Without a store a process has nobody to tell.
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
    """What everybody is told of a source; times are Unix times in seconds."""

    status: Status
    at: float
    """When it was found."""
    ok_at: float | None
    """When the source was last known to work."""
    keep_until: float
    """When it is to be found anew."""
    until: float | None = None
    """The end of a maintenance."""
    totals: tuple[int, int] = (0, 0)
    """The calls counted before: those that may contradict it come after."""


class Board(Protocol):
    """Where processes tell one another. It never fails: a store that is away leaves each process to itself."""

    async def exchange(self, told: Mapping[str, Seen]) -> Mapping[str, Seen] | None:
        """Tell what was counted, by source; learn what everybody has counted, or None if that cannot be asked."""

    async def read(self, key: str) -> Answer | None:
        """The answer in force about a source."""

    async def publish(self, key: str, answer: Answer, *, now: float, replace: bool) -> Answer:
        """Put up an answer; what is in force then, which is another's if that one came first.

        Args:
            key: the source.
            answer: kept until its end.
            now: the time.
            replace: whether an answer in force is known to be wrong.
        """

    async def take_turn(self, key: str) -> bool:
        """Whether this process is the one that probes a source now."""

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
