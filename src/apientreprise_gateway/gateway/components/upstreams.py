"""Makes the upstreams, through which providers are called."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self

import structlog

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.documents.service import longest_answer
from apientreprise_gateway.gateway.components.context import Context
from apientreprise_gateway.gateway.lifecycle import Component
from apientreprise_gateway.gateway.settings import PROVIDER_PREFIX, BreakerUse, Settings, SettingsError
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.upstream.assembly import Defaults, make_upstream
from apientreprise_gateway.upstream.breaker import State
from apientreprise_gateway.upstream.settings import ProviderSettings
from apientreprise_gateway.upstream.upstream import Upstream

OnBreaker = Callable[[str, State, str], None]
"""Called when a circuit breaker changes, with the provider's key, the new state and the reason."""
Upstreams = Mapping[str, Upstream]
"""The upstreams, by the providers' keys."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAddress:
    """The address and settings of one provider; what is known of the provider holds while they stay the same."""

    base_url: object
    own: ProviderSettings | None

    @classmethod
    def of(cls, settings: Settings, provider: Provider) -> Self:
        """Select those of a provider from all settings."""
        return cls(base_url=settings.upstream_url, own=settings.providers.get(provider.key))


UpstreamsComponent = Component[None, Upstreams]


def upstreams_component(context: Context, providers: Iterable[Provider]) -> UpstreamsComponent:
    """The component of the upstreams, made anew at each reload."""
    part = upstreams(context.settings, providers, on_breaker=partial(tell_of_breaker, context.metrics))
    for key in part:
        context.metrics.breaker_state(key, State.CLOSED)

    async def close() -> None:
        close_upstreams(part)

    return Component(name="upstreams", part=part, made_of=None, close=close)


def upstreams(
    settings: Settings,
    providers: Iterable[Provider],
    *,
    on_breaker: OnBreaker = lambda _provider, _state, _reason: None,
) -> Upstreams:
    """The upstreams of these providers.

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
    for provider in providers:
        own = settings.providers.get(provider.key, ProviderSettings())
        try:
            made[provider.key] = make_upstream(provider, own, defaults, on_change=partial(on_breaker, provider.key))
        except ValueError as error:
            raise SettingsError(f"{PROVIDER_PREFIX}{provider.key.upper()}: {error}. Correct it.") from error
    return made


def close_upstreams(upstreams: Upstreams) -> None:
    """Close every connection to a provider."""
    for upstream in upstreams.values():
        upstream.close()


def tell_of_breaker(metrics: Metrics, provider: str, state: State, reason: str) -> None:
    """Show and log the new state of a provider's circuit breaker."""
    metrics.breaker_state(provider, state)
    tell = _log.warning if state is State.OPEN else _log.info
    tell("breaker", provider=provider, state=state.value, reason=reason)
