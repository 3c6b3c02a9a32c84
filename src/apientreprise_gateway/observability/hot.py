"""Counting on the hot path: plain numbers, which the client library is told of when somebody wants to read them.

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


class _Told(Protocol):
    def tell(self) -> None:
        """Tell the client library what is new."""


_T = TypeVar("_T", bound=_Told)


class HotMetrics(Collector):
    """The tallies of one process; registered before their metrics, it brings those up to date for every scrape."""

    def __init__(self, *, shared: bool) -> None:
        """Begin without tallies.

        Args:
            shared: whether other processes show these metrics too, so that they must not wait for our own scrape.
        """
        self._tallies: list[_Told] = []
        self._lock = Lock()
        self.is_due = not shared
        """Whether nothing need be done about an addition: it will be told."""

    def counter(self, child: Counter) -> "HotCounter":
        """What adds to a counter."""
        return self._add(HotCounter(self, child))

    def histogram(self, child: Histogram) -> "HotHistogram":
        """What adds to a histogram."""
        return self._add(HotHistogram(self, child))

    def gauge(self, child: Gauge) -> "HotGauge":
        """What moves a gauge."""
        return self._add(HotGauge(self, child))

    def _add(self, tally: _T) -> _T:
        with self._lock:
            self._tallies.append(tally)
        return tally

    def plan(self) -> None:
        """Tell soon; call it in the event loop."""
        asyncio.get_running_loop().call_later(_DELAY, self._tell_as_planned)
        self.is_due = True

    def _tell_as_planned(self) -> None:
        self.is_due = False
        self.tell()

    def tell(self) -> None:
        """Tell the client library all that is new."""
        with self._lock:
            for tally in self._tallies:
                tally.tell()

    def collect(self) -> Iterable[Metric]:
        """Nothing of its own; see `prometheus_client.registry.Collector`."""
        self.tell()
        return ()


class HotCounter:
    """Adds to a counter."""

    __slots__ = ("_child", "_ledger", "_told", "_value")

    def __init__(self, ledger: HotMetrics, child: Counter) -> None:
        self._ledger = ledger
        self._child = child
        self._value = self._told = 0

    def inc(self) -> None:
        """Add one."""
        self._value += 1
        if not self._ledger.is_due:
            self._ledger.plan()

    def tell(self) -> None:
        """See `HotMetrics.tell`."""
        value = self._value
        if value != self._told:
            self._child.inc(value - self._told)
            self._told = value


class HotGauge:
    """Moves a gauge."""

    __slots__ = ("_child", "_ledger", "_told", "_value")

    def __init__(self, ledger: HotMetrics, child: Gauge) -> None:
        self._ledger = ledger
        self._child = child
        self._value = self._told = 0

    def inc(self) -> None:
        """Go up by one."""
        self._value += 1
        if not self._ledger.is_due:
            self._ledger.plan()

    def dec(self) -> None:
        """Go down by one."""
        self._value -= 1
        if not self._ledger.is_due:
            self._ledger.plan()

    def tell(self) -> None:
        """See `HotMetrics.tell`."""
        if self._value != self._told:
            self._told = self._value
            self._child.set(self._told)


class HotHistogram:
    """Adds to a histogram."""

    __slots__ = ("_bounds", "_child", "_counts", "_ledger", "_sum", "_told", "_told_sum")

    def __init__(self, ledger: HotMetrics, child: Histogram) -> None:
        self._ledger = ledger
        self._child = child
        self._bounds: list[float] = child._upper_bounds
        self._counts = [0] * len(self._bounds)
        self._told = [0] * len(self._bounds)
        self._sum = self._told_sum = 0.0

    def observe(self, amount: float) -> None:
        """Add an amount."""
        self._counts[bisect_left(self._bounds, amount)] += 1
        self._sum += amount
        if not self._ledger.is_due:
            self._ledger.plan()

    def tell(self) -> None:
        """See `HotMetrics.tell`."""
        if self._sum == self._told_sum and self._counts == self._told:
            return
        counts, total = self._counts.copy(), self._sum
        # The library can take over single observations only; its parts can add what many have come to.
        for bucket, count, told in zip(self._child._buckets, counts, self._told, strict=True):
            if count != told:
                bucket.inc(count - told)
        self._child._sum.inc(total - self._told_sum)
        self._told, self._told_sum = counts, total
