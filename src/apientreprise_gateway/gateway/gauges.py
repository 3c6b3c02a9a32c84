"""Gauges that a serving gateway updates from time to time, and the log lines that go with them."""

import asyncio
from typing import Final

import structlog

from apientreprise_gateway.auth.expiry import ExpiryNotices
from apientreprise_gateway.auth.token import TokenVerifier
from apientreprise_gateway.cache.port import AnswerCache, CacheUnavailableError
from apientreprise_gateway.documents.service import DocumentService
from apientreprise_gateway.observability import logs
from apientreprise_gateway.observability.access_log import AccessLog
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.ratelimit.port import Limiter
from apientreprise_gateway.server.gate import Gate
from apientreprise_gateway.server.limits import ConnectionLimits
from apientreprise_gateway.upstream.reading import OUTLINER

_log = structlog.get_logger(__name__)
_LEVELS_SECONDS: Final = 1.0
_TOKENS_SECONDS: Final = 5.0
_EXPIRING: Final = {"7d": 7, "30d": 30}
"""Days before its expiry from which a token counts as expiring, by label; the last one also decides what is logged."""
_LAG_SECONDS: Final = 0.25
_CACHE_SECONDS: Final = 5.0


async def levels(metrics: Metrics, limiter: Limiter, access_log: AccessLog) -> None:
    """Set the gauges of bans in force, and of access lines that wait or were lost."""
    while True:
        metrics.bans_in_force.set(len(limiter.bans_in_force()))
        metrics.access_lines_waiting.set(access_log.waiting)
        metrics.calls_waiting.set(access_log.waiting_calls)
        metrics.log_lines_dropped.inc(logs.newly_dropped())
        await asyncio.sleep(_LEVELS_SECONDS)


async def work(metrics: Metrics, documents: DocumentService) -> None:
    """Set the gauges of document work that waits for a thread or an upload, and of downloads under way."""
    while True:
        metrics.downloads_under_way.set(len(documents.downloads))
        for pool, waiting in documents.waiting().items():
            metrics.work_waiting(pool).set(waiting)
        await asyncio.sleep(_LEVELS_SECONDS)


async def tokens(metrics: Metrics, verifier: TokenVerifier) -> None:
    """Set the gauges of tokens in use that expire soon, and log them in time."""
    notices = ExpiryNotices()
    while True:
        for within, days in _EXPIRING.items():
            expiring = verifier.expiring(days * 86_400)
            metrics.tokens_expiring(within).set(len(expiring))
        notices.tell(expiring)
        await asyncio.sleep(_TOKENS_SECONDS)


async def event_loop(metrics: Metrics) -> None:
    """Measure by how many seconds the event loop is late."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LAG_SECONDS
        await asyncio.sleep(_LAG_SECONDS)
        metrics.loop_lag.observe(max(0.0, loop.time() - due))


async def buffers(metrics: Metrics, limits: ConnectionLimits) -> None:
    """Set the gauges of bytes that connections, and the check of answers, hold in memory."""
    while True:
        metrics.untaken_bytes.set(limits.untaken.measure())
        metrics.unanswered_bytes.set(limits.unanswered.measure())
        metrics.outline_bytes.set(OUTLINER.held_bytes)
        await asyncio.sleep(_LEVELS_SECONDS)


async def gate(metrics: Metrics, gate: Gate) -> None:
    """Set the gauge of calls that wait at the gate, and log when refusals begin there, and when they end."""
    refused, began = gate.refused, None
    while True:
        metrics.gate_waiting.set(gate.waiting)
        if gate.refused == refused:
            if began is not None:
                _log.info("overload_ended", refused=refused - began)
            began = None
        elif began is None:
            began = refused
            _log.warning("overload_began", waiting=gate.waiting, effect="some calls get 503 (00912)")
        refused = gate.refused
        await asyncio.sleep(_LEVELS_SECONDS)


async def kept_answers(metrics: Metrics, cache: AnswerCache) -> None:
    """Remove cached answers that are not needed any more, and set the gauges of the cache's size."""
    while True:
        try:
            size = await cache.sweep()
        except CacheUnavailableError:
            pass  # the cache has logged it itself
        else:
            metrics.cache_entries.set(size.entries)
            metrics.cache_bytes.set(size.size)
        await asyncio.sleep(_CACHE_SECONDS)
