"""The interface of the cache of answers.

An entry is put whole, replaces the one of its key, and is never given once it has expired. Any entry may be forgotten
at any moment: callers must be able to do without.
"""

from typing import Final, NamedTuple, Protocol

MAX_ENTRY_BYTES: Final = 512 * 1024
"""Largest body that is kept, in bytes; the largest of the catalogue has some hundred kilobytes."""


class Entry(NamedTuple):
    """An answer that is kept; times are Unix time in seconds."""

    body: bytes
    stored_at: float
    fresh_until: float
    """When it stops being given, unless the provider is down."""
    stale_until: float
    """When it stops being given at all."""


SKEW_SECONDS: Final = 5.0
"""Seconds that the clocks of two gateways may be apart. An entry stored further in the future was written by a clock
that was ahead: its times mean nothing."""


def is_over(entry: Entry, now: float) -> bool:
    """Whether an entry is not given any more at a Unix time: it has expired, or its writer's clock was ahead."""
    return not entry.stored_at - SKEW_SECONDS <= now < entry.stale_until


class Size(NamedTuple):
    """How much a cache holds."""

    entries: int
    size: int
    """In bytes: bodies, keys, and the overhead of each entry."""


class CacheUnavailableError(Exception):
    """The cache cannot be reached now."""


class AnswerCache(Protocol):
    """Keeps answers, up to a number of bytes."""

    @property
    def largest(self) -> int:
        """Bytes of the largest body that it keeps."""

    async def start(self) -> None:
        """Get ready; to be awaited before anything else is called."""

    async def get(self, key: str) -> Entry | None:
        """The entry of a key; None if there is none, or if it has expired.

        Raises:
            CacheUnavailableError: the cache cannot be reached.
        """

    async def put(self, key: str, entry: Entry) -> None:
        """Keep an entry; return once it can be found, or once it is known that it is not kept."""

    async def sweep(self) -> Size:
        """Remove expired entries; return the size of what is left.

        Raises:
            CacheUnavailableError: the cache cannot be reached.
        """

    async def close(self) -> None:
        """Free its memory or connections."""
