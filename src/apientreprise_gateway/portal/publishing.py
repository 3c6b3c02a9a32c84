"""Tells the gateways, through Redis, what was decided about tokens: revocations, and what narrows them.

Each act leaves a row (`accounts/publications.py`), in its transaction. A portal tells Redis as soon as that is
committed, or at the latest a second later, and then takes the row away; any number of portals do the same, and what is
written twice comes to the same. Every minute, at the start, and when Redis has lost its data, everything that is in
force is compared with Redis, and what is missing is written anew. Nothing that others wrote is removed (`Publisher`).
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Engine, event

from apientreprise_gateway.accounts.publications import (
    QUEUED,
    Published,
    Queued,
    all_published,
    publish_later,
    published,
    queued,
    settle,
    waiting,
)
from apientreprise_gateway.auth.publication import Publisher
from apientreprise_gateway.database.engine import DatabaseError, reading, writing
from apientreprise_gateway.store.errors import StoreError
from apientreprise_gateway.store.words import redis_words

POLL_SECONDS: Final = 1.0
RECONCILE_SECONDS: Final = 60.0
REDIS_TIMEOUT: Final = 2.0
"""Seconds that Redis may take for each command."""
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds between tries while Redis or the database is away; the last one is repeated."""
_AT_ONCE: Final = 200
_COMPARED_AT_ONCE: Final = 500
_TRIES: Final = 5
_log = structlog.get_logger(__name__)


