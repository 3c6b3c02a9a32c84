"""Runs Prometheus and promtool if they are installed, and reads the labels of metrics."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from support.site import LONG
from support.stores import free_port, until


def promtool() -> str:
    """Path of the installed promtool; skips the test if there is none."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool on this machine (Debian: apt-get install prometheus)")
    return found


def labels_of(registry: CollectorRegistry) -> dict[str, set[str]]:
    """The labels of each metric of a registry, also of those that have no sample yet."""
    collectors = registry._collector_to_names
    return {each._name: set(each._labelnames) for each in collectors if isinstance(each, MetricWrapperBase)}


class Prometheus:
    """A started Prometheus."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=LONG)

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The current result of an expression."""
        answer = self._client.get("/query", params={"query": expression})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def course(self, expression: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """The results of an expression at each step from start to end, in Unix seconds."""
        asked: dict[str, str | float] = {"query": expression, "start": start, "end": end, "step": step}
        answer = self._client.get("/query_range", params=asked)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def value(self, expression: str) -> float:
        """The current value of an expression with one result; 0 if it has none."""
        found = self.ask(expression)
        return float(found[0]["value"][1]) if found else 0.0

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._client.get("/query", params={"query": "1"}).status_code == 200
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Close the HTTP client."""
        self._client.close()


@contextmanager
def prometheus(folder: Path, rules: Path, *ports: int, seconds: int = 1) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes these ports every so many seconds, until the end of the block."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no Prometheus on this machine (Debian: apt-get install prometheus)")
    folder.mkdir()
    configuration = {
        "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": "gateway",
                "static_configs": [
                    {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": f"gateway-{number}"}}
                    for number, port in enumerate(ports, start=1)
                ],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    port = free_port()
    options = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=log)
    started = Prometheus(port)
    try:
        until(started.is_ready, "Prometheus does not answer")
        yield started
    finally:
        started.close()
        process.terminate()
        process.wait(LONG)
