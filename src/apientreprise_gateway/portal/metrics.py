"""What the portal counts of itself."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from apientreprise_gateway.portal.publishing import PublishingMetrics
from apientreprise_gateway.portal.work_metrics import WorkMetrics
from apientreprise_gateway.status.metrics import StatusMetrics

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class PortalMetrics:
    """The metrics of a portal, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        ours: dict[str, Any] = {"registry": self.registry}
        self.answers = Counter(
            "portal_answers", "Pages and other answers, by route and status", ("route", "status"), **ours
        )
        self.seconds = Histogram(
            "portal_answer_seconds", "Time from a request to its answer, by route", ("route",), buckets=_BUCKETS, **ours
        )
        self.refused = Counter("portal_refused", "Requests refused, by reason", ("reason",), **ours)
        self.webhooks = Counter("portal_webhooks", "Events that DataPass sent, by outcome", ("outcome",), **ours)
        self.logins = Counter("portal_logins", "Logins, by way and outcome", ("way", "outcome"), **ours)
        self.publishing = PublishingMetrics(self.registry)
        self.status = StatusMetrics(self.registry)
        self.failures = Counter("portal_background_failures", "Failures of background work, by task", ("task",), **ours)
        self.work = WorkMetrics(self.registry)
