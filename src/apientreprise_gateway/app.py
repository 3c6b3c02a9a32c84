"""The composition root: settings in, ASGI application out.

The only file that knows every part. It hands each its own values; no part reads settings.
"""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from apientreprise_gateway import __version__, tls, tracing
from apientreprise_gateway.auth.access import authenticate_with_newer_keys, bearer
from apientreprise_gateway.auth.expiry import ExpiryNotices
from apientreprise_gateway.auth.jwks import FileKeySet, KeySet, RemoteKeySet
from apientreprise_gateway.auth.keys import Key, KeyRing, secret_keys
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.revocation import RevocationWatch
from apientreprise_gateway.auth.token import Token, TokenVerifier
from apientreprise_gateway.cache.memory import MemoryCache
from apientreprise_gateway.cache.port import AnswerCache, CacheUnavailableError
from apientreprise_gateway.cache.source import CachedSource
from apientreprise_gateway.call import Scope
from apientreprise_gateway.catalogue import query
from apientreprise_gateway.catalogue.dossier import GATEWAY
from apientreprise_gateway.catalogue.model import Endpoint, Figure, Ping, Provider
from apientreprise_gateway.catalogue.routes import Route, Routes
from apientreprise_gateway.control import create_control, is_control
from apientreprise_gateway.documents import links
from apientreprise_gateway.documents.desk import Desk, longest_answer
from apientreprise_gateway.documents.origin import Origin
from apientreprise_gateway.documents.source import Linked
from apientreprise_gateway.errors import FLAT_VERSION
from apientreprise_gateway.observability import logs
from apientreprise_gateway.observability.access_log import AccessLog
from apientreprise_gateway.observability.metrics import MULTIPROCESS_DIR, Metrics
from apientreprise_gateway.online import CHECK_SECONDS, Result, ask_all
from apientreprise_gateway.pings.board import Board, NoBoard
from apientreprise_gateway.pings.evidence import Tally
from apientreprise_gateway.pings.pings import Pings
from apientreprise_gateway.pings.probe import PROBE_SECONDS, Finding, probe
from apientreprise_gateway.pings.redis import RedisBoard
from apientreprise_gateway.pipeline import Options, Pipeline, Receive, Send
from apientreprise_gateway.providers import DIALECTS, PROVIDERS
from apientreprise_gateway.providers.assembly import Defaults, make_upstream
from apientreprise_gateway.providers.breaker import State
from apientreprise_gateway.providers.settings import ProviderSettings
from apientreprise_gateway.providers.source import Observe, ProviderSource, Source
from apientreprise_gateway.providers.upstream import Upstream
from apientreprise_gateway.providers.validation import AnswerValidator
from apientreprise_gateway.ratelimit.address import parse_url
from apientreprise_gateway.ratelimit.bans import Ban
from apientreprise_gateway.ratelimit.client_ip import ClientIp
from apientreprise_gateway.ratelimit.link import client, link
from apientreprise_gateway.ratelimit.memory import MemoryLimiter
from apientreprise_gateway.ratelimit.policy import Policy
from apientreprise_gateway.ratelimit.redis import Mode, RedisLimiter, first_call, sliding
from apientreprise_gateway.ratelimit.windows import FirstCallWindow, SlidingWindow, Window
from apientreprise_gateway.server import Rules
from apientreprise_gateway.settings import (
    PROVIDER_PREFIX,
    BanAction,
    BreakerUse,
    CacheStore,
    Duplicates,
    Limits,
    PingProbes,
    Settings,
    SettingsError,
    StoreFailure,
    UserIdRequired,
    ValidateUpstream,
    WindowKind,
    environment_name,
    load,
    require_for_serving,
    require_for_workers,
)
from apientreprise_gateway.tracing import Recorder

