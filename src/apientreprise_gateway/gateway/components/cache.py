"""Makes the cache of answers."""

from dataclasses import dataclass
from functools import partial
from typing import Final, Self

import structlog
from pydantic import SecretStr

from apientreprise_gateway.cache.memory import MemoryCache
from apientreprise_gateway.cache.port import AnswerCache
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

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Select them from all settings."""
        return cls(
            store=settings.cache,
            cache_redis_url=settings.cache_redis_url,
            redis_url=settings.redis_url,
            max_bytes=settings.cache_bytes,
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


CacheComponent = Component[CacheSettings, AnswerCache | None]


def cache_component(context: Context, *, former: CacheComponent | None) -> CacheComponent:
    """The component of the cache, which a reload keeps; its part is None if the cache is off."""

    def make(own: CacheSettings) -> CacheComponent:
        part = answer_cache(own, context.metrics, context.background)
        if part is None:
            return Component(name="cache", part=None, made_of=own)
        return Component(
            name="cache",
            part=part,
            made_of=own,
            start=part.start,
            background={"kept_answers": partial(gauges.kept_answers, context.metrics, part)},
            close=part.close,
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


def _tell_of_cache(metrics: Metrics, available: bool, reason: str) -> None:
    metrics.cache_available.set(available)
    tell = _log.info if available else _log.error
    tell("cache_state", available=available, reason=reason)
