"""What the status page measures, as metrics: minutes as they are counted, availability of the month, promises."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from apientreprise_gateway.status.availability import Counts
from apientreprise_gateway.status.components import Component
from apientreprise_gateway.status.judging import State


class StatusMetrics:
    """The metrics of probers, in a registry of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ours: dict[str, Any] = {"registry": registry}
        recent = ours | {"multiprocess_mode": "mostrecent"}
        self._minutes = Counter(
            "portal_status_minutes",
            "Minutes measured by any process, by component and state",
            ("component", "state"),
            **ours,
        )
        self._month = Gauge(
            "portal_status_availability", "Share of good minutes of this month", ("component",), **recent
        )
        self._promise = Gauge("portal_status_promise", "Promised share of good minutes", ("component",), **recent)

    def begin(self, components: Iterable[Component]) -> None:
        """Show every component before its first minute: alerts ask how much a counter has grown."""
        for component in components:
            for state in State:
                self._minutes.labels(component.id, state.value)
            if component.promise is not None:
                self._promise.labels(component.id).set(component.promise)

    def count(self, component: str, state: State, number: int = 1) -> None:
        """Count minutes of a component."""
        self._minutes.labels(component, state.value).inc(number)

    def month(self, days: Mapping[str, Mapping[date, Counts]]) -> None:
        """Show the availability of components, by their days of this month."""
        for component, counts in days.items():
            share = sum(counts.values(), Counts()).availability
            if share is not None:
                self._month.labels(component).set(share)
