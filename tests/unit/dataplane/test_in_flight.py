"""Tests of the calls that are being answered."""

import pytest

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.dataplane.checks import InFlight
from apientreprise_gateway.observability.metrics import Metrics


def duplicates(metrics: Metrics) -> float | None:
    """How many calls were made twice at the same time."""
    return metrics.registry.get_sample_value("gateway_duplicates_total")


def test_the_same_call_is_refused() -> None:
    """A call that is under way is refused until it has ended; another token's, or another one, is not."""
    metrics = Metrics()
    in_flight = InFlight(metrics=metrics, refuses=True)
    flight = in_flight.enter("one", "/v3/a")
    in_flight.enter("two", "/v3/a")
    in_flight.enter("one", "/v3/b")
    with pytest.raises(Refusal) as refused:
        in_flight.enter("one", "/v3/a")
    in_flight.leave(flight)

    assert [error.code for error in refused.value.errors] == ["00015"]
    assert duplicates(metrics) == 1
    assert in_flight.enter("one", "/v3/a") is not None


def test_a_second_call_that_passes_does_not_end_the_first() -> None:
    """Where duplicates are only counted, the end of the second leaves the first one under way."""
    metrics = Metrics()
    in_flight = InFlight(metrics=metrics, refuses=False)
    first = in_flight.enter("one", "/v3/a")
    second = in_flight.enter("one", "/v3/a")
    in_flight.leave(second)

    assert len(in_flight) == 1
    assert duplicates(metrics) == 1
    in_flight.leave(first)
    assert len(in_flight) == 0
