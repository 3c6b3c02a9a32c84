"""The answers to pings.

An answer is found once for all processes, then kept. It is found from, in this order: a maintenance in force, the calls
of the last minute, the last call if it is recent enough, a probe. A good answer is kept for the seconds that the
catalogue gives, unless calls contradict it meanwhile; any other answer for ten seconds.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from apientreprise_gateway.contract.endpoint import Ping, Provider
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.observability.provider_calls import CallCounts
from apientreprise_gateway.pings.board import Answer, Board, Status
from apientreprise_gateway.pings.evidence import SKEW_SECONDS, Evidence, Seen
from apientreprise_gateway.pings.probe import PROBE_SECONDS, Finding

BAD_SECONDS: Final = 10.0
"""Seconds for which an answer that is not good is kept; if the last failure is older, a probe is made."""
CALL_SECONDS: Final = 600.0
"""Seconds for which the last call decides about a source that is not probed."""
_WATCH_SECONDS: Final = 1.0
_TURN_SECONDS: Final = 0.1
_log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _Source:
    ping: Ping
    route: Route
    """The endpoint that a probe asks."""
    evidence: Evidence
    kept: Answer | None = None
    kept_until: float = 0.0
    """When `kept` expires, by the monotonic clock, so that a change of the system clock does not prolong it."""
    finding: "asyncio.Task[Answer] | None" = None


class PingMonitor:
    """Answers every ping of a catalogue."""

    def __init__(
        self,
        providers: Iterable[Provider],
        *,
        board: Board,
        probe: Callable[[Route], Awaitable[Finding]],
        may_probe: Callable[[Route, Ping], bool],
        maintenance_until: Callable[[Provider], float | None],
        clock: Callable[[], float],
        steady: Callable[[], float] = time.monotonic,
        on_status: Callable[[Provider, Ping, bool], None],
        on_probe: Callable[[Provider, Ping, str], None],
    ) -> None:
        """Configure it; nothing is asked before `answer` or `watch`.

        Args:
            providers: those whose pings are answered.
            board: shares counts and answers with the other processes.
            probe: asks an endpoint for its example.
            may_probe: whether a source may be probed now.
            maintenance_until: when a provider's maintenance in force ends, Unix time in seconds; None without one.
            clock: Unix time in seconds.
            steady: seconds of a clock that only goes forward.
            on_status: called each second for each source with whether it works, where that is known.
            on_probe: called with the outcome of each probe, see `Finding.outcome`.
        """
        self._board = board
        self._probe = probe
        self._may_probe = may_probe
        self._maintenance_until = maintenance_until
        self._clock = clock
        self._steady = steady
        self._on_status = on_status
        self._on_probe = on_probe
        self._sources = {
            ping.key: _Source(
                ping=ping, route=_route_of(ping, provider), evidence=Evidence(CallCounts(ping.answers), now=clock())
            )
            for provider in providers
            for ping in provider.pings
        }
        self._closed = False

    def inherit(self, other: "PingMonitor", *, keeps: Callable[[Provider], bool]) -> None:
        """Take over what another monitor knows; call it before `counts_of`, which hands out the counters themselves.

        Args:
            other: the monitor that this one replaces.
            keeps: whether what is known of a provider still holds.
        """
        for key, source in self._sources.items():
            known = other._sources.get(key)
            if known is not None and keeps(source.route.provider):
                source.evidence, source.kept, source.kept_until = known.evidence, known.kept, known.kept_until

    def counts_of(self, route: Route) -> CallCounts | None:
        """The counters of the calls to an endpoint; None if it belongs to no ping."""
        ping = route.provider.ping_of(route.endpoint.operation)
        return None if ping is None else self._sources[ping.key].evidence.counts

    def index(self) -> list[Ping]:
        """All the pings."""
        return [source.ping for source in self._sources.values()]

    async def answer(self, key: str) -> Answer | None:
        """The answer to a ping; None if there is no such ping."""
        source = self._sources.get(key)
        if source is None:
            return None
        now = self._clock()
        maintenance = self._maintenance(source, now)
        if maintenance is not None:
            return maintenance
        source.evidence.note(now)
        if source.kept is not None and self._holds(source, source.kept, now):
            return source.kept
        if source.finding is None or source.finding.done():
            source.finding = asyncio.create_task(self._find(source))
        # All who ask meanwhile share one task, and the cancellation of one of them does not stop it.
        return await asyncio.shield(source.finding)

    async def watch(self) -> None:
        """Refresh every second, until cancelled or closed."""
        # redis-py may swallow a cancellation while it reads; the flag ends the watch all the same.
        while not self._closed:
            await self.refresh()
            await asyncio.sleep(_WATCH_SECONDS)

    async def refresh(self) -> None:
        """Share counts with the other processes, and report which sources work."""
        now = self._clock()
        for source in self._sources.values():
            source.evidence.note(now)
        told = {key: seen for key, source in self._sources.items() if (seen := source.evidence.tell()) is not None}
        news = await self._board.exchange(told)
        now = self._clock()
        for key, source in self._sources.items():
            if news is not None:
                source.evidence.learn(news.get(key, Seen()), now)
            works = self._works(source, now)
            if works is not None:
                self._on_status(source.route.provider, source.ping, works)

    async def close(self) -> None:
        """End the watch, and cancel answers that are being found."""
        self._closed = True
        for source in self._sources.values():
            if source.finding is not None:
                source.finding.cancel()
        await self._board.close()

    def _works(self, source: _Source, now: float) -> bool | None:
        """Whether a source works, as far as is known without asking."""
        if self._maintenance_until(source.route.provider) is not None:
            return False
        if source.kept is not None and self._holds(source, source.kept, now):
            return None if source.kept.status is Status.UNKNOWN else source.kept.status is Status.OK
        fails = source.evidence.fails()
        return None if fails is None else not fails

    def _maintenance(self, source: _Source, now: float) -> Answer | None:
        until = self._maintenance_until(source.route.provider)
        if until is None:
            return None
        return Answer(
            status=Status.MAINTENANCE,
            at=now,
            ok_at=_ok_at(source),
            keep_until=min(until, now + BAD_SECONDS),
            until=until,
        )

    # Finding an answer.

    async def _find(self, source: _Source) -> Answer:
        key = source.ping.key
        others = await self._board.read(key)
        now = self._clock()
        if others is not None and _stands(others, source.evidence, now):
            return self._keep(source, others, now)
        found = self._by_calls(source, now) or await self._by_probe(source)
        told = await self._board.publish(key, found, now=self._clock(), replace=others is not None)
        return self._keep(source, told, self._clock())

    def _keep(self, source: _Source, answer: Answer, now: float) -> Answer:
        source.kept = answer
        source.kept_until = self._steady() + answer.keep_until - max(now, answer.at)
        return answer

    def _holds(self, source: _Source, kept: Answer, now: float) -> bool:
        return self._steady() < source.kept_until and _stands(kept, source.evidence, now)

    def _by_calls(self, source: _Source, now: float) -> Answer | None:
        """The answer that the calls give; None if a probe is needed."""
        evidence = source.evidence
        may_probe = self._may_probe(source.route, source.ping)
        fails = evidence.fails()
        if fails is False:
            return self._answer(source, Status.OK, now)
        if fails:
            is_news = now - evidence.bad_at < BAD_SECONDS
            return self._answer(source, Status.BAD, now) if is_news or not may_probe else None
        speaks = source.ping.cache_seconds if may_probe else max(CALL_SECONDS, source.ping.cache_seconds)
        if now - max(evidence.good_at, evidence.bad_at) >= speaks:
            return None if may_probe else self._answer(source, Status.UNKNOWN, now)
        if evidence.good_at >= evidence.bad_at:
            return self._answer(source, Status.OK, now, keep_until=evidence.good_at + speaks)
        return None if may_probe else self._answer(source, Status.BAD, now)

    async def _by_probe(self, source: _Source) -> Answer:
        if not await self._board.take_turn(source.ping.key):
            return await self._of_another(source)
        finding = await self._probe(source.route)
        self._on_probe(source.route.provider, source.ping, finding.outcome)
        now = self._clock()
        if source.evidence.counts.works(finding.outcome, finding.status):
            source.evidence.probed_at = now
            return self._answer(source, Status.OK, now)
        _log.warning("ping_failed", source=source.ping.key, code=finding.outcome, cause=finding.cause)
        return self._answer(source, Status.BAD, now)

    async def _of_another(self, source: _Source) -> Answer:
        """The answer of another process, which is probing now."""
        for _ in range(int(PROBE_SECONDS / _TURN_SECONDS)):
            await asyncio.sleep(_TURN_SECONDS)
            found = await self._board.read(source.ping.key)
            if found is not None and _stands(found, source.evidence, self._clock()):
                return found
        return self._answer(source, Status.UNKNOWN, self._clock())

    def _answer(self, source: _Source, status: Status, now: float, *, keep_until: float | None = None) -> Answer:
        stands = source.ping.cache_seconds if status is Status.OK else BAD_SECONDS
        return Answer(
            status=status,
            at=now,
            ok_at=now if status is Status.OK else _ok_at(source),
            keep_until=min(now + stands, keep_until or now + stands),
            totals=source.evidence.totals,
        )


def _ok_at(source: _Source) -> float | None:
    """When a source was last known to work, Unix time in seconds; None if never."""
    return max(source.evidence.good_at, source.evidence.probed_at) or None


def _stands(answer: Answer, evidence: Evidence, now: float) -> bool:
    """Whether an answer still holds: it has not expired, and the calls made since do not contradict it.

    One dated in the future comes from a clock that was ahead: its age is unknown, so it does not hold.
    """
    if not answer.at - SKEW_SECONDS <= now < answer.keep_until:
        return False
    if answer.status is Status.UNKNOWN:
        return evidence.fails(since=answer.totals) is None
    return answer.status is not Status.OK or not (evidence.fails() and evidence.fails(since=answer.totals))


def _route_of(ping: Ping, provider: Provider) -> Route:
    (endpoint,) = [each for each in provider.endpoints if each.operation == ping.probe]
    return Route(endpoint, provider)
