"""Removal of expired documents, in rounds that every worker makes from time to time."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from apientreprise_gateway.documents.store import DocumentStore, StoreError

EVERY_SECONDS: Final = 300.0
"""Seconds between two rounds of a worker, on average."""
GRACE_SECONDS: Final = 3600
"""Seconds that a document is kept after its link expires, for downloads that began before."""
MOST_AT_ONCE: Final = 5000
"""Documents that one round removes at most; the rest is left to the next round."""
_log = structlog.get_logger(__name__)


class ExpirySweeper:
    """Removes expired documents from a store."""

    def __init__(
        self,
        store: DocumentStore,
        *,
        on_removed: Callable[[int], None],
        clock: Callable[[], float] = time.time,
        every: float = EVERY_SECONDS,
        longest: float = math.inf,
        besides: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Configure it; `watch` begins to remove.

        Args:
            store: the store that is swept.
            on_removed: called after each round with the number of documents removed.
            clock: Unix time in seconds.
            every: seconds between rounds, on average.
            longest: seconds for which documents are kept; one that expires later was stored by a clock that was ahead.
            besides: awaited at the start of each round.
        """
        self._store = store
        self._on_removed = on_removed
        self._clock = clock
        self._every = every
        self._longest = longest
        self._besides = besides
        self._failing = False

    async def watch(self) -> None:
        """Remove in rounds, until cancelled; the pauses are random, so that workers do not act together."""
        while True:
            await asyncio.sleep(self._every * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            await self.round()

    async def round(self) -> None:
        """Remove what has expired; if the store fails, the next round tries again."""
        try:
            if self._besides is not None:
                await self._besides()
            now = self._clock()
            removed = await self._store.remove_ended(
                now - GRACE_SECONDS, most=MOST_AT_ONCE, beyond=now + self._longest + GRACE_SECONDS
            )
        except StoreError as error:
            if not self._failing:
                _log.error("documents_not_removed", reason=str(error))
            self._failing = True
            return
        self._failing = False
        self._on_removed(removed)
