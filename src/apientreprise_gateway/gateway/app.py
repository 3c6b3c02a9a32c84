"""The composition root: settings in, ASGI application out.

With `components.py`, which makes them, it is the only file that knows every part. Each is handed its own values; none
reads settings.
"""

import asyncio
import gc
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

import structlog

from apientreprise_gateway.auth.jwks import KeySet
from apientreprise_gateway.auth.keys import Key
from apientreprise_gateway.auth.token import Token, TokenVerifier, authenticate_with_newer_keys, bearer
from apientreprise_gateway.cache.port import AnswerCache
from apientreprise_gateway.contract import query
from apientreprise_gateway.contract.endpoint import Ping, Provider
from apientreprise_gateway.contract.errors import refuse, render
from apientreprise_gateway.contract.routes import Route, Routes
from apientreprise_gateway.controlplane.app import CONTROL, create_control, is_control
from apientreprise_gateway.controlplane.ceiling import Ceiling
from apientreprise_gateway.controlplane.front import ROOT, Front, leads_to_docs
from apientreprise_gateway.dataplane.admission import Admission
from apientreprise_gateway.dataplane.pipeline import Pipeline
from apientreprise_gateway.documents import links
from apientreprise_gateway.documents.origin import Origin
from apientreprise_gateway.documents.service import DocumentService
from apientreprise_gateway.gateway import components, gauges, series
from apientreprise_gateway.gateway.denials import Denials
from apientreprise_gateway.gateway.endpoints import Endpoints
from apientreprise_gateway.gateway.settings import (
    Limits,
    PingProbes,
    Settings,
    SettingsError,
    environment_name,
    load,
    require_for_serving,
    require_for_workers,
)
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.net.client_ip import ClientIp
from apientreprise_gateway.observability import logs
from apientreprise_gateway.observability.access_log import AccessLog
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.observability.provider_calls import label
from apientreprise_gateway.observability.sink import Sink
from apientreprise_gateway.observability.tracing import Recorder
from apientreprise_gateway.pings.check import CHECK_SECONDS, Result, ask_all
from apientreprise_gateway.pings.monitor import PingMonitor
from apientreprise_gateway.pings.probe import PROBE_SECONDS, Finding, probe
from apientreprise_gateway.process import ending
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE, PROVIDERS
from apientreprise_gateway.ratelimit.memory import MemoryLimiter
from apientreprise_gateway.ratelimit.redis import RedisLimiter
from apientreprise_gateway.server.application import ConnectionHooks
from apientreprise_gateway.server.barrier import Barrier
from apientreprise_gateway.upstream.breaker import State

_FAULT: Final = render(refuse("00500").errors, version=3)
_DATA_PLANE: Final = re.compile(rf"(?!{ROOT}\Z|{CONTROL}|{re.escape(links.PREFIX)})")
"""The paths that are for the data plane alone. Its `match` is asked for each call, and costs no frame of Python."""
_RECORDER_SECONDS: Final = 3.0
"""How long a stop waits for spans to be sent."""
_log = structlog.get_logger(__name__)


