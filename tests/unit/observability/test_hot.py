"""Tests of the hot metrics."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from apientreprise_gateway.observability.hot import HotMetrics

BOUNDS = (0.5, 1, 2.5)
AMOUNTS = st.lists(st.sampled_from([0.0, 0.4, 0.5, 0.6, 1.0, 2.5, 3.0, 1000.0]), max_size=20)


def registered(*, shared: bool = False) -> tuple[CollectorRegistry, HotMetrics]:
    """A registry with a hot."""
    registry, hot = CollectorRegistry(), HotMetrics(shared=shared)
    registry.register(hot)
    return registry, hot


def read(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    """The values of a scrape, but for when things were made."""
    return {
        (sample.name, str(sample.labels)): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_a_scrape_shows_what_was_added() -> None:
    """Each scrape shows all additions so far, and shows none twice."""
    registry, hot = registered()
    calls = hot.counter(Counter("calls", "Calls.", registry=registry))
    busy = hot.gauge(Gauge("busy", "Busy.", registry=registry))
    for number in range(1, 4):
        calls.inc()
        busy.inc()
        busy.inc()
        busy.dec()
        for _ in range(2):
            assert registry.get_sample_value("calls_total") == number
            assert registry.get_sample_value("busy") == number


@given(st.lists(AMOUNTS, max_size=4))
def test_a_hot_histogram_is_the_histogram(scrapes: Sequence[Sequence[float]]) -> None:
    """Whatever is observed and whenever it is read, the histogram is the one that the library would show."""
    registry, hot = registered()
    other = CollectorRegistry()
    seconds = hot.histogram(Histogram("seconds", "Seconds.", buckets=BOUNDS, registry=registry))
    plain = Histogram("seconds", "Seconds.", buckets=BOUNDS, registry=other)
    for amounts in scrapes:
        for amount in amounts:
            seconds.observe(amount)
            plain.observe(amount)
        shown, expected = read(registry), read(other)
        assert shown.pop(("seconds_sum", "{}")) == pytest.approx(expected.pop(("seconds_sum", "{}")))
        assert shown == expected


async def test_others_are_told_soon() -> None:
    """Where other processes show the metrics, they are told without a scrape, of every addition."""
    registry, hot = registered(shared=True)
    counter = Counter("calls", "Calls.", registry=registry)
    calls = hot.counter(counter)
    for number in range(1, 4):
        calls.inc()
        calls.inc()
        async with asyncio.timeout(30):
            while counter._value.get() != number * 2:
                await asyncio.sleep(0)
