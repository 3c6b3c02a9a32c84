"""Metrics of the hot path: plain numbers, handed to the Prometheus client library only when they are to be read.

The library's own counters take a lock for each addition, and where several workers share their metrics, a system call
and a write to a file. One call adds to ten of them. Only the event loop's thread may add; any thread may read.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Iterable
from threading import Lock
from typing import Final, Protocol, TypeVar

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_DELAY: Final = 0.01
"""Seconds after an addition until the other workers can read it: one write for all additions of that time."""


class _Hot(Protocol):
    def flush(self) -> None:
        """Hand over to the client library what is new."""


_T = TypeVar("_T", bound=_Hot)


class HotMetrics(Collector):
    """The hot metrics of one process; registered before them, it brings them up to date for every scrape."""

    def __init__(self, *, shared: bool) -> None:
        """Begin without metrics.

        Args:
            shared: whether other processes show these metrics too, so that they must not wait for our own scrape.
        """
        self._metrics: list[_Hot] = []
        self._lock = Lock()
        self.will_flush = not shared
        """Whether a scrape or a timer will hand additions over anyway, so that none need be scheduled."""

    def counter(self, child: Counter) -> "HotCounter":
        """A counter that adds to one of the client library."""
        return self._add(HotCounter(self, child))

    def histogram(self, child: Histogram) -> "HotHistogram":
        """A histogram that adds to one of the client library."""
        return self._add(HotHistogram(self, child))

    def gauge(self, child: Gauge) -> "HotGauge":
        """A gauge that sets one of the client library."""
        return self._add(HotGauge(self, child))

    def _add(self, metric: _T) -> _T:
        with self._lock:
            self._metrics.append(metric)
        return metric

    def schedule_flush(self) -> None:
        """Hand over soon what is new; call it in the event loop."""
        asyncio.get_running_loop().call_later(_DELAY, self._flush_as_scheduled)
        self.will_flush = True

    def _flush_as_scheduled(self) -> None:
        self.will_flush = False
        self.flush()

    def flush(self) -> None:
        """Hand over to the client library all that is new."""
        with self._lock:
            for metric in self._metrics:
                metric.flush()

    def collect(self) -> Iterable[Metric]:
        """Bring the metrics up to date that are collected after this; it has no samples of its own."""
        self.flush()
        return ()


class HotCounter:
    """A counter for calls to add to."""

    __slots__ = ("_child", "_flushed", "_hot", "value")

    def __init__(self, hot: HotMetrics, child: Counter) -> None:
        self._hot = hot
        self._child = child
        self.value = self._flushed = 0
        """May be added to without `inc` just before another metric is told, with which it is handed over."""

    def inc(self) -> None:
        self.value += 1
        if not self._hot.will_flush:
            self._hot.schedule_flush()

    def flush(self) -> None:
        value = self.value
        if value != self._flushed:
            self._child.inc(value - self._flushed)
            self._flushed = value


class HotGauge:
    """A gauge for calls to move."""

    __slots__ = ("_child", "_flushed", "_hot", "_value")

    def __init__(self, hot: HotMetrics, child: Gauge) -> None:
        self._hot = hot
        self._child = child
        self._value = self._flushed = 0

    def inc(self) -> None:
        self._value += 1
        if not self._hot.will_flush:
            self._hot.schedule_flush()

    def dec(self) -> None:
        self._value -= 1
        if not self._hot.will_flush:
            self._hot.schedule_flush()

    def flush(self) -> None:
        if self._value != self._flushed:
            self._flushed = self._value
            self._child.set(self._flushed)


class HotHistogram:
    """A histogram for calls to add to."""

    __slots__ = ("_bounds", "_child", "_counts", "_flushed", "_flushed_sum", "_hot", "_sum")

    def __init__(self, hot: HotMetrics, child: Histogram) -> None:
        self._hot = hot
        self._child = child
        self._bounds: list[float] = child._upper_bounds
        self._counts = [0] * len(self._bounds)
        self._flushed = [0] * len(self._bounds)
        self._sum = self._flushed_sum = 0.0

    def observe(self, amount: float) -> None:
        self._counts[bisect_left(self._bounds, amount)] += 1
        self._sum += amount
        if not self._hot.will_flush:
            self._hot.schedule_flush()

    def flush(self) -> None:
        if self._sum == self._flushed_sum and self._counts == self._flushed:
            return
        counts, total = self._counts.copy(), self._sum
        # The library's histogram takes single observations only; its buckets and its sum take totals.
        for bucket, count, flushed in zip(self._child._buckets, counts, self._flushed, strict=True):
            if count != flushed:
                bucket.inc(count - flushed)
        self._child._sum.inc(total - self._flushed_sum)
        self._flushed, self._flushed_sum = counts, total