_WINDOWS: Final[Mapping[WindowKind, Callable[[], Window]]] = {
    WindowKind.SLIDING: SlidingWindow,
    WindowKind.FIRST_CALL: FirstCallWindow,
}
_SCRIPTS: Final = {WindowKind.SLIDING: sliding, WindowKind.FIRST_CALL: first_call}
_OF_THE_LIMITER: Final = ("redis_url", "store_failure", "limits", "limit_ip", "ignored_429_limit", "window")
"""The settings that a limiter depends on."""
_OF_THE_RECORDER: Final = ("traces_url", "traces_share")
"""The settings that the recording of spans depends on."""
_OF_THE_CACHE: Final = ("cache", "cache_redis_url", "redis_url", "cache_bytes")
"""The settings that a cache depends on."""
_OF_THE_DESK: Final = ("documents", "document_seconds", "document_max_bytes")
"""The settings that the keeping of documents depends on."""
_BANS_SECONDS: Final = 1.0
_POLL_TIMEOUT: Final = 0.5
_TOKENS_SECONDS: Final = 5.0
_EXPIRING: Final = {"7d": 7, "30d": 30}
"""How soon a token's end is worth a figure, in days; within the last one it is worth a line in the log."""
_LAG_SECONDS: Final = 0.25
_RECORDER_SECONDS: Final = 3.0
"""How long a stop waits for spans to be sent."""
_CACHE_SECONDS: Final = 5.0
_CACHE_BYTES: Final = {CacheStore.MEMORY: 64 * 1024 * 1024, CacheStore.REDIS: 256 * 1024 * 1024}
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
        self._metrics: Metrics = Metrics() if predecessor is None else predecessor._metrics
        self._key_set: KeySet | None = self._inherit(
            "_key_set",
            ("jwks", "jwks_refresh", "jwks_copy"),
            partial(key_set, copy=settings.jwks_copy or _shared_file("jwks.json"), metrics=self._metrics),
        )
        self._verifier = TokenVerifier(key_ring(settings, self._key_set))
        self._registry = token_registry(settings)
        if predecessor is not None:
            self._registry.revoke(predecessor._registry.revoked)
        self._access_log: AccessLog = (
            # A file may have been moved away: it is opened anew.
            _access_log(settings, self._metrics)
            if settings.access_log is not None
            else self._inherit("_access_log", ("access_log",), partial(_access_log, metrics=self._metrics))
        )
        self._upstreams = upstreams(settings, on_breaker=self._breaker_changed)
        for provider in self._upstreams:
            self._metrics.breaker_state(provider, State.CLOSED)
        self._metrics.expect({endpoint.group.name for provider in PROVIDERS for endpoint in provider.endpoints})
        self._limiter: MemoryLimiter | RedisLimiter = self._inherit("_limiter", _OF_THE_LIMITER, self._make_limiter)
        self._desk: Desk = self._inherit("_desk", _OF_THE_DESK, partial(document_desk, metrics=self._metrics))
        self._cache: AnswerCache | None = self._inherit("_cache", _OF_THE_CACHE, self._make_cache)
        self._recorder: Recorder | None = self._inherit("_recorder", _OF_THE_RECORDER, _recorder)
        self._revocations = _revocations(settings, self._registry)
        self._pings = self._make_pings(settings)
        client_ip = ClientIp(trusted_proxies=settings.trusted_proxies, allowlist=settings.ip_allowlist)
        origin = Origin(public_url=_public_url(settings), is_trusted=client_ip.is_trusted)
        self._pipeline = Pipeline(
            routes=Routes((*PROVIDERS, GATEWAY)),
            source_of=self._source_of,
            tokens=self._verifier,
            renew_keys=self._renew_keys,
            registry=self._registry,
            limiter=self._limiter,
            validator=self._make_validator(settings),
            policy=Policy({figure: getattr(settings, figure.value) for figure in Figure}),
            client_ip=client_ip,
            origin=origin,
            options=_options(settings),
            metrics=self._metrics,
            access_log=self._access_log,
            recorder=self._recorder,
        )
        self._serving = self._desk.serving(gate=self._pipeline, access_log=self._access_log)
        self._control = create_control(
            providers=PROVIDERS,
            authenticate=self._authenticate,
            registry=self._metrics.exposed,
            ready=self._checks,
            sources=self._pings,
            origin_of=origin.of,
            demo_token=demo_token,
        )
        self._watchers: list[asyncio.Task[None]] = []
        self._is_draining = False
        self.metrics = self._metrics.exposed
        # What `server.GatewayProtocol` asks of an application beyond ASGI.
        self.answer = self._pipeline.answer
        self.on_bad_request = self._pipeline.on_bad_request
        self.drops_peer = self._pipeline.drops_peer
        self.connection_rules = Rules(
            keep_alive=settings.keep_alive,
            patience=settings.client_timeout,
            most=settings.max_connections,
            on_cut=partial(_count_cut, self._metrics),
        )
        identity = server_identity(settings)
        self.tls = None if identity is None else identity.context
        self._metrics.certificate_ends.set(0 if identity is None else identity.ends.timestamp())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the plane that it is for."""
        if scope["type"] == "http":
            await self._plane_of(scope["path"])(scope, receive, send)
        elif scope["type"] == "lifespan":
            await lifespan(receive, send, start=self.start, stop=self.stop)

    def _plane_of(self, path: str) -> Any:
        if path.startswith(links.PREFIX):
            return self._serving
        return self._control if is_control(path) else self._pipeline

    @property
    def stop_timeout(self) -> float:
        """Seconds that calls in flight may take to end, once it is asked to stop."""
        return self._settings.stop_timeout

    def differs_from(self, other: "Gateway") -> list[str]:
        """The settings that are not those of another gateway."""
        mine, theirs = self._settings, other._settings
        return [
            environment_name(name) for name in Settings.model_fields if getattr(mine, name) != getattr(theirs, name)
        ]

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
        self._verifier.use(key_ring(self._settings, self._key_set))

    async def _renew_keys(self) -> None:
        if self._key_set is not None:
            await self._key_set.renew()

    def _checks(self) -> dict[str, bool]:
        """Whether calls can be answered; those of tokens whose keys could not be fetched cannot."""
        return {
            "access_log": not self._access_log.is_full,
            "keys": self._key_set is None or bool(self._key_set.keys),
            "serving": not self._is_draining,
        }

    def takes(self, path: str) -> bool:
        """Whether a path is the data plane's; see `server.DirectApplication`."""
        return not is_control(path) and not path.startswith(links.PREFIX)

    def _make_limiter(self, settings: Settings) -> MemoryLimiter | RedisLimiter:
        shadow = settings.limits is Limits.SHADOW
        on_ban = partial(_tell_of_ban, self._metrics, shadow=shadow)
        memory = MemoryLimiter(
            ip_limit=settings.limit_ip,
            ignored_429_limit=settings.ignored_429_limit,
            window=_WINDOWS[settings.window],
            shadow=shadow,
            on_ban=on_ban,
        )
        if self._predecessor is not None and self._predecessor._settings.limits is settings.limits:
            self._predecessor._limiter.hand_over(memory)
        if settings.redis_url is None:
            self._metrics.store_mode(Mode.SHARED)
            return memory
        return RedisLimiter(
            link(parse_url(settings.redis_url.get_secret_value())),
            ip_limit=settings.limit_ip,
            ignored_429_limit=settings.ignored_429_limit,
            window=_SCRIPTS[settings.window](),
            fallback=memory if settings.store_failure is StoreFailure.LOCAL else None,
            shadow=shadow,
            on_mode=partial(_tell_of_mode, self._metrics),
            on_ban=on_ban,
        )

    def _source_of(self, route: Route) -> Source:
        """What answers an endpoint, from the outside to the inside."""
        provider = route.provider.key
        tally = self._pings.tally_of(route) or Tally()
        recorder = self._recorder

        def observe(outcome: str, status: int, seconds: float | None) -> None:
            self._metrics.provider_calls(provider, _label(outcome)).inc()
            if seconds is not None:
                self._metrics.provider_seconds(provider).observe(seconds)
            tally.count(outcome, status)
            if recorder is not None and seconds is not None:
                _record_span(recorder, provider, outcome, status, seconds)

        source = self._cached(self._provider_source(route, observe), route)
        return source if route.endpoint.document is None else Linked(source, route.endpoint.document)

    def _cached(self, source: Source, route: Route) -> Source:
        """A source behind the cache, if its answers may be kept."""
        provider = route.provider.key
        own = self._settings.providers.get(provider, ProviderSettings())
        lifetime = route.endpoint.cache
        if self._cache is None or lifetime is None:
            return source
        return CachedSource(
            source,
            endpoint=route.endpoint,
            lifetime=lifetime,
            cache=self._cache,
            # Answers of another version, or of another provider's address such as a sandbox, are not these.
            namespace=f"{__version__} {own.dialect} {own.base_url or self._settings.upstream_url}",
            grace=self._settings.cache_stale_seconds,
            observe=lambda result: self._metrics.cache_lookups(provider, result.value).inc(),
        )

    def _provider_source(self, route: Route, observe: Observe, *, keeps: bool = True) -> Source:
        """The provider; what it gives is looked at and forgotten where nobody `keeps` it."""
        provider = route.provider.key
        if route.endpoint.document is not None:
            return self._desk.source(route, self._upstreams[provider], observe=observe, keeps=keeps)
        own = self._settings.providers.get(provider, ProviderSettings())
        dialect = {} if own.dialect is None else DIALECTS[provider][own.dialect]
        return ProviderSource(
            route, self._upstreams[provider], observe=observe, translation=dialect.get(route.endpoint.operation)
        )

    def _make_cache(self, settings: Settings) -> AnswerCache | None:
        self._metrics.cache_available.set(1)
        if settings.cache is CacheStore.OFF:
            return None
        max_bytes = settings.cache_bytes or _CACHE_BYTES[settings.cache]
        if settings.cache is CacheStore.MEMORY:
            return MemoryCache(max_bytes=max_bytes)
        from apientreprise_gateway.cache.redis import RedisCache  # noqa: PLC0415 - most gateways do without

        return RedisCache(
            link(parse_url(cache_url(settings))), max_bytes=max_bytes, on_change=partial(_tell_of_cache, self._metrics)
        )

    def _make_pings(self, settings: Settings) -> Pings:
        pings = Pings(
            PROVIDERS,
            board=_board(settings),
            probe=self._probe,
            may_probe=lambda _route, ping: _is_probed(ping, settings.ping_probes),
            maintenance_until=lambda provider: self._upstreams[provider.key].maintenance_until,
            clock=time.time,
            on_status=lambda provider, ping, works: self._metrics.provider_up(provider.key, ping.key).set(works),
            on_probe=lambda provider, ping, outcome: self._metrics.probes(
                provider.key, ping.key, _label(outcome)
            ).inc(),
        )
        if self._predecessor is not None:
            before = self._predecessor._settings
            pings.inherit(self._predecessor._pings, keeps=lambda provider: _asks_alike(provider, settings, before))
        return pings

    async def _probe(self, route: Route, *, seconds: float = PROBE_SECONDS) -> Finding:
        return await probe(route, self._provider_source(route, _ignore, keeps=False), seconds=seconds)

    async def ask_sources(self, *, on_progress: Callable[[int, int], None]) -> list[Result]:
        """Ask every source of data once, of a gateway that does not serve; see `online.ask_all`."""
        try:
            return await ask_all(PROVIDERS, partial(self._probe, seconds=CHECK_SECONDS), on_progress=on_progress)
        finally:
            self._close_upstreams()

    def _close_upstreams(self) -> None:
        for upstream in self._upstreams.values():
            upstream.close()

    def _make_validator(self, settings: Settings) -> AnswerValidator | None:
        if settings.validate_upstream is ValidateUpstream.OFF:
            return None
        return AnswerValidator(
            (endpoint.operation for provider in PROVIDERS for endpoint in provider.endpoints),
            sample=settings.validate_upstream is ValidateUpstream.SAMPLE,
            on_deviation=lambda operation: self._metrics.deviations(operation).inc(),
        )

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
        kept = () if self._predecessor is None else self._predecessor._parts()
        if self._access_log not in kept:
            self._access_log.start()
        if self._limiter not in kept:
            await self._limiter.start()
        if self._desk not in kept:
            await self._desk.start()
        watches = [
            self._registry.watch(),
            self._watch_levels(),
            self._watch_tokens(),
            self._watch_loop(),
            self._pings.watch(),
            self._desk.watch(),
        ]
        if self._key_set is not None:
            self._key_set.on_keys = self._use_keys
            await self._key_set.start()
            self._use_keys(self._key_set.keys)
            watches.append(self._key_set.watch())
        if self._revocations is not None:
            await self._revocations.refresh()
            watches.append(self._revocations.watch())
        if self._cache is not None:
            if self._cache not in kept:
                await self._cache.start()
            watches.append(self._watch_cache(self._cache))
        self._watchers = [asyncio.create_task(watch) for watch in watches]
        if self._predecessor is None:
            # What was made so far lives to the end: no collection need look at it.
            gc.collect()
            gc.freeze()
        self._predecessor = None

    async def _watch_tokens(self) -> None:
        """Show which tokens in use will expire soon, and tell of them while there is time to do something."""
        notices = ExpiryNotices()
        while True:
            for within, days in _EXPIRING.items():
                expiring = self._verifier.expiring(days * 86_400)
                self._metrics.tokens_expiring(within).set(len(expiring))
            notices.tell(expiring)
            await asyncio.sleep(_TOKENS_SECONDS)

    async def _watch_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LAG_SECONDS
            await asyncio.sleep(_LAG_SECONDS)
            self._metrics.loop_lag.observe(max(0.0, loop.time() - due))

    async def _watch_levels(self) -> None:
        while True:
            self._metrics.bans_in_force.set(len(self._limiter.bans_in_force()))
            self._metrics.access_lines_waiting.set(self._access_log.waiting)
            await asyncio.sleep(_BANS_SECONDS)

    async def _watch_cache(self, cache: AnswerCache) -> None:
        while True:
            try:
                size = await cache.sweep()
            except CacheUnavailableError:
                pass  # it has said so itself
            else:
                self._metrics.cache_entries.set(size.entries)
                self._metrics.cache_bytes.set(size.size)
            await asyncio.sleep(_CACHE_SECONDS)

    def _parts(self) -> tuple[Any, ...]:
        """What a successor may keep."""
        return self._recorder, self._limiter, self._cache, self._key_set, self._access_log, self._desk

    def step_down(self) -> None:
        """Follow no changes any more: another gateway answers new calls."""
        for watcher in self._watchers:
            watcher.cancel()

    async def stop(self, *, successor: "Gateway | None" = None) -> None:
        """Close what is open, but for what a successor has kept."""
        self.step_down()
        kept = () if successor is None else successor._parts()
        if self._limiter not in kept:
            await self._limiter.close()
        if self._cache is not None and self._cache not in kept:
            await self._cache.close()
        await self._pings.close()
        if self._revocations is not None:
            await self._revocations.close()
        if self._key_set is not None and self._key_set not in kept:
            await self._key_set.close()
        self._close_upstreams()
        if self._desk not in kept:
            await self._desk.close()
        if self._access_log not in kept:
            await self._access_log.close()
        if self._recorder is not None and self._recorder not in kept:
            await _close_recorder(self._recorder)
        self._metrics.tell()


