"""A real Prometheus that scrapes a real gateway, and is asked what the dashboard asks."""

import json
from pathlib import Path

from support.fleet import gateway, load
from support.prometheus import prometheus
from support.site import GOOD, VIGILANCE, fresh
from support.stores import Server, free_port, until
from support.stub import stub
from support.wire import request

ROOT = Path(__file__).resolve().parents[3]
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "gateway.json"
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
QUIET = {
    "Slowest operations (95 %)",
    "Calls that fail, by provider",
    "Breakers that are not closed",
    "Sources that do not work",
    "Answers that are not as their schema says",
    "Cache",
    "Bans",
    "What shadow mode would refuse",
    "Connections closed by the gateway",
    "Age of the key set",
}
"""Panels that may show nothing while all is well."""


def test_the_dashboard_shows_a_gateway(tmp_path: Path, store: Server) -> None:
    """Every query of the dashboard is answered, and every panel that should show something does; no alert fires."""
    port, token = free_port(), fresh()
    settings = {"redis_url": store.url, "metrics_port": str(port), "limit_documents": "20"}
    with (
        stub(GOOD) as provider,
        gateway(tmp_path, 2, upstream=provider.url, **settings) as both,
        prometheus(tmp_path / "prometheus", RULES, port) as watching,
        load([both], lambda: request(token=fresh())) as running,
        load([both], lambda: request(token=token, path=VIGILANCE), clients=2),
    ):
        until(lambda: watching.value('sum(rate(gateway_answers_total{status="200"}[1m]))') > 0, "nothing is scraped")
        until(lambda: watching.value('sum(rate(gateway_answers_total{status="429"}[1m]))') > 0, "nothing is refused")
        until(lambda: watching.value("gateway:answers:rate5m") > 0, "the rules are not evaluated")
        running.grows_by(50)
        empty = set()
        for panel in json.loads(DASHBOARD.read_text())["panels"]:
            for target in panel.get("targets", ()):
                asked = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
                if not watching.ask(asked):
                    empty.add(panel["title"])
        assert empty <= QUIET
        assert watching.ask('ALERTS{alertstate="firing"}') == []
        until(lambda: watching.value("sum(gateway_access_lines_total)") > 100, "no line is counted")
