"""Assembly of the way to a provider from its settings."""

import sys
from dataclasses import dataclass
from typing import Final

from apientreprise_gateway import __version__
from apientreprise_gateway.catalogue.model import Provider
from apientreprise_gateway.providers.breaker import Breaker, Figures, OnChange
from apientreprise_gateway.providers.http import Pool
from apientreprise_gateway.providers.maintenance import Maintenance
from apientreprise_gateway.providers.settings import ProviderSettings
from apientreprise_gateway.providers.upstream import Upstream

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""Largest answer that is read; the largest of the catalogue has some hundred kilobytes."""
_NEVER: Final = Figures(calls=sys.maxsize, silent=sys.maxsize)
"""Of a breaker that does not open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for providers that say nothing else."""

    base_url: str | None
    timeout: float
    """Seconds."""
    max_calls: int
    breakers: bool = True
    """Whether there are circuit breakers at all."""


def make_upstream(provider: Provider, own: ProviderSettings, defaults: Defaults, *, on_change: OnChange) -> Upstream:
    """The way to a provider.

    Args:
        provider: who is called.
        own: its settings.
        defaults: what holds where they say nothing.
        on_change: told when its breaker changes.

    Raises:
        ValueError: a file that the settings name cannot be used; the text names it.
    """
    base_url = defaults.base_url if own.base_url is None else str(own.base_url)
    if base_url is None:
        raise ValueError("it has no base URL")
    timeout = own.timeout or defaults.timeout
    pool = Pool(
        base_url.rstrip("/"),
        timeout=timeout,
        max_body=MAX_BODY_BYTES,
        user_agent=f"apientreprise-gateway/{__version__}",
        proxy=None if own.proxy is None else own.proxy.get_secret_value(),
        max_calls=own.max_calls or defaults.max_calls,
    )
    return Upstream(
        provider,
        pool,
        timeout=timeout,
        breaker=Breaker(own.breaker.figures() if defaults.breakers else _NEVER, on_change=on_change),
        maintenance=Maintenance([window.window() for window in own.maintenance]) if own.maintenance else None,
    )