def create(predecessor: Gateway | None = None) -> Gateway:
    """A gateway that is configured by the environment, and takes over what another one knows.

    Raises:
        SettingsError: the configuration cannot be used.
    """
    settings = load()
    require_for_serving(settings)
    if _shared_file("") is not None:
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


def _tell_of_ban(metrics: Metrics, ban: Ban, *, shadow: bool) -> None:
    metrics.bans(ban.reason.value).inc()
    _log.warning("address_banned", address=ban.address, reason=ban.reason.value, count=ban.count, shadow=shadow)


def _recorder(settings: Settings) -> Recorder | None:
    if settings.traces_url is None:
        return None
    try:
        from apientreprise_gateway.observability.otel import OtelRecorder  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"{environment_name('traces_url')}: {error.name} is not installed. "
            "Install apientreprise-gateway[otel], or unset it."
        ) from error
    return OtelRecorder(str(settings.traces_url), share=settings.traces_share)


async def _close_recorder(recorder: Recorder) -> None:
    # A collector that is away must not hold up the end: what it has not taken by then is lost.
    closing = threading.Thread(target=recorder.close, name="traces", daemon=True)
    closing.start()
    await asyncio.to_thread(closing.join, _RECORDER_SECONDS)


def _record_span(recorder: Recorder, provider: str, outcome: str, status: int, seconds: float) -> None:
    trace = tracing.current()
    if trace is None or not trace.sampled:
        return
    attributes: tracing.Attributes = {
        "gateway.provider": provider,
        "gateway.outcome": outcome,
        "http.response.status_code": status,
    }
    recorder.asked(trace, provider, seconds, attributes, failed=status >= 500 or status == 0)


