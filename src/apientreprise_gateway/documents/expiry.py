"""Removal of documents that have ended: every worker does some of it, now and then."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from apientreprise_gateway.documents.store import DocumentStore, StoreError

EVERY_SECONDS: Final = 300.0
"""How often a worker looks, on average."""
GRACE_SECONDS: Final = 3600
"""How long a document is kept after its end, for the downloads that began before it."""
MOST_AT_ONCE: Final = 5000
"""Documents that are removed in one round; what is left is for the next."""
_log = structlog.get_logger(__name__)


class ExpirySweeper:
    """Removes documents that have ended from a store."""

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
            store: what is looked through.
            on_removed: told how many documents have been removed.
            clock: Unix time.
            every: seconds between rounds.
            longest: seconds for which documents are kept: what ends later was kept by a clock that was ahead.
            besides: what else is done to the store in each round.
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
        """Remove what has to go now; a store that fails is tried again in the next round."""
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
