"""Slots for long work, such as uploads, shared so that the work of one owner never holds up another's."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairSlots:
    """A number of slots. An owner that has none gets one at once; the others are given in turn, owner by owner.

    There may thus be more under way than slots: as many as there are owners.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken: Counter[str] = Counter()
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}
        """Futures of the waiting tasks, by owner; the owner whose turn is the longest ago comes first."""

    @property
    def waiting(self) -> int:
        """Number of tasks that wait for a slot."""
        return sum(not turn.done() for line in self._lines.values() for turn in line)

    @asynccontextmanager
    async def taken(self, owner: str) -> AsyncIterator[None]:
        """Wait for a slot, and hold it until the end of the block."""
        if self._taken[owner] and self._taken.total() >= self._count:
            await self._turn_of(owner)
        else:
            self._taken[owner] += 1
        try:
            yield
        finally:
            self._release(owner)

    async def _turn_of(self, owner: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(owner, deque())
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._release(owner)  # the slot was given just before the wait was cancelled
            raise

    def _release(self, owner: str) -> None:
        self._taken[owner] -= 1
        if not self._taken[owner]:
            del self._taken[owner]
            while owner in self._lines and not self._taken[owner]:
                self._give(owner)
        while self._lines and self._taken.total() < self._count:
            self._give(next(iter(self._lines)))

    def _give(self, owner: str) -> None:
        line = self._lines.pop(owner)
        turn = line.popleft()
        if line:
            self._lines[owner] = line  # behind the others
        if not turn.cancelled():
            self._taken[owner] += 1
            turn.set_result(None)
