"""The cache in the memory of one process.

When it is full, what was not asked for the longest goes first.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from apientreprise_gateway.cache.port import MAX_ENTRY_BYTES, Entry, Size

OVERHEAD: Final = 512
"""Bytes that an entry takes besides its key and body, rounded up."""
_SWEPT_AT_ONCE: Final = 1000


class MemoryCache:
    """An `AnswerCache` for a process that serves alone."""

    def __init__(self, *, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        """Hold nothing yet.

        Args:
            max_bytes: never exceeded.
            clock: Unix time in seconds.
        """
        self._max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._bytes = 0

    @property
    def largest(self) -> int:
        """See `AnswerCache.largest`."""
        return min(MAX_ENTRY_BYTES, self._max_bytes // 4)

    async def start(self) -> None:
        """See `AnswerCache.start`."""

    async def get(self, key: str) -> Entry | None:
        """See `AnswerCache.get`."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._clock() >= entry.stale_until:
            self._remove(key)
            return None
        self._entries.move_to_end(key)
        return entry

    async def put(self, key: str, entry: Entry) -> None:
        """See `AnswerCache.put`."""
        self._remove(key)
        cost = _cost(key, entry)
        if len(entry.body) > self.largest or cost > self._max_bytes:
            return
        while self._bytes + cost > self._max_bytes:
            self._remove(next(iter(self._entries)))
        self._entries[key] = entry
        self._bytes += cost

    async def sweep(self) -> Size:
        """See `AnswerCache.sweep`."""
        keys = list(self._entries)
        for start in range(0, len(keys), _SWEPT_AT_ONCE):
            now = self._clock()
            for key in keys[start : start + _SWEPT_AT_ONCE]:
                entry = self._entries.get(key)
                if entry is not None and now >= entry.stale_until:
                    self._remove(key)
            await asyncio.sleep(0)  # calls go on meanwhile
        return Size(len(self._entries), self._bytes)

    async def close(self) -> None:
        """See `AnswerCache.close`."""
        self._entries.clear()
        self._bytes = 0

    def _remove(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= _cost(key, entry)


def _cost(key: str, entry: Entry) -> int:
    return len(key) + len(entry.body) + OVERHEAD
