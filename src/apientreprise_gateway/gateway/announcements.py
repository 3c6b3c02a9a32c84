"""Follows the maintenance that the status page announces, in Redis: the upstreams refuse calls in it as in their own.

Redis that is away, has lost the key or holds something else there changes nothing: what was read last stays in force.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog

from apientreprise_gateway.contract import maintenance
from apientreprise_gateway.contract.maintenance import Announced
from apientreprise_gateway.store.client import Client
from apientreprise_gateway.store.errors import About, ReplyError, StoreError
from apientreprise_gateway.store.outage import Outage
from apientreprise_gateway.store.words import redis_words
from apientreprise_gateway.upstream.maintenance import Once

POLL_SECONDS: Final = 1.0
_log = structlog.get_logger(__name__)


class Announcing(Protocol):
    """Takes windows; see `Upstream.announce`."""

    def announce(self, windows: Sequence[Once]) -> None: ...


class Announcements:
    """Keeps upstreams up to date with what is announced."""

    def __init__(
        self,
        client: Client,
        upstreams: Mapping[str, Announcing],
        *,
        known: bytes | None = None,
        on_fault: Callable[[About], None] = lambda _about: None,
    ) -> None:
        """Put in force what is known already; Redis is not asked before `refresh`.

        Args:
            client: the Redis client.
            upstreams: those that are told, by the keys of their providers.
            known: what the predecessor had read.
            on_fault: told of errors about the key.
        """
        self._client = client
        self._upstreams = upstreams
        self._on_fault = on_fault
        self._outage = Outage(_tell_of_change)
        self._closed = False
        self._refused: bytes | None = None
        self.known: bytes | None = None
        """The value that is in force."""
        if known is not None:
            self._use(known)

    async def refresh(self) -> None:
        """Look for a change."""
        try:
            value = await self._client.ask("GET", maintenance.KEY)
        except StoreError as error:
            if isinstance(error, ReplyError) and error.about is not About.STORE:
                self._on_fault(error.about)
            else:
                self._outage.begin(redis_words(error))
            return
        self._outage.end("it answers again")
        if isinstance(value, bytes) and value not in (self.known, self._refused):
            self._use(value)

    async def follow(self) -> None:
        """Refresh until cancelled, or closed."""
        while not self._closed:  # redis-py may swallow a cancellation while it reads
            await self.refresh()
            await asyncio.sleep(POLL_SECONDS)

    async def close(self) -> None:
        """End the watch; close the connection."""
        self._closed = True
        await self._client.close()

    def _use(self, value: bytes) -> None:
        try:
            windows = _by_provider(maintenance.read(value))
        except ValueError as error:
            self._refused = value
            self._on_fault(About.KEY)
            _log.error("maintenance_unreadable", key=maintenance.KEY, reason=str(error), effect="that before stays")
            return
        for key, upstream in self._upstreams.items():
            upstream.announce(windows.get(key, ()))
        if self.known is not None or windows:
            _log.info("maintenance_announced", providers=sorted(windows))
        self.known, self._refused = value, None


def _by_provider(announced: Sequence[Announced]) -> Mapping[str, Sequence[Once]]:
    found: dict[str, list[Once]] = defaultdict(list)
    for window in announced:
        times = Once(datetime.fromtimestamp(window.start, UTC), datetime.fromtimestamp(window.end, UTC))
        for provider in window.providers:
            found[provider].append(times)
    return found


def _tell_of_change(is_there: bool, reason: str) -> None:
    if not is_there:
        _log.error("maintenance_unread", reason=reason, effect="what was announced before stays in force")
