"""Makes the cache of answers.

Answers about persons are in the same cache as the others, within the same bytes. In Redis they are sealed, and without
keys they are not kept at all: a cache in the memory of each process would make an answer depend on who is asked.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, Self

import structlog
from pydantic import SecretStr

from apientreprise_gateway.cache.memory import MemoryCache
from apientreprise_gateway.cache.port import AnswerCache
from apientreprise_gateway.config.keys import parse_key, parse_keys
from apientreprise_gateway.gateway import gauges
from apientreprise_gateway.gateway.components.context import Context
from apientreprise_gateway.gateway.components.store import tell_of_fault
from apientreprise_gateway.gateway.lifecycle import Component, inherited
from apientreprise_gateway.gateway.series import StorePart
from apientreprise_gateway.gateway.settings import CacheStore, Settings, SettingsError, environment_name
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.store.link import link
from apientreprise_gateway.store.url import parse_url

_BYTES: Final = {CacheStore.MEMORY: 64 * 1024 * 1024, CacheStore.REDIS: 256 * 1024 * 1024}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """The settings that the cache depends on."""

    store: CacheStore
    cache_redis_url: SecretStr | None
    redis_url: SecretStr | None
    max_bytes: int | None
    keys: SecretStr | None
    """What answers about persons are sealed with; None if they need not or cannot be."""
    pseudonym_key: SecretStr | None
    """Likewise, what names them."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Select them from all settings."""
        keys = settings.cache_keys if settings.cache is CacheStore.REDIS else None
        return cls(
            store=settings.cache,
            cache_redis_url=settings.cache_redis_url,
            redis_url=settings.redis_url,
            max_bytes=settings.cache_bytes,
            keys=keys,
            pseudonym_key=None if keys is None else settings.pseudonym_key,
        )

    def require_url(self) -> str:
        """The URL of the cache's Redis.

        Raises:
            SettingsError: no URL is set.
        """
        url = self.cache_redis_url or self.redis_url
        if url is None:
            raise SettingsError(
                f"{environment_name('cache')}: answers cannot be kept in Redis, as none is named. Set "
                f"{environment_name('redis_url')} or {environment_name('cache_redis_url')}, or keep them in memory."
            )
        return url.get_secret_value()


class AnswerCaches(NamedTuple):
    """Where answers are kept; None for nowhere."""

    common: AnswerCache | None
    persons: AnswerCache | None
    """Of answers about persons: the common one, or a layer around it."""


CacheComponent = Component[CacheSettings, AnswerCaches]


def cache_component(context: Context, *, former: CacheComponent | None) -> CacheComponent:
    """The component of the cache, which a reload keeps."""

    def make(own: CacheSettings) -> CacheComponent:
        common = answer_cache(own, context.metrics, context.background)
        part = AnswerCaches(common, None if common is None else _of_persons(own, common, context.metrics))
        if common is None:
            return Component(name="cache", part=part, made_of=own)
        return Component(
            name="cache",
            part=part,
            made_of=own,
            start=common.start,
            background={"kept_answers": partial(gauges.kept_answers, context.metrics, common)},
            close=common.close,
        )

    return inherited(former, CacheSettings.of(context.settings), make)


def answer_cache(settings: CacheSettings, metrics: Metrics, background: Background | None = None) -> AnswerCache | None:
    """The cache, None if it is off; `background` runs the tasks of a cache in Redis.

    Raises:
        SettingsError: it is to be in Redis, and no URL is set.
    """
    metrics.cache_available.set(1)
    if settings.store is CacheStore.OFF:
        return None
    max_bytes = settings.max_bytes or _BYTES[settings.store]
    if settings.store is CacheStore.MEMORY:
        return MemoryCache(max_bytes=max_bytes)
    from apientreprise_gateway.cache.redis import RedisCache  # noqa: PLC0415 - most gateways do without

    return RedisCache(
        link(parse_url(settings.require_url())),
        max_bytes=max_bytes,
        on_change=partial(_tell_of_cache, metrics),
        on_fault=partial(tell_of_fault, metrics, StorePart.CACHE),
        background=background,
    )


def _of_persons(settings: CacheSettings, common: AnswerCache, metrics: Metrics) -> AnswerCache | None:
    """Where answers about persons are kept: sealed outside of this process; without keys, not at all."""
    if settings.store is CacheStore.MEMORY:
        return common
    if settings.keys is None:
        return None
    from apientreprise_gateway.cache.sealed import SealedCache  # noqa: PLC0415 - as above

    naming = settings.pseudonym_key
    return SealedCache(
        common,
        keys=parse_keys(settings.keys.get_secret_value()),
        pseudonym_key=None if naming is None else parse_key(naming.get_secret_value()),
        on_unopened=metrics.cache_unopened.inc,
    )


def _tell_of_cache(metrics: Metrics, available: bool, reason: str) -> None:
    metrics.cache_available.set(available)
    tell = _log.info if available else _log.error
    tell("cache_state", available=available, reason=reason)