class Gateway:
    """The ASGI application: the data plane, the control plane, and their life."""

    def __init__(
        self, settings: Settings, *, demo_token: str | None = None, predecessor: "Gateway | None" = None
    ) -> None:
        """Build every part; open nothing but files.

        Args:
            settings: complete enough to serve, see `settings.require_for_serving`.
            demo_token: shown to whoever opens `/docs`; for `demo` alone.
            predecessor: the gateway that this one replaces. What it knows is taken over: the parts whose settings are
                the same, the bans and windows of a process that counts alone, the revocations.

        Raises:
            SettingsError: a file that a setting names cannot be used.
        """
        self._settings = settings
        self._predecessor = predecessor
        self._metrics: Metrics = components.metrics() if predecessor is None else predecessor._metrics
        self.background = Background(self._metrics.background_failures)
        self._key_set: KeySet | None = self._inherit(
            "_key_set",
            components.OF_THE_KEYS,
            partial(
                components.key_set,
                copy=settings.jwks_copy or components.shared_file("jwks.json"),
                metrics=self._metrics,
            ),
        )
        self._verifier = TokenVerifier(components.key_ring(settings, self._key_set))
        self._registry = components.token_registry(settings)
        if predecessor is not None:
            self._registry.revoke(predecessor._registry.revoked)
        self._upstreams = components.upstreams(settings, on_breaker=self._breaker_changed)
        series.begin_at_zero(self._metrics, PROVIDERS)
        self._limiter: MemoryLimiter | RedisLimiter = self._inherit(
            "_limiter", components.OF_THE_LIMITER, self._make_limiter
        )
        self._desk: DocumentService = self._inherit(
            "_desk", components.OF_THE_DESK, partial(components.document_desk, metrics=self._metrics)
        )
        self._cache: AnswerCache | None = self._inherit(
            "_cache",
            components.OF_THE_CACHE,
            partial(components.answer_cache, metrics=self._metrics, background=self.background),
        )
        self._recorder: Recorder | None = self._inherit(
            "_recorder", components.OF_THE_RECORDER, components.span_recorder
        )
        identity = components.server_identity(settings)
        self._files = components.file_digests(settings)
        # One for the whole life of the process, so that lines not yet written outlive every reload.
        self._access_log: AccessLog = (
            components.access_log(settings, self._metrics) if predecessor is None else predecessor._access_log
        )
        # A file may have been moved away: it is opened anew. The last thing that may be refused.
        self._new_sink = None if predecessor is None else predecessor.sink_for(settings)
        for provider in self._upstreams:
            self._metrics.breaker_state(provider, State.CLOSED)
        self._denials = self._make_denials(settings)
        self._endpoints = Endpoints(
            settings,
            upstreams=self._upstreams,
            documents=self._desk,
            cache=self._cache,
            metrics=self._metrics,
            recorder=self._recorder,
        )
        self._pings = self._make_pings(settings)
        client_ip = ClientIp(trusted_proxies=settings.trusted_proxies, allowlist=settings.ip_allowlist)
        origin = Origin(public_url=components.public_url(settings), is_trusted=client_ip.is_trusted)
        options = components.pipeline_options(settings)
        admission = Admission(
            client_ip=client_ip,
            limiter=self._limiter,
            metrics=self._metrics,
            access_log=self._access_log,
            recorder=self._recorder,
            forbid_banned=options.forbid_banned,
            shadow=options.shadow,
        )
        self._pipeline = Pipeline(
            routes=Routes((*PROVIDERS, ENTREPRISE.itself)),
            source_of=lambda route: self._endpoints.answering(route, self._pings),
            tokens=self._verifier,
            renew_keys=self._renew_keys,
            registry=self._registry,
            limiter=self._limiter,
            validator=components.answer_validator(settings, self._metrics),
            policy=components.policy(settings),
            admission=admission,
            origin=origin,
            options=options,
            metrics=self._metrics,
            access_log=self._access_log,
            recorder=self._recorder,
        )
        self._serving = components.downloads(
            self._desk, admission=admission, metrics=self._metrics, access_log=self._access_log
        )
        control = create_control(
            providers=PROVIDERS,
            authenticate=self._authenticate,
            registry=self._metrics.exposed,
            ready=self._checks,
            store=self._store_mode,
            sources=self._pings,
            origin_of=origin.of,
            demo_token=demo_token,
        )
        self._faults = FaultLog()
        self._ceiling: Ceiling = Ceiling() if predecessor is None else predecessor._ceiling
        self._control = Front(
            control,
            ceiling=self._ceiling,
            client_ip=client_ip,
            metrics=self._metrics,
            shadow=settings.limits is Limits.SHADOW,
        )
        self._watchers: list[asyncio.Task[None]] = []
        self._is_draining = False
        self.metrics = self._metrics.exposed
        self.hooks: ConnectionHooks = ConnectionHooks(
            limits=components.connection_limits(
                settings, self._metrics, before=None if predecessor is None else predecessor.hooks.limits
            ),
            tls=None if identity is None else identity.context,
            drops_peer=admission.drops_peer,
            on_bad_request=self._pipeline.on_bad_request,
            takes=_DATA_PLANE.match,
            answer=self._pipeline.answer,
        )
        self.certificate_ends = None if identity is None else identity.ends
        self._metrics.certificate_ends.set(0 if identity is None else identity.ends.timestamp())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the plane that it is for."""
        if scope["type"] == "http":
            plane = Barrier(self._plane_of(scope), faults=self._faults, body=_FAULT)
            await plane(scope, receive, send)
        elif scope["type"] == "lifespan":
            await lifespan(receive, send, start=self.start, stop=self.stop)

    def _plane_of(self, scope: Scope) -> Any:
        path = scope["path"]
        if path.startswith(links.PREFIX):
            return self._serving
        return self._control if is_control(path) or leads_to_docs(scope) else self._pipeline

    @property
    def stop_timeout(self) -> float:
        """Seconds that calls in flight may take to end, once it is asked to stop."""
        return self._settings.stop_timeout

    def differs_from(self, other: "Gateway") -> list[str]:
        """The settings that are not those of another gateway, and those whose files are not as it has read them."""
        mine, theirs = self._settings, other._settings
        changed = [
            environment_name(name) for name in Settings.model_fields if getattr(mine, name) != getattr(theirs, name)
        ]
        files = self._files.keys() | other._files.keys()
        return changed + sorted(
            name for name in files if name not in changed and self._files.get(name) != other._files.get(name)
        )

    def sink_for(self, settings: Settings) -> Sink | None:
        """Where the lines of a successor with these settings go; None if that is where they go now.

        Raises:
            SettingsError: the file cannot be opened.
        """
        if settings.access_log is None and self._settings.access_log is None:
            return None
        return components.access_sink(settings)

    def reopen(self) -> None:
        """Open the file of the access log anew, as it may have been moved away; nothing else changes."""
        try:
            sink = self.sink_for(self._settings)
        except SettingsError as error:
            _log.error("access_log_not_reopened", reason=str(error), effect="lines go to the file that is open")
            return
        if sink is not None:
            self._access_log.redirect(sink)
        file = self._settings.access_log
        _log.info("access_log_reopened", file="standard output" if file is None else str(file))

    def discard(self) -> None:
        """Close what was opened for a gateway that is not put in force."""
        if self._new_sink is not None:
            self._new_sink.close()
            self._new_sink = None

    def hurry(self, seconds: float) -> None:
        """Let a stop, under way or to come, spend no more time than this on what could not be written so far."""
        self._access_log.hurry(seconds)

    async def drain(self) -> None:
        """Say that it is not ready any more, and give the load balancers time to notice."""
        self._is_draining = True
        await asyncio.sleep(self._settings.drain_delay)

    def _inherit(self, part: str, names: Iterable[str], make: Callable[[Settings], Any]) -> Any:
        """A part of the predecessor, if none of the settings that it depends on has changed; else a new one."""
        if self._predecessor is not None:
            before = self._predecessor._settings
            if all(getattr(before, name) == getattr(self._settings, name) for name in names):
                return getattr(self._predecessor, part)
        return make(self._settings)

    def _use_keys(self, _keys: list[Key]) -> None:
        self._verifier.use(components.key_ring(self._settings, self._key_set))

    async def _renew_keys(self) -> None:
        if self._key_set is not None:
            await self._key_set.renew()

    def _checks(self) -> dict[str, bool]:
        """Whether calls can be answered; those of tokens whose keys or revocations are not known cannot."""
        return {
            "access_log": not self._access_log.is_full,
            "keys": self._key_set is None or bool(self._key_set.keys),
            "revocations": not self._registry.is_unsure,
            "serving": not self._is_draining,
        }

    def _store_mode(self) -> str:
        """Who decides on limits and bans: `memory` for a gateway of one process, else a mode of Redis."""
        return self._limiter.mode.value if isinstance(self._limiter, RedisLimiter) else "memory"

    def _make_limiter(self, settings: Settings) -> MemoryLimiter | RedisLimiter:
        before = self._predecessor
        alike = before is not None and before._settings.limits is settings.limits
        predecessor = before._limiter if before and alike else None
        return components.limiter(settings, self._metrics, predecessor=predecessor, background=self.background)

    def _make_denials(self, settings: Settings) -> Denials | None:
        before = self._predecessor
        former = None if before is None else before._denials
        return components.denials(
            settings,
            registry=self._registry,
            limiter=self._limiter,
            metrics=self._metrics,
            known=None if former is None else former.known,
            is_known=former is not None
            and before is not None
            and before._settings.redis_url == settings.redis_url
            and former.is_known,
        )

    def _make_pings(self, settings: Settings) -> PingMonitor:
        pings = PingMonitor(
            PROVIDERS,
            board=components.ping_board(settings, self._metrics),
            probe=self._probe,
            may_probe=lambda _route, ping: _is_probed(ping, settings.ping_probes),
            maintenance_until=lambda provider: self._upstreams[provider.key].maintenance_until,
            clock=time.time,
            on_status=lambda provider, ping, works: self._metrics.provider_up(provider.key, ping.key).set(works),
            on_probe=lambda provider, ping, outcome: self._metrics.probes(provider.key, ping.key, label(outcome)).inc(),
        )
        if self._predecessor is not None:
            before = self._predecessor._settings
            pings.inherit(self._predecessor._pings, keeps=lambda provider: _asks_alike(provider, settings, before))
        return pings

    async def _probe(self, route: Route, *, seconds: float = PROBE_SECONDS) -> Finding:
        return await probe(route, self._endpoints.probing(route), seconds=seconds)

    async def ask_sources(self, *, on_progress: Callable[[int, int], None]) -> list[Result]:
        """Ask every source of data once, of a gateway that does not serve; see `online.ask_all`."""
        try:
            return await ask_all(PROVIDERS, partial(self._probe, seconds=CHECK_SECONDS), on_progress=on_progress)
        finally:
            self._close_upstreams()

    async def ask_documents(self) -> None:
        """Look whether the place of documents is there; raise `StoreError` if it is not."""
        await self._desk.look()

    def _close_upstreams(self) -> None:
        for upstream in self._upstreams.values():
            upstream.close()

    def _breaker_changed(self, provider: str, state: State, reason: str) -> None:
        self._metrics.breaker_state(provider, state)
        tell = _log.warning if state is State.OPEN else _log.info
        tell("breaker", provider=provider, state=state.value, reason=reason)

    async def _authenticate(self, headers: Mapping[str, str], query_string: str) -> Token:
        """The token of a call to the control plane; raise `Refusal` if it has no valid one."""
        given = query.read(query_string.encode("latin-1", "replace"), frozenset({"token"}))
        authorization = headers.get("authorization", "").encode("latin-1", "replace")
        text = bearer(authorization) or given.get("token")
        return await authenticate_with_newer_keys(
            text, verifier=self._verifier, registry=self._registry, renew=self._renew_keys
        )

    async def start(self) -> None:
        """Open what is needed to answer calls."""
        self.background.guard(asyncio.get_running_loop())
        kept = () if self._predecessor is None else self._predecessor._parts()
        if self._predecessor is None:
            self._access_log.start()
        if self._limiter not in kept:
            await self._limiter.start()
        if self._desk not in kept:
            await self.background.attempt("documents", self._desk.start)
        if self._key_set is not None:
            self._key_set.on_keys = self._use_keys
            await self.background.attempt("keys", self._key_set.start)
            self._use_keys(self._key_set.keys)
        if self._denials is not None:
            await self.background.attempt("revocations", self._denials.start)
        if self._cache is not None and self._cache not in kept:
            await self._cache.start()
        if self._new_sink is not None:
            self._access_log.redirect(self._new_sink)
            self._new_sink = None
        self._watchers = [self.background.keep(name, watch) for name, watch in self._watching().items()]
        if self._predecessor is None:
            # What was made so far lives to the end: no collection need look at it.
            gc.collect()
            gc.freeze()
        self._predecessor = None

    def _watching(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What is done besides answering calls, by the names of the metric."""
        watching: dict[str, Callable[[], Awaitable[None]]] = {
            "tokens": self._registry.watch,
            "levels": partial(gauges.levels, self._metrics, self._limiter, self._access_log),
            "expiry": partial(gauges.tokens, self._metrics, self._verifier),
            "event_loop": partial(gauges.event_loop, self._metrics),
            "buffers": partial(gauges.buffers, self._metrics, self.hooks.limits),
            "pings": self._pings.watch,
            "documents": self._desk.watch,
            "document_work": partial(gauges.work, self._metrics, self._desk),
        }
        if self._key_set is not None:
            watching["keys"] = self._key_set.watch
        if self._denials is not None:
            watching["revocations"] = self._denials.follow
            watching["revocations_copy"] = self._denials.keep
        if self._cache is not None:
            watching["kept_answers"] = partial(gauges.kept_answers, self._metrics, self._cache)
        return watching

    def _parts(self) -> tuple[Any, ...]:
        """What a successor may keep."""
        return self._recorder, self._limiter, self._cache, self._key_set, self._desk

    def stop_watching(self) -> None:
        """Follow no changes any more: another gateway answers new calls."""
        for watcher in self._watchers:
            watcher.cancel()

    async def stop(self, *, successor: "Gateway | None" = None) -> None:
        """Close what is open, but for what a successor has kept, within the part of a stop's time that is for it."""
        self.stop_watching()
        seconds = ending.closing_seconds(self._settings.stop_timeout)
        kept = () if successor is None else successor._parts()
        try:
            async with asyncio.timeout(seconds / 4):
                await self._close_parts(kept)
        except TimeoutError:
            _log.error("close_overdue", effect="the process ends without")
        if successor is None:
            await self._access_log.close(seconds / 2)
        if self._recorder is not None and self._recorder not in kept:
            await _close_recorder(self._recorder, min(_RECORDER_SECONDS, seconds / 4))
        self._metrics.tell()

    async def _close_parts(self, kept: tuple[Any, ...]) -> None:
        if self._limiter not in kept:
            await self._limiter.close()
        if self._cache is not None and self._cache not in kept:
            await self._cache.close()
        await self._pings.close()
        if self._denials is not None:
            await self._denials.close()
        if self._key_set is not None and self._key_set not in kept:
            await self._key_set.close()
        self._close_upstreams()
        if self._desk not in kept:
            await self._desk.close()


