"""The calls that are being answered: the same one twice at the same time is refused, or only counted."""

from typing import Final

from apientreprise_gateway.contract.errors import refuse
from apientreprise_gateway.observability.metrics import Metrics

Flight = tuple[str, str]
"""A call as it is compared with others: the token's `jti`, and what is asked, encoded."""


class InFlight:
    """The calls under way in this process."""

    def __init__(self, *, metrics: Metrics, refuses: bool) -> None:
        """Know of none yet; `refuses` is whether a call already in flight is refused. It is counted either way."""
        self._flights: set[Flight | None] = set()
        self.leave: Final = self._flights.discard
        """Given what `enter` returned, notes that the call has ended."""
        self._metrics = metrics
        self._refuses = refuses

    def __len__(self) -> int:
        return len(self._flights)

    def enter(self, jti: str, target: str) -> Flight | None:
        """Note that a call is under way.

        Returns:
            What to hand to `leave` when it ends; None for a second one that is let pass: the first one's end counts.

        Raises:
            Refusal: 409 `00015`, the same call is in flight.
        """
        flight = (jti, target)
        if flight not in self._flights:
            self._flights.add(flight)
            return flight
        self._metrics.duplicates.inc()
        if self._refuses:
            raise refuse("00015")
        return None
