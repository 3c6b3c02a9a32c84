"""Requests to Redis that wait for an exchange."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from apientreprise_gateway.store.errors import StoreError
from apientreprise_gateway.store.link import Command, Reply

BATCH_BYTES: Final = 1024 * 1024
"""Most bytes that the writes of one exchange carry, so that other commands need not wait long for them."""
MAX_WAITING_BYTES: Final = 16 * 1024 * 1024
"""Most bytes of writes that may wait; a write beyond them is refused."""

Replies = list[Reply]
Request = tuple[Sequence[Command], "asyncio.Future[Replies]", str | None]
"""Commands, the future of their replies, and the party that they are about, if that matters."""


class ExchangeError(StoreError):
    """There is no reply: Redis is away, answers with an error, or too much waits for it."""


class Queue:
    """What waits: writes, bounded by their bytes, and whatever else was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.writes: deque[tuple[int, Request]] = deque()
        """Each after its number of bytes."""
        self._bytes = 0
        self.failed: tuple[Sequence[Request], Replies] | None = None
        """Requests with their replies, of which some are errors; they have yet to be dealt with."""

    def __bool__(self) -> bool:
        """Whether there is something to send."""
        return bool(self.asked or self.writes)

    def has_room(self, size: int) -> bool:
        """Whether a write of so many bytes may wait as well."""
        return self._bytes + size <= MAX_WAITING_BYTES

    def add_write(self, request: Request, size: int) -> None:
        """Have a write of so many bytes wait."""
        self.writes.append((size, request))
        self._bytes += size

    def take(self) -> list[Request]:
        """What goes into one exchange: all that was asked, and before it, what fits of the writes, at least one.

        Writes go first: a read that comes after one must find what it has written. What is left awaits the next batch.
        """
        asked, self.asked = self.asked, []
        return [*self._next_writes(), *asked] if self.writes else asked

    def take_failed(self) -> tuple[Sequence[Request], Replies] | None:
        """What is in `failed`, which is empty afterwards."""
        failed, self.failed = self.failed, None
        return failed

    def give_up(self) -> None:
        """Tell all that wait that there is no reply."""
        failed = self.take_failed()
        waiting = [*(() if failed is None else failed[0]), *(request for _, request in self.writes), *self.asked]
        self.writes.clear()
        self.asked = []
        self._bytes = 0
        give_up(waiting)

    def _next_writes(self) -> list[Request]:
        requests: list[Request] = []
        total = 0
        while self.writes and (not requests or total + self.writes[0][0] <= BATCH_BYTES):
            size, request = self.writes.popleft()
            requests.append(request)
            total += size
        self._bytes -= total
        return requests


def give_up(requests: Iterable[Request]) -> None:
    """Tell those who wait for requests that there is no reply."""
    for _, replies, _ in requests:
        if not replies.done():
            replies.set_exception(ExchangeError())