def _count_cut(metrics: Metrics, reason: str) -> None:
    metrics.connections_cut(reason).inc()


def _tell_of_cache(metrics: Metrics, available: bool, reason: str) -> None:
    metrics.cache_available.set(available)
    tell = _log.info if available else _log.error
    tell("cache_state", available=available, reason=reason)


def _tell_of_mode(metrics: Metrics, mode: Mode, reason: str) -> None:
    metrics.store_mode(mode)
    tell = _log.info if mode is Mode.SHARED else _log.error
    tell("store_mode", mode=mode.value, reason=reason)


def key_set(
    settings: Settings,
    *,
    copy: Path | None = None,
    metrics: Metrics | None = None,
) -> KeySet | None:
    """The public keys that the settings name, if they name any; those at a URL are not fetched yet.

    Raises:
        SettingsError: the file cannot be used.
    """
    if settings.jwks is None:
        return None
    if isinstance(settings.jwks, Path):
        try:
            return FileKeySet(settings.jwks)
        except ValueError as error:
            raise SettingsError(f"{environment_name('jwks')}: {error}. Correct the file.") from error

    def on_fetch(well: bool) -> None:
        if metrics is not None:
            metrics.key_fetches.labels("ok" if well else "failed").inc()

    def on_age(fetched_at: float) -> None:
        if metrics is not None:
            metrics.keys_fetched.set(fetched_at)

    return RemoteKeySet(settings.jwks, copy=copy, every=settings.jwks_refresh, on_fetch=on_fetch, on_age=on_age)


