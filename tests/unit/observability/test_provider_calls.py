"""Tests of what is noted of calls to providers."""

from typing import Any

import pytest

from apientreprise_gateway.contract.codes import PROVIDER_ERRORS
from apientreprise_gateway.observability import tracing
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.observability.provider_calls import ABANDONED, OK, CallCounts, ProviderCalls

TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-%b"


@pytest.mark.parametrize(
    ("outcome", "status", "works"),
    [
        (OK, 200, True),
        (OK, 206, True),
        (OK, 301, True),
        ("01003", 404, True),
        ("01005", 451, True),
        ("38422", 404, True),
        ("03103", 422, True),
        ("04501", 502, True),
        ("01006", 502, False),
        ("01008", 502, False),
        ("01999", 502, False),
        ("17501", 503, False),
        ("00501", 502, False),
        ("01020", 503, None),
        (ABANDONED, 0, None),
    ],
)
def test_what_a_call_proves(outcome: str, status: int, works: bool | None) -> None:
    """A source works if it answers, whatever it says; maintenance and calls given up prove nothing."""
    counts = CallCounts(answers=("04501",))
    counts.count(outcome, status)

    assert counts.works(outcome, status) is works
    assert (counts.good, counts.bad) == (int(works is True), int(works is False))


@pytest.mark.parametrize(("subcode", "status"), [(code, kind.status) for code, kind in PROVIDER_ERRORS.items()])
def test_every_error_of_a_provider_is_judged(subcode: str, status: int) -> None:
    """Every error with the status of a failure speaks against the source, but planned maintenance."""
    works = CallCounts().works(f"01{subcode}", status)
    assert works is (None if subcode == "020" else status < 500)


class Spans:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.asked_of: list[tuple[str, float, tracing.Attributes, bool]] = []

    def begins(self) -> bool:
        return False

    def served(self, *_: Any, **__: Any) -> None:
        raise AssertionError("this is about providers")

    def asked(
        self, trace: tracing.Trace, name: str, seconds: float, attributes: tracing.Attributes, *, failed: bool
    ) -> None:
        assert trace is tracing.CURRENT.get()
        self.asked_of.append((name, seconds, attributes, failed))

    def close(self) -> None:
        pass


def shown(metrics: Metrics, sample: str, **labels: str) -> float | None:
    """The value of a sample."""
    return metrics.registry.get_sample_value(sample, labels)


@pytest.mark.parametrize(
    ("outcome", "status", "label"), [(OK, 200, "ok"), ("01003", 404, "003"), (ABANDONED, 0, "abandoned")]
)
def test_a_call_is_counted_with_its_seconds(outcome: str, status: int, label: str) -> None:
    """A call that was made adds to the metrics of its provider, without the provider's two digits."""
    metrics = Metrics()
    ProviderCalls("essai", counts=CallCounts(), metrics=metrics)(outcome, status, 0.5)

    assert shown(metrics, "gateway_provider_calls_total", provider="essai", outcome=label) == 1
    assert shown(metrics, "gateway_provider_seconds_sum", provider="essai") == 0.5


def test_a_call_that_was_not_made_has_no_seconds() -> None:
    """A provider that was not asked is counted by the reason, and took no time."""
    metrics = Metrics()
    ProviderCalls("essai", counts=CallCounts(), metrics=metrics)("open", 502, None)

    assert shown(metrics, "gateway_provider_calls_total", provider="essai", outcome="open") == 1
    assert shown(metrics, "gateway_provider_seconds_count", provider="essai") is None


def test_a_call_speaks_for_its_source() -> None:
    """Every call is counted as good or bad for the pings."""
    counts = CallCounts()
    note = ProviderCalls("essai", counts=counts, metrics=Metrics())
    note(OK, 200, 0.1)
    note("01002", 504, 0.1)

    assert (counts.good, counts.bad) == (1, 1)


@pytest.mark.parametrize(("status", "failed"), [(200, False), (404, False), (502, True), (0, True)])
def test_a_sampled_trace_gets_a_span(status: int, failed: bool) -> None:
    """A call that was made for a sampled trace is recorded, as failed where no answer or a failure came."""
    spans = Spans()
    note = ProviderCalls("essai", counts=CallCounts(), metrics=Metrics(), recorder=spans)
    tracing.enter([(b"traceparent", TRACEPARENT % b"01")], recorder=None)
    note("01003", status, 0.25)
    note("open", 502, None)
    tracing.leave()

    attributes = {"gateway.provider": "essai", "gateway.outcome": "01003", "http.response.status_code": status}
    assert spans.asked_of == [("essai", 0.25, attributes, failed)]


def test_other_calls_get_no_span() -> None:
    """A call without a trace, or for one that is not sampled, is not recorded."""
    spans = Spans()
    note = ProviderCalls("essai", counts=CallCounts(), metrics=Metrics(), recorder=spans)
    note(OK, 200, 0.25)
    tracing.enter([(b"traceparent", TRACEPARENT % b"00")], recorder=None)
    note(OK, 200, 0.25)
    tracing.leave()

    assert not spans.asked_of
