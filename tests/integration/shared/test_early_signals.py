"""Signals that come while processes start: none kills one halfway, none is lost, none makes it hang."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.programs import environment
from support.site import LONG
from support.stores import Server, until
from support.stub import Stub
from support.tokens import SECRET

STARTS = {
    "alone": (("serve", "--port", "0"), "parent"),
    "parent": (("serve", "--port", "0", "--workers", "2"), "parent"),
    "workers": (("serve", "--port", "0", "--workers", "2"), "worker"),
    "demo": (("demo", "--port", "0"), "parent"),
}
"""Commands, and which of their processes are held up."""
HELD_UP = '''
import os, pathlib, sys, time

FOLDER = pathlib.Path({folder!r})


class Finder:
    """Holds up the import of what is imported before handlers can be set."""

    def find_spec(self, name, path=None, target=None):
        who = "worker" if "--multiprocessing-fork" in sys.orig_argv else "parent"
        if name == "apientreprise_gateway.gateway.app" and who == {who!r}:
            (FOLDER / f"{{os.getpid()}}.waits").touch()
            while not (FOLDER / "go").exists():
                time.sleep(0.01)


sys.meta_path.insert(0, Finder())
'''


@dataclass
class Starting:
    """A program with processes that are held up as they start, each in a process group with the others."""

    process: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def errors(self) -> str:
        """What it has written for operators."""
        return (self.folder / "errors").read_text()

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of one event so far."""
        lines = [json.loads(line) for line in self.errors.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def waiting(self) -> int:
        """How many of its processes are held up."""
        assert self.process.poll() is None, self.errors
        return len(list(self.folder.glob("*.waits")))

    def signal_all(self, number: signal.Signals) -> None:
        """Signal every process, as a terminal does."""
        os.killpg(self.process.pid, number)

    def go_on(self) -> None:
        """Let all of them go on."""
        (self.folder / "go").touch()


@contextmanager
def starting(folder: Path, start: str, **settings: str) -> Iterator[Starting]:
    """Start a command until processes are held up that have no handlers yet."""
    arguments, who = STARTS[start]
    (folder / "sitecustomize.py").write_text(HELD_UP.format(folder=str(folder), who=who))
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # children inherit that it is ignored, as under `nohup`
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "apientreprise_gateway", *arguments],
            env=environment(jwt_secrets=SECRET, drain_delay="0", **settings)
            | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    signal.signal(signal.SIGHUP, before)
    started = Starting(process, folder)
    try:
        until(lambda: started.waiting() == (2 if who == "worker" else 1), "it does not get that far")
        yield started
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("start", STARTS)
def test_asked_to_stop_while_it_starts(tmp_path: Path, store: Server, start: str, number: signal.Signals) -> None:
    """A program whose processes are asked to stop before they serve, twice even, ends in order, and soon."""
    settings = {} if start == "demo" else {"redis_url": store.url, "upstream_url": "http://127.0.0.1:9"}
    with starting(tmp_path, start, **settings) as started:
        started.signal_all(number)
        started.signal_all(number)
        started.go_on()
        assert started.process.wait(LONG) == 0
        assert "Traceback" not in started.errors
        assert started.logged("worker_died") == []


@pytest.mark.parametrize("start", ["alone", "parent", "workers"])
def test_a_hangup_while_it_starts(tmp_path: Path, store: Server, provider: Stub, start: str) -> None:
    """A hangup before there is anything to read anew kills nothing: the gateway serves, and obeys the next one."""
    with starting(tmp_path, start, redis_url=store.url, upstream_url=provider.url) as started:
        started.signal_all(signal.SIGHUP)
        started.go_on()
        event, workers = ("ready", 1) if start == "alone" else ("starting", 2)
        until(lambda: bool(started.logged(event)), "it does not start")
        url = started.logged(event)[0]["url"]
        until(lambda: _is_ready(url), "it does not serve")
        held = 0 if start == "parent" else workers  # its workers start afterwards
        until(lambda: len(started.logged("reloaded")) >= held, "the signal is lost")
        before = len(started.logged("reloaded"))
        started.process.send_signal(signal.SIGHUP)
        until(lambda: len(started.logged("reloaded")) >= before + workers, "it does not obey the next one")
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(LONG) == 0
        assert "Traceback" not in started.errors
        assert started.logged("worker_died") == []


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=LONG).status_code == 200
    except httpx.TransportError:
        return False


def test_a_terminal_that_closes(tmp_path: Path) -> None:
    """A demonstration ends in order with the terminal that it was started from, also while it starts."""
    with starting(tmp_path, "demo") as started:
        started.signal_all(signal.SIGHUP)
        started.go_on()
        assert started.process.wait(LONG) == 0
        assert "Traceback" not in started.errors
