"""Draw the picture of the Grafana dashboard in the documentation, with real data.

    .venv/bin/python bench/dashboard.py [--write] [--seconds 420]

A gateway of two workers, Redis, the sandbox and a Prometheus with the rules of `deploy/` run for some minutes, with
ordinary callers and one trouble after the other. Then Prometheus is asked every query of the dashboard's JSON, and the
answers are drawn by `panels.py`: Grafana itself takes no part in it. `--write` replaces docs/images/dashboard.svg. The
exit status is 1 if a panel has shown nothing.
"""

import argparse
import json
import math
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from panels import Event, Series, Span, draw
from testbed import HERE, MissingToolError, machine, need, say

from support import stores
from support.busy import Busy, busy
from support.prometheus import Prometheus, prometheus

DEPLOY = HERE.parent / "deploy"
PICTURE = HERE.parent / "docs" / "images" / "dashboard.svg"
SCRAPE_SECONDS = 5
RATE = f"{4 * SCRAPE_SECONDS}s"
"""The value that Grafana gives `$__rate_interval` for this interval of scrapes."""
CLIENTS = 8
USUAL_SECONDS = 420
"""Length of the story below, in seconds."""


class Story:
    """What is done to the gateway, and when it was."""

    def __init__(self, site: Busy, seconds: float) -> None:
        self._site = site
        self._scale = seconds / USUAL_SECONDS
        self.start = time.time()
        self.events: list[Event] = []

    def tell(self) -> None:
        """Do it all, one event after the other."""
        site = self._site
        self._at(45, "a worker is killed", site.kill_a_worker)
        self._at(80, "three providers fail for 45 s", self._lasting(45, lambda: site.failing("not")))
        self._at(150, "Redis is frozen for 15 s", self._lasting(15, site.without_store))
        self._at(190, "30 s of shadow mode", self._shadow)
        self._at(250, "a caller takes no notice of 429", lambda: site.ask_until_banned("127.30.0.1", same_token=True))
        self._at(280, "an address calls 1001 times a minute", self._exceed)
        self._at(315, "a provider changes its answers", self._change)
        self._at(365, "slow clients, calls made twice", self._odd)
        self._wait_until(USUAL_SECONDS)

    def _at(self, seconds: float, what: str, happens: Callable[[], object]) -> None:
        self._wait_until(seconds)
        say(f"{time.time() - self.start:4.0f} s  {what}")
        self.events.append(Event(time.time(), what))
        happens()

    def _wait_until(self, seconds: float) -> None:
        self._site.stopped.wait(max(0.0, self.start + seconds * self._scale - time.time()))

    def _lasting(self, seconds: float, trouble: "Callable[[], contextmanager]") -> Callable[[], None]:
        def happens() -> None:
            with trouble():
                self._site.stopped.wait(seconds * self._scale)

        return happens

    def _exceed(self) -> None:
        self._site.ask_until_banned("127.30.0.2", same_token=False)
        for _ in range(100):  # the banned address goes on, and gets no answer
            self._site.gateway.says(b"GET / HTTP/1.1\r\n\r\n", source="127.30.0.2")
            self._site.stopped.wait(0.1)

    def _change(self) -> None:
        with self._site.failing("changed"):
            self._site.ask_for_changed_answers(200)

    def _shadow(self) -> None:
        with self._site.in_shadow():
            end = time.time() + 30 * self._scale
            self._site.ask_more_than_allowed("127.30.0.3")
            self._site.stopped.wait(max(0.0, end - time.time()))

    def _odd(self) -> None:
        slow = [threading.Thread(target=self._site.be_slow) for _ in range(12)]
        for thread in slow:
            thread.start()
        for _ in range(3):
            self._site.ask_twice_at_once()
        for thread in slow:
            thread.join()


def asked(expression: str) -> str:
    """An expression with Grafana's variables filled in."""
    return expression.replace("$__rate_interval", RATE).replace("$instance", ".*")


def named(target: dict[str, Any], labels: dict[str, str]) -> str:
    """Name of a line in the legend."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), target.get("legendFormat", ""))


def answers(
    watching: Prometheus, span: Span, empty: list[str]
) -> Callable[[dict[str, Any], dict[str, Any]], list[Series]]:
    """A function that asks Prometheus for a target of a panel; targets that show nothing are added to `empty`."""

    def ask(panel: dict[str, Any], target: dict[str, Any]) -> list[Series]:
        shown = []
        for each in watching.course(asked(target["expr"]), span.start, span.end, span.step):
            points = [(moment, float(value)) for moment, value in each["values"]]
            known = [(moment, value) for moment, value in points if math.isfinite(value)]
            if known:
                shown.append(Series(named(target, each["metric"]), known))
        if not shown:
            empty.append(f"{panel['title']} {target['refId']}")
        return sorted(shown, key=lambda series: series.name)

    return ask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="replace docs/images/dashboard.svg")
    parser.add_argument("--seconds", type=float, default=USUAL_SECONDS)
    options = parser.parse_args()
    try:
        need("redis-server", "prometheus")
    except MissingToolError as error:
        sys.exit(f"dashboard: {error}")
    dashboard = json.loads((DEPLOY / "grafana/dashboards/gateway.json").read_text())
    panels = dashboard["panels"]
    dashboard["panels"] = [each for each in panels if "journal" not in each["title"].lower()]  # no follower runs here
    begun = time.time()

    def tide() -> float:
        """Calls per second of each caller, which rise and fall as between day and night."""
        return 6 + 3 * math.sin((time.time() - begun) / 40)

    empty: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="gateway-dashboard-") as own,
        stores.server(folder := Path(own), "redis-server") as store,
        busy(folder, store, clients=CLIENTS, per_second=tide) as site,
        prometheus(
            folder / "prometheus", DEPLOY / "prometheus/alerts.yml", site.metrics_port, seconds=SCRAPE_SECONDS
        ) as watching,
    ):
        story = Story(site, options.seconds)
        story.tell()
        span = Span(story.start, time.time(), SCRAPE_SECONDS)
        caption = (
            f"{time.strftime('%F')}: one gateway of two workers, Redis, the sandbox, {CLIENTS} callers. Drawn by "
            "bench/dashboard.py from what Prometheus answers to the dashboard's queries; not a screenshot of Grafana."
        )
        picture = draw(dashboard, answers(watching, span, empty), span, events=story.events, caption=caption)
    target = PICTURE if options.write else Path("dashboard.svg")
    target.write_text(picture)
    print(f"{target}: {len(picture) // 1000} kB, {machine()}")
    if empty:
        sys.exit(f"dashboard: nothing shown by {', '.join(empty)}")


if __name__ == "__main__":
    main()
