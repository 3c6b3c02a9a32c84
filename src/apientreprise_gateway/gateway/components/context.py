"""What every component of a gateway is made with."""

from dataclasses import dataclass

from apientreprise_gateway.gateway.settings import Settings
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The settings of a gateway, and where its components tell of themselves."""

    settings: Settings
    metrics: Metrics
    background: Background
    """Told of a start that fails without keeping the gateway from serving; keeps tasks going."""
