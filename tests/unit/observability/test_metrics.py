"""Tests of the metrics."""

import subprocess
from enum import StrEnum

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from apientreprise_gateway.observability.instruments import OTHER
from apientreprise_gateway.observability.metrics import MAX_CODES, NO_OPERATION, Metrics
from support.prometheus import promtool

NAMES = {
    "gateway_answers": {"operation", "status"},
    "gateway_answer_seconds": {"operation"},
    "gateway_operation_info": {"operation", "product"},
    "gateway_errors": {"code"},
    "gateway_provider_calls": {"provider", "outcome"},
    "gateway_provider_seconds": {"provider"},
    "gateway_breaker_state": {"provider", "state"},
    "gateway_limiter_decisions": {"group", "decision"},
    "gateway_bans": {"reason"},
    "gateway_dropped": set(),
    "gateway_abandoned": set(),
    "gateway_duplicates": set(),
    "gateway_in_flight": set(),
    "gateway_bans_in_force": set(),
    "gateway_access_lines": set(),
    "gateway_near_limit": {"group"},
    "gateway_tokens_expiring": {"within"},
    "gateway_event_loop_lag_seconds": set(),
}
"""The metrics that operators rely on, with their labels."""


class State(StrEnum):
    """States of a breaker."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


def used() -> Metrics:
    """Metrics after a call of each kind."""
    metrics = Metrics()
    metrics.answers("op", 200).inc()
    metrics.answers(NO_OPERATION, 404).inc()
    metrics.seconds("op").observe(0.2)
    metrics.errors("00404").inc()
    metrics.provider_calls("insee", "ok").inc()
    metrics.provider_seconds("insee").observe(0.1)
    metrics.breaker_state("insee", State.OPEN)
    metrics.decisions("json", "admitted").inc()
    metrics.bans("ceiling").inc()
    return metrics


def test_names_and_labels() -> None:
    """Every metric has its published name and labels, and says what it is."""
    families = text_string_to_metric_families(generate_latest(used().registry).decode())
    found = {family.name: family for family in families if family.name.startswith("gateway_")}
    assert set(NAMES) <= set(found)
    assert all(family.documentation for family in found.values())
    for name, labels in NAMES.items():
        for sample in found[name].samples:
            assert set(sample.labels) - {"le"} == labels


def test_values() -> None:
    """What was counted is what is read."""
    registry = used().registry
    assert registry.get_sample_value("gateway_answers_total", {"operation": "op", "status": "200"}) == 1
    assert registry.get_sample_value("gateway_answers_total", {"operation": "none", "status": "404"}) == 1
    assert registry.get_sample_value("gateway_answer_seconds_count", {"operation": "op"}) == 1
    assert registry.get_sample_value("gateway_answer_seconds_bucket", {"operation": "op", "le": "0.25"}) == 1
    assert registry.get_sample_value("gateway_answer_seconds_bucket", {"operation": "op", "le": "0.1"}) == 0
    assert registry.get_sample_value("gateway_bans_total", {"reason": "ceiling"}) == 1
    assert registry.get_sample_value("gateway_in_flight") == 0


def test_state_of_a_breaker() -> None:
    """A breaker is in one of its states."""
    metrics = Metrics()
    for state in (State.CLOSED, State.OPEN, State.HALF_OPEN, State.CLOSED):
        metrics.breaker_state("insee", state)
        found = {
            each: metrics.registry.get_sample_value("gateway_breaker_state", {"provider": "insee", "state": each})
            for each in State
        }
        assert found == {"closed": 0, "open": 0, "half_open": 0} | {state.value: 1}


def test_children_are_resolved_once() -> None:
    """The same labels are the same child."""
    metrics = Metrics()
    assert metrics.answers("op", 200) is metrics.answers("op", 200)
    assert metrics.answers("op", 200) is not metrics.answers("op", 500)
    assert metrics.errors("00404") is metrics.errors("00404")


def test_instances_are_apart() -> None:
    """Two gateways in one process do not count into each other's metrics."""
    one, other = Metrics(), Metrics()
    one.dropped.inc()
    one.answers("op", 200).inc()
    assert other.registry.get_sample_value("gateway_dropped_total") == 0
    assert other.registry.get_sample_value("gateway_answers_total", {"operation": "op", "status": "200"}) is None


def test_a_metric_is_not_replaced() -> None:
    """What counts is the same as long as the process lives."""
    with pytest.raises(AttributeError):
        Metrics().dropped = Metrics().dropped  # type: ignore[misc]


def test_process_is_described() -> None:
    """The usual metrics of a process are there as well."""
    assert Metrics().registry.get_sample_value("process_start_time_seconds")


def test_names_follow_the_conventions() -> None:
    """Prometheus' own linter finds nothing to say about what is shown."""
    found = subprocess.run(
        [promtool(), "check", "metrics"], input=generate_latest(used().registry), capture_output=True, check=False
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, b"")


def test_codes_are_bounded() -> None:
    """However many codes providers answer with, only so many are labels; no error goes uncounted."""
    metrics = Metrics()
    for number in range(MAX_CODES + 100):
        metrics.errors(f"{number:05}").inc()
    metrics.errors("00001").inc()
    text = generate_latest(metrics.registry).decode()
    assert text.count("gateway_errors_total{") == MAX_CODES + 1, "those, and the others"
    assert f'gateway_errors_total{{code="{OTHER}"}} 100.0' in text
    assert 'gateway_errors_total{code="00001"} 2.0' in text
