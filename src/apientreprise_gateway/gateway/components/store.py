"""What all components that use Redis have in common."""

from typing import Final

from apientreprise_gateway.gateway.series import StorePart
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.store.errors import About

POLL_TIMEOUT: Final = 0.5
"""Seconds that Redis may take to answer when no call waits for it."""


def tell_of_fault(metrics: Metrics, part: StorePart, about: About) -> None:
    """Count an error that is about one key or one command."""
    metrics.store_faults(part, about.value).inc()
