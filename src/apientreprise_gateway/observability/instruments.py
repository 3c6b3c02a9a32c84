"""Metrics declared as fields of a dataclass, and made from these declarations.

Name, help and labels stand beside the field's name:

    bans: Callable[[str], Counter] = counters("gateway_bans", "Addresses banned, by reason", "reason")

The functions below return a field that holds a `Declaration`, under the type of what `Maker` will put there. Children
are kept by their labels, because looking one up in the client library costs more than adding to it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from enum import Enum, StrEnum, auto
from functools import cache
from typing import Any, Final, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from apientreprise_gateway.observability.hot import HotCounter, HotGauge, HotHistogram, HotMetrics
from apientreprise_gateway.observability.shared import Merge

OTHER: Final = "other"
"""The label under which values are counted once as many as allowed have a label of their own."""
_KEY: Final = "metric"


class Kind(Enum):
    """The type of a metric, and whether the hot path counts it (`hot.py`)."""

    COUNTER = auto()
    HOT_COUNTER = auto()
    GAUGE = auto()
    HOT_GAUGE = auto()
    STATE_GAUGE = auto()
    HOT_HISTOGRAM = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """All that a metric is made from."""

    kind: Kind
    name: str
    """Without the `_total` of a counter."""
    text: str
    """What Prometheus shows as its help."""
    labels: tuple[str, ...] = ()
    merge: Merge = "livesum"
    """How the gauges of several workers become one."""
    buckets: tuple[float, ...] = ()
    """The upper bounds of a histogram."""
    most: int | None = None
    """How many values of its label are counted by themselves, where they come from outside; more are `OTHER`."""


def _declared(kind: Kind, name: str, text: str, labels: tuple[str, ...] = (), **more: Any) -> Any:
    return field(metadata={_KEY: Declaration(kind=kind, name=name, text=text, labels=labels, **more)})


def counter(name: str, text: str) -> Counter:
    """Declare a counter."""
    return _declared(Kind.COUNTER, name, text)  # type: ignore[no-any-return]  # the field, until it is made


def counters(name: str, text: str, *labels: str) -> Callable[..., Counter]:
    """Declare a counter with labels."""
    return _declared(Kind.COUNTER, name, text, labels)  # type: ignore[no-any-return]


def hot_counters(name: str, text: str, *labels: str, most: int | None = None) -> Callable[..., HotCounter]:
    """Declare a counter with labels that calls add to."""
    return _declared(Kind.HOT_COUNTER, name, text, labels, most=most)  # type: ignore[no-any-return]


def gauge(name: str, text: str, *, merge: Merge) -> Gauge:
    """Declare a gauge."""
    return _declared(Kind.GAUGE, name, text, merge=merge)  # type: ignore[no-any-return]


def gauges(name: str, text: str, *labels: str, merge: Merge) -> Callable[..., Gauge]:
    """Declare a gauge with labels."""
    return _declared(Kind.GAUGE, name, text, labels, merge=merge)  # type: ignore[no-any-return]


def hot_gauge(name: str, text: str) -> HotGauge:
    """Declare a gauge that calls move."""
    return _declared(Kind.HOT_GAUGE, name, text)  # type: ignore[no-any-return]


def state_gauge(name: str, text: str, *labels: str) -> Callable[..., None]:
    """Declare a gauge that shows 1 for one state and 0 for the others; its last label is the state."""
    return _declared(Kind.STATE_GAUGE, name, text, labels)  # type: ignore[no-any-return]


def hot_histogram(name: str, text: str, *, buckets: tuple[float, ...]) -> HotHistogram:
    """Declare a histogram."""
    return _declared(Kind.HOT_HISTOGRAM, name, text, buckets=buckets)  # type: ignore[no-any-return]


def hot_histograms(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Callable[..., HotHistogram]:
    """Declare a histogram with labels."""
    return _declared(Kind.HOT_HISTOGRAM, name, text, labels, buckets=buckets)  # type: ignore[no-any-return]


def declarations(of: type) -> Iterator[tuple[str, Declaration]]:
    """The metrics that a dataclass declares, by the names of their fields."""
    for each in fields(of):
        if _KEY in each.metadata:
            yield each.name, each.metadata[_KEY]


class Maker:
    """Makes metrics from their declarations, on one registry."""

    def __init__(self, registry: CollectorRegistry, hot: HotMetrics) -> None:
        self._registry = registry
        self._hot = hot

    def make(self, declared: Declaration) -> object:
        """The metric to add to; for one with labels, a function that gives the child for their values."""
        metric = self._metric(declared)
        if declared.kind is Kind.STATE_GAUGE:
            return StateGauge(metric)
        wrap = self._wrapper(declared.kind)
        if not declared.labels:
            return wrap(metric)

        def child(*labels: object) -> object:
            return wrap(metric.labels(*labels))

        return cache(child) if declared.most is None else _Bounded(child, most=declared.most)

    def _metric(self, declared: Declaration) -> Any:
        name, text, labels = declared.name, declared.text, declared.labels
        match declared.kind:
            case Kind.COUNTER | Kind.HOT_COUNTER:
                return Counter(name, text, labels, registry=self._registry)
            case Kind.GAUGE | Kind.HOT_GAUGE | Kind.STATE_GAUGE:
                return Gauge(name, text, labels, registry=self._registry, multiprocess_mode=declared.merge)
            case Kind.HOT_HISTOGRAM:
                return Histogram(name, text, labels, buckets=declared.buckets, registry=self._registry)

    def _wrapper(self, kind: Kind) -> Callable[[Any], object]:
        match kind:
            case Kind.HOT_COUNTER:
                return self._hot.counter
            case Kind.HOT_GAUGE:
                return self._hot.gauge
            case Kind.HOT_HISTOGRAM:
                return self._hot.histogram
            case _:
                return lambda metric: metric


class StateGauge:
    """A gauge with a child for each state of something that is in one state at a time."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge

    def __call__(self, *labels: str | StrEnum) -> None:
        """Show a state, the last of the labels: 1 for it, and 0 for the others of its enumeration."""
        *others, state = labels
        for each in cast("type[StrEnum]", type(state)):
            self._gauge.labels(*others, each).set(each is state)


class _Bounded:
    """Children of a metric by one label; values beyond the first `most` share the child `OTHER`."""

    def __init__(self, child: Callable[[str], object], *, most: int) -> None:
        self._child = child
        self._most = most
        self._others = child(OTHER)
        self._own: dict[str, object] = {}

    def __call__(self, label: str) -> object:
        found = self._own.get(label)
        if found is None:
            if len(self._own) >= self._most:
                return self._others
            found = self._own[label] = self._child(label)
        return found