class PublishingMetrics:
    """What the publishing of tokens tells of itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ours: dict[str, Any] = {"registry": registry}
        self.published = Counter("portal_tokens_published", "Tokens that Redis was told of after an act", **ours)
        self.restored = Counter("portal_tokens_restored", "Entries that Redis lacked and were written anew", **ours)
        self.failures = Counter("portal_publication_failures", "Tries to tell Redis of tokens that failed", **ours)
        self.waiting = Gauge("portal_publication_waiting", "Tokens that Redis must be told of", **ours)
        self.age = Gauge("portal_publication_age_seconds", "Age of the oldest act that Redis was not told of", **ours)


@dataclass(kw_only=True)
class Publishing:
    """The publishing of one portal."""

    engine: Engine
    publisher: Publisher
    metrics: PublishingMetrics
    now: Callable[[], datetime]
    clock: Callable[[], float] = time.monotonic
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _failures: int = 0
    """Tries in a row that failed."""
    _compared_at: float | None = None
    """When everything was last compared with Redis, by `clock`."""

    async def run(self) -> None:
        """Publish until cancelled."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def returned(_connection: object, record: Any) -> None:
            # A connection comes back to its pool after the commit, in whichever thread has used it.
            if record is not None and record.info.pop(QUEUED, False):
                with contextlib.suppress(RuntimeError):  # the loop was closed
                    loop.call_soon_threadsafe(self._woken.set)

        event.listen(self.engine, "checkin", returned)
        try:
            while True:
                pause = await self.turn()
                if task is not None and task.cancelling():
                    raise asyncio.CancelledError  # redis-py keeps one to itself that comes while it connects
                await self._wait(pause)
        finally:
            event.remove(self.engine, "checkin", returned)

    async def turn(self) -> float:
        """Do what is due; returns how many seconds may pass before the next turn."""
        try:
            await self._publish()
            if await self._must_compare():
                await self._compare()
        except StoreError as error:
            return self._failed(f"Redis: {redis_words(error)}")
        except DatabaseError as error:
            return self._failed(f"database: {error}")
        if self._failures:
            self._failures = 0
            _log.info("publishing_goes_on")
        return POLL_SECONDS

    def _failed(self, reason: str) -> float:
        if not self._failures:
            effect = "gateways are not told of revocations and settings of tokens; it is tried again"
            _log.error("publishing_failed", reason=reason, effect=effect)
        self._failures += 1
        self.metrics.failures.inc()
        return _PAUSES[min(self._failures, len(_PAUSES)) - 1]

    async def _wait(self, seconds: float) -> None:
        if self._failures:
            await asyncio.sleep(seconds)  # acts do not hasten tries that fail
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    # After an act.

    async def _publish(self) -> None:
        """Tell Redis of the tokens that have a row."""
        self._woken.clear()
        while True:
            rows, states = await asyncio.to_thread(self._due)
            if not rows:
                return
            await self._tell_until_true(rows, states)
            self.metrics.published.inc(len(rows))
            if len(rows) < _AT_ONCE:
                await asyncio.to_thread(self._measure)
                return

    def _due(self) -> tuple[Sequence[Queued], Mapping[str, Published]]:
        with reading(self.engine) as connection:
            rows = queued(connection, limit=_AT_ONCE)
            states = published(connection, [row.jti for row in rows])
            self._show(*waiting(connection))
        return rows, states

    def _measure(self) -> None:
        with reading(self.engine) as connection:
            self._show(*waiting(connection))

    def _show(self, count: int, since: datetime | None) -> None:
        self.metrics.waiting.set(count)
        self.metrics.age.set(0 if since is None else max((self.now() - since).total_seconds(), 0))

    async def _tell_until_true(self, rows: Sequence[Queued], states: Mapping[str, Published]) -> None:
        """Tell Redis, and tell it again of what has changed meanwhile.

        Two portals may read a token before and after an act, and write in the other order: whoever wrote what is not
        true any more writes again.
        """
        for _ in range(_TRIES):
            alive = [each for each in states.values() if each.exp > self.now().timestamp()]
            await self._tell(alive)
            states = await asyncio.to_thread(self._settle, rows, states)
            if not states:
                return

    async def _tell(self, states: Iterable[Published]) -> None:
        revocations, records = _words(states)
        await self.publisher.publish(revocations=revocations, records=records)

    def _settle(self, rows: Sequence[Queued], told: Mapping[str, Published]) -> Mapping[str, Published]:
        """Take away the rows of what was told; returns what is not as it was told."""
        with writing(self.engine) as connection:
            true = published(connection, list(told))
            settle(connection, [row for row in rows if row.jti not in told or true.get(row.jti) == told[row.jti]])
            changed = {jti: each for jti, each in true.items() if each != told[jti]}
            for jti in sorted(changed):
                publish_later(connection, jti, now=self.now())  # another portal may have taken the row away
        return changed

    # All that is in force.

    async def _must_compare(self) -> bool:
        at = self._compared_at
        return at is None or self.clock() - at >= RECONCILE_SECONDS or not await self.publisher.is_intact()

    async def _compare(self) -> None:
        """Write what Redis lacks."""
        began, last, restored = self.clock(), "", 0
        while True:
            states = await asyncio.to_thread(self._after, last)
            revocations, records = _words(states)
            entered = sum(await self.publisher.reconcile(revocations=revocations, records=records))
            restored += entered
            if entered:
                await asyncio.to_thread(self._look_again, states)
            if len(states) < _COMPARED_AT_ONCE:
                break
            last = states[-1].jti
        if restored:
            self.metrics.restored.inc(restored)
            _log.warning("tokens_restored", entries=restored, reason="Redis did not have them")
        self._compared_at = began

    def _after(self, jti: str) -> list[Published]:
        with reading(self.engine) as connection:
            return all_published(connection, now=self.now(), after=jti, limit=_COMPARED_AT_ONCE)

    def _look_again(self, told: Iterable[Published]) -> None:
        """Have Redis told of tokens that have changed while it was told what they were before."""
        before = {each.jti: each for each in told}
        with writing(self.engine) as connection:
            true = published(connection, list(before))
            for jti in sorted(jti for jti, each in true.items() if each != before[jti]):
                publish_later(connection, jti, now=self.now())


def _words(states: Iterable[Published]) -> tuple[dict[str, float | None], dict[str, Mapping[str, Any] | None]]:
    """Revocations and records, as `Publisher` wants them. No revocation is taken back, so none is None."""
    revocations: dict[str, float | None] = {}
    records: dict[str, Mapping[str, Any] | None] = {}
    for each in states:
        if each.revoked_at is not None:
            revocations[each.jti] = each.revoked_at.timestamp()
        records[each.jti] = each.record or None
    return revocations, records
