"""The cache in the memory of one process.

When it is full, the entry that has not been read for longest is removed first.
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
"""Seconds by which the clock must fall behind the steady one to count as set back."""


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
            steady: seconds of a monotonic clock: no entry outlives its lifetime even if `clock` is set back.
        """
        self._max_bytes = max_bytes
        self._clock = clock
        self._steady = steady
        self._entries: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    @property
    def largest(self) -> int:
        return min(MAX_ENTRY_BYTES, self._max_bytes // 4)

    async def start(self) -> None:
        """Do nothing: memory is ready."""

    async def get(self, key: str) -> Entry | None:
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
        self._remove(key)
        cost = _cost(key, entry)
        if len(entry.body) > self.largest or cost > self._max_bytes:
            return
        while self._bytes + cost > self._max_bytes:
            self._remove(next(iter(self._entries)))
        self._entries[key] = _Kept(entry, self._steady())
        self._bytes += cost

    async def sweep(self) -> Size:
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
        self._entries.clear()
        self._bytes = 0

    def _remove(self, key: str) -> None:
        kept = self._entries.pop(key, None)
        if kept is not None:
            self._bytes -= _cost(key, kept.entry)


class _Kept(NamedTuple):
    entry: Entry
    put_at: float
    """In seconds of the steady clock."""


def _has_ended(kept: _Kept, now: float, passed: float) -> bool:
    """Whether an entry has expired at `now` (Unix time), `passed` seconds after it was put."""
    return is_over(kept.entry, now) or passed >= kept.entry.stale_until - kept.entry.stored_at


def _cost(key: str, entry: Entry) -> int:
    return len(key) + len(entry.body) + OVERHEAD
