"""The runbook has a section for each alert, and names metrics that exist; its links are checked with all others."""

import re
from pathlib import Path
from typing import Any

import yaml

from apientreprise_gateway.dataplane.recording import AccessLine

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = ROOT / "docs" / "runbook.md"


def _alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_every_alert_has_its_section_and_no_section_is_left_over() -> None:
    """The last chapter of the runbook names the alerts, in their order, and nothing else."""
    chapter = RUNBOOK.read_text().split("\n## Alerts\n")[1]
    assert re.findall(r"^### (.+)$", chapter, re.MULTILINE) == [rule["alert"] for rule in _alerts()]


def test_the_runbook_says_how_urgent_an_alert_is() -> None:
    """A section begins with the severity of its alert."""
    said = dict(re.findall(r"^### (\w+)\n\n\*(\w+)\.\*", RUNBOOK.read_text(), re.MULTILINE))
    assert said == {rule["alert"]: rule["labels"]["severity"].capitalize() for rule in _alerts()}


def test_every_metric_that_the_runbook_names_exists() -> None:
    """The metrics of ours in the runbook are those of docs/metrics.md."""
    known = set(re.findall(r"gateway_\w+", (ROOT / "docs" / "metrics.md").read_text()))
    named = set(re.findall(r"gateway_[a-z_]+[a-z]", RUNBOOK.read_text()))
    assert named <= known
    assert len(named) > 10


def test_what_is_looked_for_in_access_lines_is_there() -> None:
    """The fields by which the runbook looks for access lines are those of the lines."""
    programs = re.findall(r"jq (?:-\w+ )*'([^']+)'[^'`]*access\.log", RUNBOOK.read_text())
    named = {field for program in programs for field in re.findall(r"(?<![\w\"])\.([a-z_]+)", program)}
    assert named <= set(AccessLine.__struct_fields__)
    assert {"client_ip", "codes", "jti", "operation", "status"} <= named
