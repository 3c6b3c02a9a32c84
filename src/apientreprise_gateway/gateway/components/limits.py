"""Makes the limiter, which counts calls and bans addresses, and the policy with its limits."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

import structlog
from pydantic import SecretStr

from apientreprise_gateway.contract.bans import Ban
from apientreprise_gateway.gateway.components.context import Context
from apientreprise_gateway.gateway.components.store import tell_of_fault
from apientreprise_gateway.gateway.lifecycle import Component, inherited
from apientreprise_gateway.gateway.series import StorePart
from apientreprise_gateway.gateway.settings import Limits, Settings, StoreFailure, WindowKind
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.ratelimit.lua import first_call, sliding
from apientreprise_gateway.ratelimit.memory import FirstCallWindow, MemoryLimiter, SlidingWindow
from apientreprise_gateway.ratelimit.policy import Policy
from apientreprise_gateway.ratelimit.redis import Mode, RedisLimiter
from apientreprise_gateway.ratelimit.windows import Window
from apientreprise_gateway.store.link import link
from apientreprise_gateway.store.url import parse_url

_WINDOWS: Final[Mapping[WindowKind, Callable[[int], Window]]] = {
    WindowKind.SLIDING: SlidingWindow,
    WindowKind.FIRST_CALL: FirstCallWindow,
}
_SCRIPTS: Final = {WindowKind.SLIDING: sliding, WindowKind.FIRST_CALL: first_call}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterSettings:
    """The settings that a limiter depends on."""

    redis_url: SecretStr | None
    store_failure: StoreFailure
    limits: Limits
    ip_limit: int
    ignored_429_limit: int
    window: WindowKind

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Select them from all settings."""
        return cls(
            redis_url=settings.redis_url,
            store_failure=settings.store_failure,
            limits=settings.limits,
            ip_limit=settings.limit_ip,
            ignored_429_limit=settings.ignored_429_limit,
            window=settings.window,
        )


AnyLimiter = MemoryLimiter | RedisLimiter
LimiterComponent = Component[LimiterSettings, AnyLimiter]


def limiter_component(context: Context, *, former: LimiterComponent | None) -> LimiterComponent:
    """The component of the limiter, which a reload keeps; a new one takes over its windows and bans."""

    def make(own: LimiterSettings) -> LimiterComponent:
        # Windows and bans of shadow mode must not be taken over by a limiter that enforces, nor the reverse.
        alike = former is not None and former.made_of.limits is own.limits
        predecessor = former.part if former and alike else None
        part = limiter(own, context.metrics, predecessor=predecessor, background=context.background)
        return Component(name="limits", part=part, made_of=own, start=part.start, close=part.close, closes_first=True)

    return inherited(former, LimiterSettings.of(context.settings), make)


def limiter(
    settings: LimiterSettings,
    metrics: Metrics,
    *,
    predecessor: AnyLimiter | None = None,
    background: Background | None = None,
) -> AnyLimiter:
    """The limiter: in Redis if a URL is set, else in memory.

    Args:
        settings: complete enough to serve.
        metrics: where bans and the mode are reported.
        predecessor: in the same mode, shadow or enforcing. Its bans are taken over; its windows too, if in memory.
        background: runs the tasks of a limiter in Redis.
    """
    shadow = settings.limits is Limits.SHADOW
    on_ban = partial(_tell_of_ban, metrics, shadow=shadow)
    memory = MemoryLimiter(
        ip_limit=settings.ip_limit,
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
        ip_limit=settings.ip_limit,
        ignored_429_limit=settings.ignored_429_limit,
        window=_SCRIPTS[settings.window](),
        fallback=memory if settings.store_failure is StoreFailure.LOCAL else None,
        shadow=shadow,
        on_mode=partial(_tell_of_mode, metrics),
        on_ban=on_ban,
        on_fault=partial(tell_of_fault, metrics, StorePart.LIMITS),
        background=background,
    )
    if predecessor is not None:
        made.add_bans(predecessor.bans_in_force())
    return made


def mode_of(limiter: AnyLimiter) -> str:
    """Who decides on limits and bans: `memory` for a gateway of one process, else a mode of Redis."""
    return limiter.mode.value if isinstance(limiter, RedisLimiter) else "memory"


def policy(settings: Settings, products: Iterable[Product]) -> Policy:
    """The policy: how many calls each group of endpoints allows within its window, and each ceiling of a product."""
    products = tuple(products)
    groups = [group for product in products for group in product.groups]
    ceilings = filter(None, (product.ceiling for product in products))
    limits = (*(group.limit for group in groups), *ceilings)
    return Policy(groups, {limit.setting: settings.limit(limit.setting) for limit in limits})


def _tell_of_ban(metrics: Metrics, ban: Ban, *, shadow: bool) -> None:
    metrics.bans(ban.reason.value).inc()
    _log.warning("address_banned", address=ban.address, reason=ban.reason.value, count=ban.count, shadow=shadow)


def _tell_of_mode(metrics: Metrics, mode: Mode, reason: str) -> None:
    metrics.store_mode(mode)
    tell = _log.info if mode is Mode.SHARED else _log.error
    tell("store_mode", mode=mode.value, reason=reason)
