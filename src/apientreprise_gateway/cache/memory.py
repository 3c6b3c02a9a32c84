"""The cache in the memory of one process.

When it is full, what was not asked for the longest goes first.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from apientreprise_gateway.cache.port import MAX_ENTRY_BYTES, Entry, Size, is_over

OVERHEAD: Final = 512
"""Bytes that an entry takes besides its key and body, rounded up."""
_SWEPT_AT_ONCE: Final = 1000
_SET_BACK_SECONDS: Final = 1.0
"""Two clocks that nobody has set differ by less than this."""


class MemoryCache:
    """An `AnswerCache` for a process that serves alone."""

    def __init__(
        self,
        *,
        max_bytes: int,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hold nothing yet.

        Args:
            max_bytes: never exceeded.
            clock: Unix time in seconds.
            steady: seconds that only go forward: no entry outlives its length, whatever is done to the clock.
        """
        self._max_bytes = max_bytes
        self._clock = clock
        self._steady = steady
        self._entries: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    @property
    def largest(self) -> int:
        """See `AnswerCache.largest`."""
        return min(MAX_ENTRY_BYTES, self._max_bytes // 4)

    async def start(self) -> None:
        """See `AnswerCache.start`."""

    async def get(self, key: str) -> Entry | None:
        """See `AnswerCache.get`."""
        kept = self._entries.get(key)
        if kept is None:
            return None
        now, passed = self._clock(), self._steady() - kept.put_at
        if _has_ended(kept, now, passed):
            self._remove(key)
            return None
        self._entries.move_to_end(key)
        entry = kept.entry
        fresh_until = now + entry.fresh_until - entry.stored_at - passed
        was_set_back = entry.fresh_until - fresh_until > _SET_BACK_SECONDS
        return entry._replace(fresh_until=fresh_until) if was_set_back else entry

    async def put(self, key: str, entry: Entry) -> None:
        """See `AnswerCache.put`."""
        self._remove(key)
        cost = _cost(key, entry)
        if len(entry.body) > self.largest or cost > self._max_bytes:
            return
        while self._bytes + cost > self._max_bytes:
            self._remove(next(iter(self._entries)))
        self._entries[key] = _Kept(entry, self._steady())
        self._bytes += cost

    async def sweep(self) -> Size:
        """See `AnswerCache.sweep`."""
        keys = list(self._entries)
        for start in range(0, len(keys), _SWEPT_AT_ONCE):
            now, steady = self._clock(), self._steady()
            for key in keys[start : start + _SWEPT_AT_ONCE]:
                kept = self._entries.get(key)
                if kept is not None and _has_ended(kept, now, steady - kept.put_at):
                    self._remove(key)
            await asyncio.sleep(0)  # calls go on meanwhile
        return Size(len(self._entries), self._bytes)

    async def close(self) -> None:
        """See `AnswerCache.close`."""
        self._entries.clear()
        self._bytes = 0

    def _remove(self, key: str) -> None:
        kept = self._entries.pop(key, None)
        if kept is not None:
            self._bytes -= _cost(key, kept.entry)


class _Kept(NamedTuple):
    entry: Entry
    put_at: float
    """By the clock that only goes forward."""


def _has_ended(kept: _Kept, now: float, passed: float) -> bool:
    """Whether an entry has ended at a Unix time, so many seconds after it was put."""
    return is_over(kept.entry, now) or passed >= kept.entry.stale_until - kept.entry.stored_at


def _cost(key: str, entry: Entry) -> int:
    return len(key) + len(entry.body) + OVERHEAD
