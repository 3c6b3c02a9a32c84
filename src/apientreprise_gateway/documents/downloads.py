"""Limits on simultaneous downloads: of one link, to one address and of the whole process.

A client that reads slowly holds its place for long. When a limit is reached, the slowest download under that limit is
cut to make room for the new one; the new one is refused only if none is slow.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from apientreprise_gateway.contract.errors import refuse

MOST: Final = 256
"""Downloads that a process serves at once."""
MOST_PER_ADDRESS: Final = 64
MOST_PER_LINK: Final = 32
SLOW_SECONDS: Final = 2.0
"""Seconds after which a client that has not taken one part of a document (128 kB; 512 kB from S3) is slow."""
RETRY_SECONDS: Final = 5
"""Seconds after which a refused client may try again."""


@dataclass(eq=False, slots=True, kw_only=True)
class Turn:
    """One download under way."""

    link: str
    address: str | None
    """The address that its client is counted under; None if it is exempt."""
    cut: Callable[[], None]
    """Closes the client's connection."""
    clock: Callable[[], float]
    _sending_since: float | None = field(default=None, init=False)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Mark the time during which its client takes a part."""
        self._sending_since = self.clock()
        try:
            yield
        finally:
            self._sending_since = None

    @property
    def waited(self) -> float:
        """Seconds that its client has been taking the current part; 0 between parts."""
        return 0.0 if self._sending_since is None else self.clock() - self._sending_since


class Downloads:
    """The downloads under way in a process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._under_way: set[Turn] = set()

    def __len__(self) -> int:
        return len(self._under_way)

    @contextmanager
    def turn(self, *, link: str, address: str | None, cut: Callable[[], None]) -> Iterator[Turn]:
        """Hold a place while a document is downloaded.

        Args:
            link: identifies the document.
            address: the address that its client is counted under; None if it is exempt.
            cut: closes the connection of that client.

        Raises:
            Refusal: there is no room (`00905`).
        """
        turn = Turn(link=link, address=address, cut=cut, clock=self._clock)
        self._make_room(turn)
        self._under_way.add(turn)
        try:
            yield turn
        finally:
            self._under_way.discard(turn)

    def _make_room(self, turn: Turn) -> None:
        of_link = [each for each in self._under_way if each.link == turn.link]
        of_address = [each for each in self._under_way if turn.address is not None and each.address == turn.address]
        for most, those in (
            (MOST_PER_LINK, of_link),
            (MOST_PER_ADDRESS, of_address),
            (MOST, self._under_way),
        ):
            if sum(each in self._under_way for each in those) >= most:
                self._cut_slowest_of(those)

    def _cut_slowest_of(self, those: list[Turn] | set[Turn]) -> None:
        slowest = max((each for each in those if each in self._under_way), key=lambda each: each.waited)
        if slowest.waited < SLOW_SECONDS:
            raise refuse("00905", headers=((b"retry-after", b"%d" % RETRY_SECONDS),))
        self._under_way.discard(slowest)
        slowest.cut()
