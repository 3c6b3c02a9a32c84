"""A real Prometheus that scrapes a real gateway, and is asked what the dashboard asks."""

import json
import re
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import httpx

from support.busy import busy
from support.fleet import gateway, load
from support.prometheus import Prometheus, prometheus, promtool
from support.site import GOOD, LONG, fresh
from support.stores import Server, free_port, until
from support.stub import stub
from support.wire import request

ROOT = Path(__file__).resolve().parents[3]
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "gateway.json"
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"


class Watch:
    """The queries of the dashboard that have shown nothing yet."""

    def __init__(self, watching: Prometheus) -> None:
        self._watching = watching
        self.missing = {
            f"{panel['title']} {target['refId']}": _filled(target["expr"])
            for panel in json.loads(DASHBOARD.read_text())["panels"]
            for target in panel.get("targets", ())
            if not re.search("journal_|portal_", target["expr"])  # no follower and no portal run here
        }

    def look(self) -> None:
        """Strike out those that show a number now."""
        for name, asked in list(self.missing.items()):
            if any(each["value"][1] != "NaN" for each in self._watching.ask(asked)):
                del self.missing[name]

    def until_it_shows(self, *titles: str) -> None:
        """Wait for panels."""

        def shows() -> bool:
            self.look()
            return not [name for name in self.missing if name.startswith(titles)]

        until(shows, f"nothing is shown in one of {titles}", seconds=120)


def _filled(expression: str) -> str:
    return expression.replace("$__rate_interval", "1m").replace("$instance", ".*")


def test_every_panel_of_the_dashboard_shows_something(tmp_path: Path, store: Server) -> None:
    """Whatever happens to a gateway is to be seen: once everything has, each query has shown something.

    Prometheus' linter finds nothing to say about the names, types and units of all that.
    """
    with (
        busy(tmp_path, store) as site,
        prometheus(tmp_path / "prometheus", RULES, site.metrics_port) as watching,
    ):
        watch = Watch(watching)
        with site.failing("not"):
            watch.until_it_shows("Breakers", "Sources", "Calls that fail", "Providers with an open")
        with site.failing("changed"):
            site.ask_for_changed_answers()
        _in_threads(site.ask_twice_at_once, site.be_slow)
        site.ask_until_banned("127.30.0.1", same_token=True)
        with site.in_shadow():
            site.ask_more_than_allowed("127.30.0.2")
        with site.without_store():
            watch.until_it_shows("Processes without Redis")
        watch.until_it_shows("")
        assert watch.missing == {}
        text = httpx.get(f"http://127.0.0.1:{site.metrics_port}/metrics", timeout=LONG).content
    found = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, b"")


def _in_threads(*events: Callable[[], None]) -> None:
    threads = [threading.Thread(target=event) for event in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_all_is_well(tmp_path: Path, store: Server) -> None:
    """No alert fires for a gateway in good health."""
    port = free_port()
    with (
        stub(GOOD) as provider,
        gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, metrics_port=str(port)) as both,
        prometheus(tmp_path / "prometheus", RULES, port) as watching,
        load([both], lambda: request(token=fresh())) as running,
    ):
        until(lambda: watching.value("gateway:answers:rate5m") > 0, "the rules are not evaluated")
        running.grows_by(50)
        assert watching.ask('ALERTS{alertstate="firing"}') == []
        until(lambda: watching.value("sum(gateway_access_lines_total)") > 100, "no line is counted")
