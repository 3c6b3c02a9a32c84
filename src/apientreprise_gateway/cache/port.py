"""The cache of answers: what the gateway asks of it.

An entry is put whole, replaces the one of its key, and is never given once it has ended. Anything may be forgotten at
any moment: whoever asks must be able to do without.
"""

from typing import Final, NamedTuple, Protocol

MAX_ENTRY_BYTES: Final = 512 * 1024
"""Largest answer that is kept; the largest of the catalogue has some hundred kilobytes."""


class Entry(NamedTuple):
    """An answer that is kept; times are Unix time in seconds."""

    body: bytes
    stored_at: float
    fresh_until: float
    """From then on it is given only while the provider is down."""
    stale_until: float
    """From then on it is not given at all."""


SKEW_SECONDS: Final = 5.0
"""How far the clocks of two gateways may be apart: what was stored later than this from now on, it was by a clock that
was ahead, and its times say nothing."""


def is_over(entry: Entry, now: float) -> bool:
    """Whether an entry is not given any more at a Unix time, by its end or because its own clock was set back."""
    return not entry.stored_at - SKEW_SECONDS <= now < entry.stale_until


class Size(NamedTuple):
    """What a cache holds."""

    entries: int
    size: int
    """In bytes: bodies, keys, and what a store needs besides for each."""


class CacheUnavailableError(Exception):
    """The cache cannot be asked now."""


class AnswerCache(Protocol):
    """Keeps answers, up to a number of bytes."""

    @property
    def largest(self) -> int:
        """Bytes of the largest body that it keeps."""

    async def start(self) -> None:
        """Get ready; nothing is asked of it before."""

    async def get(self, key: str) -> Entry | None:
        """The entry of a key; None if there is none, or if it has ended.

        Raises:
            CacheUnavailableError: it cannot be told.
        """

    async def put(self, key: str, entry: Entry) -> None:
        """Keep an entry; return once it can be found, or once it is known that it is not kept."""

    async def sweep(self) -> Size:
        """Remove what has ended; what is left.

        Raises:
            CacheUnavailableError: it cannot be done now.
        """

    async def close(self) -> None:
        """Free what it takes."""