def key_ring(settings: Settings, public: KeySet | None) -> KeyRing:
    """The keys that verify tokens: secrets, then public ones."""
    secrets = secret_keys(secret.get_secret_value() for secret in settings.jwt_secrets)
    if public is None:
        return KeyRing(secrets)
    return KeyRing([*secrets, *public.keys], known=bool(public.keys), renewable=True)


def server_identity(settings: Settings) -> tls.Identity | None:
    """What callers are shown in TLS, if the settings want that.

    Raises:
        SettingsError: a file cannot be used.
    """
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    try:
        return tls.server_identity(settings.tls_certificate, settings.tls_key)
    except ValueError as error:
        raise SettingsError(
            f"{environment_name('tls_certificate')}, {environment_name('tls_key')}: {error}. Name PEM files that this "
            "user can read, of a certificate and its key."
        ) from error


def token_registry(settings: Settings) -> TokenRegistry:
    """What is known of single tokens, by the settings.

    Raises:
        SettingsError: the file cannot be used.
    """
    try:
        return TokenRegistry(settings.tokens)
    except ValueError as error:
        raise SettingsError(f"{environment_name('tokens')}: {error}. Correct the file.") from error


def document_desk(settings: Settings, *, metrics: Metrics | None = None) -> Desk:
    """What keeps documents, as the settings say.

    Raises:
        SettingsError: the folder or the bucket cannot be used.
    """
    try:
        return Desk(
            place=settings.documents,
            seconds=settings.document_seconds,
            max_bytes=settings.document_max_bytes,
            metrics=metrics or Metrics(),
        )
    except OSError as error:
        raise SettingsError(
            f"{environment_name('documents')}: {error.filename}: {error.strerror}. Name a folder that does not exist "
            "yet, or one of this user's that nobody else may enter (chmod 700)."
        ) from error
    except ValueError as error:
        raise SettingsError(f"{environment_name('documents')}: {error}. Correct the AWS_… variables.") from error