def create(predecessor: Gateway | None = None) -> Gateway:
    """A gateway that is configured by the environment, and takes over what another one knows.

    Raises:
        SettingsError: the configuration cannot be used.
    """
    settings = load()
    require_for_serving(settings)
    if components.shared_file("") is not None:
        require_for_workers(settings)
    gateway = Gateway(settings, predecessor=predecessor)
    logs.configure(level=settings.log_level)
    return gateway


async def lifespan(
    receive: Receive, send: Send, *, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
) -> None:
    """Start and stop as ASGI's messages ask for."""
    await receive()
    try:
        await start()
    except Exception as error:
        _log.error("start_failed", reason=str(error))
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await stop()
    await send({"type": "lifespan.shutdown.complete"})


async def _close_recorder(recorder: Recorder, seconds: float) -> None:
    # A collector that is away must not hold up the end: what it has not taken by then is lost.
    closing = threading.Thread(target=recorder.close, name="traces", daemon=True)
    closing.start()
    await asyncio.to_thread(closing.join, seconds)


def _is_probed(ping: Ping, probes: PingProbes) -> bool:
    return probes is PingProbes.ALL or (probes is PingProbes.ALLOWED and ping.probed)


def _asks_alike(provider: Provider, one: Settings, other: Settings) -> bool:
    """Whether a provider is asked at the same place, in the same way."""
    return one.upstream_url == other.upstream_url and one.providers.get(provider.key) == other.providers.get(
        provider.key
    )
