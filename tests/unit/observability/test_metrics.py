"""Tests of the metrics."""

import re
import subprocess
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from apientreprise_gateway.contract.errors import GATEWAY_ERRORS
from apientreprise_gateway.observability.metrics import (
    BAN_REASONS,
    CUT_REASONS,
    FAILURES,
    MAX_CODES,
    NO_OPERATION,
    OTHER,
    Metrics,
)
from apientreprise_gateway.ratelimit.bans import Reason
from support.prometheus import promtool

NAMES = {
    "gateway_answers": {"operation", "status"},
    "gateway_answer_seconds": {"operation"},
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


def used() -> Metrics:
    """Metrics after a call of each kind."""
    metrics = Metrics()
    metrics.answers("op", 200).inc()
    metrics.answers(NO_OPERATION, 404).inc()
    metrics.seconds("op").observe(0.2)
    metrics.errors("00404").inc()
    metrics.provider_calls("insee", "ok").inc()
    metrics.provider_seconds("insee").observe(0.1)
    metrics.breaker_state("insee", "open")
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
    for state in ("closed", "open", "half_open", "closed"):
        metrics.breaker_state("insee", state)
        found = {
            each: metrics.registry.get_sample_value("gateway_breaker_state", {"provider": "insee", "state": each})
            for each in ("closed", "open", "half_open")
        }
        assert found == {"closed": 0, "open": 0, "half_open": 0} | {state: 1}


def test_children_are_resolved_once() -> None:
    """The same labels are the same child."""
    metrics = Metrics()
    assert metrics.answers("op", 200) is metrics.answers("op", 200)
    assert metrics.answers("op", 200) is not metrics.answers("op", 500)
    assert metrics.errors("00404") is metrics.errors("00404")


def test_what_alerts_wait_for_is_there_from_the_start() -> None:
    """Counters whose growth is asked for are shown before the first count, which would not be seen as growth else."""
    shown = generate_latest(Metrics().registry).decode()
    assert set(BAN_REASONS) == set(Reason) - {Reason.OTHER}, "nobody bans for what is not known"
    for sample in (
        *(f'gateway_errors_total{{code="{code}"}}' for code in FAILURES),
        *(f'gateway_bans_total{{reason="{reason}"}}' for reason in BAN_REASONS),
        *(f'gateway_connections_cut_total{{reason="{reason}"}}' for reason in CUT_REASONS),
        'gateway_shadow_refusals_total{check="ban"}',
        'gateway_jwks_fetches_total{outcome="failed"}',
        "gateway_worker_deaths_total",
    ):
        assert f"{sample} 0.0\n" in shown


def test_the_rules_know_what_a_failure_is() -> None:
    """The codes that rules and dashboard call failures are those that are shown from the start, and errors of ours."""
    deployed = Path(__file__).resolve().parents[3] / "deploy"
    texts = [(deployed / name).read_text() for name in ("prometheus/alerts.yml", "grafana/dashboards/gateway.json")]
    named = {match for text in texts for match in re.findall(r'code=~\\?"([\d|]+)', text)}
    assert named == {"|".join(FAILURES)}
    assert set(FAILURES) <= set(GATEWAY_ERRORS)


def test_instances_are_apart() -> None:
    """Two gateways in one process do not count into each other's metrics."""
    one, other = Metrics(), Metrics()
    one.dropped.inc()
    one.answers("op", 200).inc()
    assert other.registry.get_sample_value("gateway_dropped_total") == 0
    assert other.registry.get_sample_value("gateway_answers_total", {"operation": "op", "status": "200"}) is None


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
    assert text.count("gateway_errors_total{") == MAX_CODES + 1
    assert f'gateway_errors_total{{code="{OTHER}"}} 100.0' in text
    assert 'gateway_errors_total{code="00001"} 2.0' in text