def _public_url(settings: Settings) -> str | None:
    return None if settings.public_url is None else str(settings.public_url).rstrip("/")


def cache_url(settings: Settings) -> str:
    """The address of the cache's Redis.

    Raises:
        SettingsError: none is set.
    """
    url = settings.cache_redis_url or settings.redis_url
    if url is None:
        raise SettingsError(
            f"{environment_name('cache')}: answers cannot be kept in Redis, as none is named. Set "
            f"{environment_name('redis_url')} or {environment_name('cache_redis_url')}, or keep them in memory."
        )
    return url.get_secret_value()


def upstreams(
    settings: Settings, *, on_breaker: Callable[[str, State, str], None] = lambda _provider, _state, _reason: None
) -> dict[str, Upstream]:
    """The ways to the providers, by key.

    Args:
        settings: enough to serve.
        on_breaker: told of a provider each time its circuit breaker changes, of the new state and the reason.

    Raises:
        SettingsError: a provider's settings cannot be used.
    """
    defaults = Defaults(
        base_url=None if settings.upstream_url is None else str(settings.upstream_url),
        timeout=settings.upstream_timeout,
        max_calls=settings.upstream_max_calls,
        breakers=settings.breaker is BreakerUse.ON,
        max_file=longest_answer(settings.document_max_bytes),
    )
    made = {}
    for provider in PROVIDERS:
        own = settings.providers.get(provider.key, ProviderSettings())
        try:
            made[provider.key] = make_upstream(provider, own, defaults, on_change=partial(on_breaker, provider.key))
        except ValueError as error:
            raise SettingsError(f"{PROVIDER_PREFIX}{provider.key.upper()}: {error}. Correct it.") from error
    return made


