"""The context that every component of a gateway is made with."""

from dataclasses import dataclass

from apientreprise_gateway.gateway.settings import Settings
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The settings of a gateway, its metrics and its background tasks."""

    settings: Settings
    metrics: Metrics
    background: Background
    """Runs tasks; also reports the failure of a start that the gateway can serve without."""
