"""The parts of a gateway, each made from its settings.

What they tell of themselves is turned into metrics and lines of the log here. What cannot be made is a `SettingsError`,
which names the setting and the remedy.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from apientreprise_gateway.auth.jwks import FileKeySet, KeySet, RemoteKeySet
from apientreprise_gateway.auth.keys import KeyRing, secret_keys
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.revocation import Known
from apientreprise_gateway.cache.memory import MemoryCache
from apientreprise_gateway.cache.port import AnswerCache
from apientreprise_gateway.config.private import default_folder
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import FLAT_VERSION
from apientreprise_gateway.dataplane.admission import Admission
from apientreprise_gateway.dataplane.downloads import Serving
from apientreprise_gateway.dataplane.pipeline import Options
from apientreprise_gateway.dataplane.validation import AnswerValidator
from apientreprise_gateway.documents.service import DocumentService, longest_answer
from apientreprise_gateway.gateway.copies import Copy
from apientreprise_gateway.gateway.denials import Denials
from apientreprise_gateway.gateway.series import FETCH_OUTCOMES, StorePart
from apientreprise_gateway.gateway.settings import (
    PROVIDER_PREFIX,
    BanAction,
    BreakerUse,
    CacheStore,
    Duplicates,
    Limits,
    RevocationsUnknown,
    Settings,
    SettingsError,
    StoreFailure,
    UserIdRequired,
    ValidateUpstream,
    WindowKind,
    environment_name,
)
from apientreprise_gateway.net import tls
from apientreprise_gateway.observability.access_log import AccessLog
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.leftover import Leftover
from apientreprise_gateway.observability.metrics import MULTIPROCESS_DIR, Metrics
from apientreprise_gateway.observability.sink import Sink, open_file, standard
from apientreprise_gateway.observability.tracing import Recorder
from apientreprise_gateway.pings.board import Board, NoBoard
from apientreprise_gateway.pings.redis import RedisBoard
from apientreprise_gateway.providers.entreprise.groups import GROUPS
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.ratelimit.bans import Ban
from apientreprise_gateway.ratelimit.lua import first_call, sliding
from apientreprise_gateway.ratelimit.memory import MemoryLimiter
from apientreprise_gateway.ratelimit.policy import Policy
from apientreprise_gateway.ratelimit.redis import Mode, RedisLimiter
from apientreprise_gateway.ratelimit.windows import FirstCallWindow, SlidingWindow, Window
from apientreprise_gateway.server.buffers import Budget
from apientreprise_gateway.server.limits import ConnectionLimits
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.errors import About
from apientreprise_gateway.store.link import link
from apientreprise_gateway.store.url import RedisUrl, parse_url
from apientreprise_gateway.upstream.assembly import Defaults, make_upstream
from apientreprise_gateway.upstream.breaker import State
from apientreprise_gateway.upstream.settings import ProviderSettings
from apientreprise_gateway.upstream.upstream import Upstream

OF_THE_LIMITER: Final = ("redis_url", "store_failure", "limits", "limit_ip", "ignored_429_limit", "window")
"""The settings that a limiter depends on."""
OF_THE_RECORDER: Final = ("traces_url", "traces_share")
"""The settings that the recording of spans depends on."""
OF_THE_CACHE: Final = ("cache", "cache_redis_url", "redis_url", "cache_bytes")
"""The settings that a cache depends on."""
OF_THE_DESK: Final = ("documents", "document_seconds", "document_max_bytes")
"""The settings that the keeping of documents depends on."""
TLS_FILES: Final = (environment_name("tls_certificate"), environment_name("tls_key"))
OF_THE_KEYS: Final = ("jwks", "jwks_refresh", "jwks_copy")
"""The settings that the public keys depend on."""

_WINDOWS: Final[Mapping[WindowKind, Callable[[], Window]]] = {
    WindowKind.SLIDING: SlidingWindow,
    WindowKind.FIRST_CALL: FirstCallWindow,
}
_SCRIPTS: Final = {WindowKind.SLIDING: sliding, WindowKind.FIRST_CALL: first_call}
_CACHE_BYTES: Final = {CacheStore.MEMORY: 64 * 1024 * 1024, CacheStore.REDIS: 256 * 1024 * 1024}
_POLL_TIMEOUT: Final = 0.5
_log = structlog.get_logger(__name__)


def metrics() -> Metrics:
    """Where everything is counted.

    Raises:
        SettingsError: there is no room for what workers share.
    """
    try:
        return Metrics()
    except OSError as error:
        raise SettingsError(
            f"{MULTIPROCESS_DIR}: no metrics can be kept there ({error}). Workers are given it by the gateway itself: "
            "make room in TMPDIR, or unset it if it is yours."
        ) from error


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
            metrics.key_fetches(FETCH_OUTCOMES[well]).inc()

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


def token_registry(settings: Settings) -> TokenRegistry:
    """What is known of single tokens, by the settings.

    Raises:
        SettingsError: the file cannot be used.
    """
    try:
        return TokenRegistry(settings.tokens)
    except ValueError as error:
        raise SettingsError(f"{environment_name('tokens')}: {error}. Correct the file.") from error


def denials(
    settings: Settings,
    *,
    registry: TokenRegistry,
    limiter: MemoryLimiter | RedisLimiter,
    metrics: Metrics,
    known: Known | None = None,
    is_known: bool = False,
) -> Denials | None:
    """What follows the revocations and bans in Redis, if there is one.

    Args:
        settings: enough to serve.
        registry: told of the revoked tokens.
        limiter: told of the banned addresses.
        metrics: told of what is known.
        known: revocations that are known already, from before a reload.
        is_known: whether those are all of this Redis, as of some moment.
    """
    metrics.revocations_known.set(1)
    if settings.redis_url is None or isinstance(limiter, MemoryLimiter):
        return None
    address = parse_url(settings.redis_url.get_secret_value())

    def on_state(is_known: bool, tokens: int) -> None:
        metrics.revocations_known.set(is_known)
        metrics.revocations.set(tokens)

    return Denials(
        client(address, timeout=_POLL_TIMEOUT),
        registry=registry,
        limiter=limiter,
        copies=copies_of_denials(settings, address),
        refuses_unknown=settings.revocations_unknown is RevocationsUnknown.REFUSE,
        known=known,
        is_known=is_known,
        on_state=on_state,
        on_read=metrics.revocations_read.set,
        on_copy_failure=lambda action: metrics.revocations_copy_failures(action).inc(),
    )


def copies_of_denials(settings: Settings, address: RedisUrl) -> list[Copy]:
    """Where what is revoked and banned is kept: for the workers of this gateway, and for whoever starts after it."""
    # What a gateway on trial bans is no other one's business.
    of = f"{address.name} {settings.limits.value}"
    path = settings.revocations_copy
    if path is None:
        name = hashlib.sha256(of.encode()).hexdigest()[:16]
        kept = Copy(default_folder("revocations") / f"{name}.json", of=of, is_private=True)
    else:
        kept = Copy(path, of=of)
    shared = shared_file("revocations.json")
    return [kept] if shared is None else [Copy(shared, of=of, is_shared=True), kept]


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


def file_digests(settings: Settings) -> dict[str, bytes]:
    """What is in the files that only a start or a reload reads, by the settings that name them.

    Files that are watched, of keys and tokens, tell of their changes themselves.
    """
    files = dict(zip(TLS_FILES, ([settings.tls_certificate], [settings.tls_key]), strict=True))
    for provider, own in settings.providers.items():
        files[f"{PROVIDER_PREFIX}{provider.upper()}"] = [own.ca, own.client_certificate, own.client_key]
    return {name: b"".join(map(_digest, paths)) for name, paths in files.items()}


def _digest(path: Path | None) -> bytes:
    try:
        return b"" if path is None else hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return b""


def connection_limits(
    settings: Settings, metrics: Metrics, *, before: ConnectionLimits | None = None
) -> ConnectionLimits:
    """How long connections are kept, how many, and what they may hold; with `before`, what they hold counts on."""
    untaken, unanswered = (Budget(), Budget()) if before is None else (before.untaken, before.unanswered)
    untaken.most = unanswered.most = settings.waiting_bytes
    return ConnectionLimits(
        untaken=untaken,
        unanswered=unanswered,
        keep_alive=settings.keep_alive,
        client_timeout=settings.client_timeout,
        max_connections=settings.max_connections,
        on_closed=lambda reason: metrics.connections_cut(reason).inc(),
    )


def limiter(
    settings: Settings,
    metrics: Metrics,
    *,
    predecessor: MemoryLimiter | RedisLimiter | None = None,
    background: Background | None = None,
) -> MemoryLimiter | RedisLimiter:
    """What counts calls, and bans.

    Args:
        settings: enough to serve.
        metrics: told of bans, and of who decides.
        predecessor: of the same kind, shadow or not. Its bans are handed over; its windows too, if it counts alone.
        background: keeps the tasks of one in Redis going.
    """
    shadow = settings.limits is Limits.SHADOW
    on_ban = partial(_tell_of_ban, metrics, shadow=shadow)
    memory = MemoryLimiter(
        ip_limit=settings.limit_ip,
        ignored_429_limit=settings.ignored_429_limit,
        window=_WINDOWS[settings.window],
        shadow=shadow,
        on_ban=on_ban,
    )
    if predecessor is not None:
        predecessor.hand_over(memory)
    if settings.redis_url is None:
        metrics.store_mode(Mode.SHARED)
        return memory
    made = RedisLimiter(
        link(parse_url(settings.redis_url.get_secret_value())),
        ip_limit=settings.limit_ip,
        ignored_429_limit=settings.ignored_429_limit,
        window=_SCRIPTS[settings.window](),
        fallback=memory if settings.store_failure is StoreFailure.LOCAL else None,
        shadow=shadow,
        on_mode=partial(_tell_of_mode, metrics),
        on_ban=on_ban,
        on_fault=partial(_tell_of_fault, metrics, StorePart.LIMITS),
        background=background,
    )
    if predecessor is not None:
        made.add_bans(predecessor.bans_in_force())
    return made


def _tell_of_fault(metrics: Metrics, part: StorePart, about: About) -> None:
    metrics.store_faults(part, about.value).inc()


def _tell_of_ban(metrics: Metrics, ban: Ban, *, shadow: bool) -> None:
    metrics.bans(ban.reason.value).inc()
    _log.warning("address_banned", address=ban.address, reason=ban.reason.value, count=ban.count, shadow=shadow)


def _tell_of_mode(metrics: Metrics, mode: Mode, reason: str) -> None:
    metrics.store_mode(mode)
    tell = _log.info if mode is Mode.SHARED else _log.error
    tell("store_mode", mode=mode.value, reason=reason)


def policy(settings: Settings) -> Policy:
    """The limits."""
    return Policy(GROUPS, {group.limit.setting: getattr(settings, group.limit.setting) for group in GROUPS})


def pipeline_options(settings: Settings) -> Options:
    """The choices that the pipeline makes itself."""

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


def answer_validator(settings: Settings, metrics: Metrics) -> AnswerValidator | None:
    """What compares answers with their schemas, if the settings want that."""
    if settings.validate_upstream is ValidateUpstream.OFF:
        return None
    return AnswerValidator(
        (endpoint.operation for provider in PROVIDERS for endpoint in provider.endpoints),
        sample=settings.validate_upstream is ValidateUpstream.SAMPLE,
        on_deviation=lambda operation: metrics.deviations(operation).inc(),
    )


def answer_cache(settings: Settings, metrics: Metrics, background: Background | None = None) -> AnswerCache | None:
    """What keeps answers, if the settings want that; a background keeps the tasks of one in Redis going.

    Raises:
        SettingsError: no Redis is named for it.
    """
    metrics.cache_available.set(1)
    if settings.cache is CacheStore.OFF:
        return None
    max_bytes = settings.cache_bytes or _CACHE_BYTES[settings.cache]
    if settings.cache is CacheStore.MEMORY:
        return MemoryCache(max_bytes=max_bytes)
    from apientreprise_gateway.cache.redis import RedisCache  # noqa: PLC0415 - most gateways do without

    return RedisCache(
        link(parse_url(cache_url(settings))),
        max_bytes=max_bytes,
        on_change=partial(_tell_of_cache, metrics),
        on_fault=partial(_tell_of_fault, metrics, StorePart.CACHE),
        background=background,
    )


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


def _tell_of_cache(metrics: Metrics, available: bool, reason: str) -> None:
    metrics.cache_available.set(available)
    tell = _log.info if available else _log.error
    tell("cache_state", available=available, reason=reason)


def downloads(desk: DocumentService, *, admission: Admission, metrics: Metrics, access_log: AccessLog) -> Serving:
    """What answers the links to documents."""
    return Serving(
        desk.store,
        seals=desk.seals,
        downloads=desk.downloads,
        longest=desk.seconds,
        admission=admission,
        metrics=metrics,
        access_log=access_log,
    )


def document_desk(settings: Settings, *, metrics: Metrics | None = None) -> DocumentService:
    """What keeps documents, as the settings say.

    Raises:
        SettingsError: the folder or the bucket cannot be used.
    """
    try:
        return DocumentService(
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


def public_url(settings: Settings) -> str | None:
    """What callers reach the gateway at, without a slash at its end; None if only they know."""
    return None if settings.public_url is None else str(settings.public_url).rstrip("/")


def ping_board(settings: Settings, metrics: Metrics) -> Board:
    """Where processes tell each other how sources of data do."""
    if settings.redis_url is None:
        return NoBoard()
    return RedisBoard(
        client(parse_url(settings.redis_url.get_secret_value()), timeout=_POLL_TIMEOUT),
        on_fault=partial(_tell_of_fault, metrics, StorePart.PINGS),
    )


def span_recorder(settings: Settings) -> Recorder | None:
    """What records spans, if the settings want that.

    Raises:
        SettingsError: the extra is not installed.
    """
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


def access_log(settings: Settings, metrics: Metrics) -> AccessLog:
    """The access log.

    Raises:
        SettingsError: the file cannot be opened.
    """
    folder = shared_file("")
    return AccessLog(
        access_sink(settings),
        on_written=metrics.access_lines.inc,
        on_lost=metrics.access_lines_lost.inc,
        leftover=None if folder is None else Leftover(folder),
    )


def access_sink(settings: Settings) -> Sink:
    """Where access lines go.

    Raises:
        SettingsError: the file cannot be opened.
    """
    try:
        if settings.access_log is None:
            return standard(1, lock=shared_file("access-log.lock"))
        return open_file(settings.access_log)
    except OSError as error:
        where = settings.access_log or "standard output"
        raise SettingsError(
            f"{environment_name('access_log')}: {where}: {error.strerror}. Name another file."
        ) from error


def shared_file(name: str) -> Path | None:
    """A file that the workers of this gateway share; None for a process that serves alone."""
    folder = os.environ.get(MULTIPROCESS_DIR)
    return None if folder is None else Path(folder) / name