def _revocations(settings: Settings, registry: TokenRegistry) -> RevocationWatch | None:
    if settings.redis_url is None:
        return None
    return RevocationWatch(client(parse_url(settings.redis_url.get_secret_value()), timeout=_POLL_TIMEOUT), registry)


def _board(settings: Settings) -> Board:
    if settings.redis_url is None:
        return NoBoard()
    return RedisBoard(client(parse_url(settings.redis_url.get_secret_value()), timeout=_POLL_TIMEOUT))


def _is_probed(ping: Ping, probes: PingProbes) -> bool:
    return probes is PingProbes.ALL or (probes is PingProbes.ALLOWED and ping.probed)


def _asks_alike(provider: Provider, one: Settings, other: Settings) -> bool:
    """Whether a provider is asked at the same place, in the same way."""
    return one.upstream_url == other.upstream_url and one.providers.get(provider.key) == other.providers.get(
        provider.key
    )


def _label(outcome: str) -> str:
    """An outcome as metrics show it: without the provider's two digits."""
    return outcome[-3:] if outcome.isdigit() else outcome


def _ignore(_outcome: str, _status: int, _seconds: float | None) -> None:
    pass


def _access_log(settings: Settings, metrics: Metrics) -> AccessLog:
    try:
        return AccessLog(settings.access_log, lock=_shared_file("access-log.lock"), on_written=metrics.access_lines.inc)
    except OSError as error:
        raise SettingsError(
            f"{environment_name('access_log')}: {settings.access_log}: {error.strerror}. Name another file."
        ) from error


def _shared_file(name: str) -> Path | None:
    """A file that the workers of this gateway share; None for a process that serves alone."""
    folder = os.environ.get(MULTIPROCESS_DIR)
    return None if folder is None else Path(folder) / name


def _options(settings: Settings) -> Options:
    def user_id_required(endpoint: Endpoint) -> bool:
        match settings.user_id_required:
            case UserIdRequired.ALL:
                return True
            case UserIdRequired.V2:
                return endpoint.version == FLAT_VERSION
            case UserIdRequired.NONE:
                return False

    return Options(
        user_id_required=user_id_required,
        forbid_banned=settings.ban_action is BanAction.FORBID,
        shadow=settings.limits is Limits.SHADOW,
        dossier_seconds=settings.upstream_timeout,
        refuse_duplicates=settings.duplicates is Duplicates.REFUSE,
    )
