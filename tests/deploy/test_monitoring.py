"""Alert rules and dashboard: they ask for metrics that exist, in words that Prometheus understands."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from apientreprise_gateway.journal.metrics import JournalMetrics
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.portal.metrics import PortalMetrics
from support.prometheus import labels_of, promtool

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULE_TESTS = ("alerts_test.yml", "alerts_slow_test.yml")
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "gateway.json"
_SELECTOR = re.compile(r"(?<![\w:])((?:gateway|journal|portal)_\w+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
_GROUPED = re.compile(r"\b(?:by|without) \(([^)]*)\)")
_FROM_PROMETHEUS = {"job", "instance", "le"}


@cache
def known() -> dict[str, set[str]]:
    """The labels of each sample that the gateway, the journal and the portal can show."""
    samples: dict[str, set[str]] = {}
    for registry in (Metrics().registry, JournalMetrics().registry, PortalMetrics().registry):
        for family in registry.collect():
            if family.name.startswith(("gateway_", "journal_", "portal_")):
                for suffix in ("", "_total") + (("_bucket", "_sum", "_count") if family.type == "histogram" else ()):
                    samples[family.name + suffix] = labels_of(registry)[family.name]
    return samples


def rules() -> list[dict[str, Any]]:
    """Every rule."""
    return [
        rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
    ]


def alerts() -> list[dict[str, Any]]:
    """The rules that alert."""
    return [rule for rule in rules() if "alert" in rule]


def panels() -> list[dict[str, Any]]:
    """The panels of the dashboard, without the headings."""
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def queries() -> dict[str, str]:
    """What the dashboard asks for, with its variables filled in."""
    filled = {}
    for panel in panels():
        for target in panel["targets"]:
            text = target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
            filled[f"{panel['title']} {target['refId']}"] = text
    return filled


def expressions() -> dict[str, str]:
    """Every expression of rules and dashboard."""
    return queries() | {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules()}


@pytest.mark.parametrize("name", expressions())
def test_what_is_asked_for_exists(name: str) -> None:
    """Every metric of an expression is one that the gateway shows, with the labels that it has."""
    samples, expression = known(), expressions()[name]
    for sample, selectors in _SELECTOR.findall(expression):
        assert sample in samples
        assert set(_LABEL.findall(selectors)) <= samples[sample] | _FROM_PROMETHEUS
    labels = set().union(*(samples[sample] for sample, _ in _SELECTOR.findall(expression)), _FROM_PROMETHEUS)
    for grouped in _GROUPED.findall(expression):
        assert {label.strip() for label in grouped.split(",")} <= labels
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert set(re.findall(r"gateway:[\w:]+", expression)) <= recorded


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """Every alert has a severity, a summary and its section of the runbook, and fires in a test of the rules."""
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
    files = [yaml.safe_load((PROMETHEUS / name).read_text()) for name in RULE_TESTS]
    tests = [test for file in files for test in file["tests"]]
    cases = [case for test in tests for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]]
    assert any(case.get("exp_alerts") for case in cases)
    assert any(not case.get("exp_alerts") for case in cases)


@pytest.mark.parametrize(
    "arguments",
    [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", *RULE_TESTS)],
)
def test_prometheus_agrees(arguments: tuple[str, ...]) -> None:
    """Prometheus' own tool accepts the files, and the rules behave as their tests say."""
    done = subprocess.run([promtool(), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_understood(tmp_path: Path) -> None:
    """Every query of the dashboard is valid PromQL."""
    named = [{"record": f"query:{number}", "expr": text} for number, text in enumerate(queries().values())]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": named}]}))
    done = subprocess.run(
        [promtool(), "check", "rules", "queries.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_fits_together() -> None:
    """Panels have ids of their own, lie side by side, and ask the data source that is provisioned."""
    every = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    taken: set[tuple[int, int]] = set()
    for panel in every:
        place = panel["gridPos"]
        cells = {(place["x"] + dx, place["y"] + dy) for dx in range(place["w"]) for dy in range(place["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    provisioned = (ROOT / "deploy" / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text()
    (source,) = yaml.safe_load(provisioned)["datasources"]
    assert {panel["datasource"]["uid"] for panel in panels()} == {source["uid"]}


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    """What is measured is looked at, but for what the list names."""
    text = " ".join(expressions().values())
    registries = (Metrics().registry, JournalMetrics().registry, PortalMetrics().registry)
    every = {family.name for registry in registries for family in registry.collect()}
    families = {name for name in every if name.startswith(("gateway_", "journal_", "portal_"))}
    unseen = {name for name in families if name not in text}
    assert unseen <= UNSEEN


UNSEEN = {
    "gateway_ping_info",
    "gateway_provider_probes",
    "gateway_documents_removed",
    "gateway_download_bytes",
    "gateway_cache_entries",
    "gateway_cache_bytes",
    "gateway_jwks_fetches",
    "gateway_work_waiting",
    "gateway_downloads_under_way",
}
"""Metrics for those who look for something in particular."""
