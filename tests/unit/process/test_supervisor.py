"""Tests of the supervisor of workers, as a program with workers that fail on purpose."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.programs import environment
from support.stores import until
from support.supervised import CROWD

TESTS = Path(__file__).resolve().parents[2]


class Supervised:
    """A started supervisor."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self.process = process
        self.folder = folder

    def pids(self, what: str) -> set[int]:
        """The workers that have left a trace of some kind."""
        return {int(path.stem) for path in self.folder.glob(f"*.{what}")}

    def serving(self) -> set[int]:
        """The workers that serve, as far as is known."""
        return self.pids("serves") - self.pids("buried")

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of one event so far."""
        lines = map(json.loads, (self.folder / "errors").read_text().splitlines())
        return [line for line in lines if line["event"] == event]


@contextmanager
def supervised(folder: Path, how: str) -> Iterator[Supervised]:
    """Start a supervisor of two workers until the end of the block."""
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "support.supervised", str(folder), how],
            env=environment() | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
            stderr=errors,
            start_new_session=True,
        )
    started = Supervised(process, folder)
    try:
        yield started
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_a_stop_ends_all(tmp_path: Path) -> None:
    """SIGTERM reaches every worker, and the supervisor ends after them."""
    with supervised(tmp_path, "well") as both:
        until(lambda: len(both.serving()) == 2, "they do not serve")
        both.process.send_signal(signal.SIGTERM)
        assert both.process.wait(30) == 0
        assert both.pids("ended") == both.pids("serves") == both.pids("buried")
        assert both.logged("worker_died") == []


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    """A killed worker is told of, with its status, and replaced; the other one is left alone."""
    with supervised(tmp_path, "well") as both:
        until(lambda: len(both.serving()) == 2, "they do not serve")
        killed, left = both.serving()
        os.kill(killed, signal.SIGKILL)
        until(lambda: len(both.pids("serves")) == 3, "it is not replaced")
        assert left in both.serving()
        (line,) = both.logged("worker_died")
        assert (line["pid"], line["status"], line["ready"]) == (killed, -signal.SIGKILL, True)


def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    """A worker whose event loop says nothing any more is killed and replaced."""
    with supervised(tmp_path, "hangs") as both:
        until(lambda: len(both.pids("serves")) == 3, "it is not replaced")
        assert [line["ready"] for line in both.logged("worker_hung")] == [True]


def test_no_worker_can_be_started(tmp_path: Path) -> None:
    """Workers that all fail before any has served end the supervisor, with a status that says so."""
    with supervised(tmp_path, "never") as both:
        assert both.process.wait(30) == 7
        assert len(both.pids("began")) >= 2


def test_a_worker_that_cannot_be_started_for_a_while(tmp_path: Path) -> None:
    """Once workers have served, one that fails at its start is tried again until it does not."""
    with supervised(tmp_path, "healed") as both:
        until(lambda: len(both.logged("worker_died")) >= 3, "it is given up")
        assert len(both.serving()) == 1
        (tmp_path / "healed").touch()
        until(lambda: len(both.serving()) == 2, "it is not tried again")
        assert not any(line["ready"] for line in both.logged("worker_died"))


def test_no_more_open_files(tmp_path: Path) -> None:
    """A supervisor that may open no more files says so, goes on with the workers it has, and tries again later."""
    with supervised(tmp_path, "crowded") as both:
        until(lambda: len(both.serving()) == 2, "they do not serve")
        before = resource.prlimit(both.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(both.process.pid, resource.RLIMIT_NOFILE, (CROWD, before[1]))
        os.kill(min(both.serving()), signal.SIGKILL)
        until(lambda: len(both.logged("worker_not_started")) >= 2, "it does not say so")
        assert len(both.logged("worker_not_cleared_away")) == 1
        resource.prlimit(both.process.pid, resource.RLIMIT_NOFILE, before)
        until(lambda: len(both.pids("serves")) == 3, "it is not replaced")
        both.process.send_signal(signal.SIGTERM)
        assert both.process.wait(30) == 0


def test_a_supervisor_that_fails(tmp_path: Path) -> None:
    """A fault of the supervisor's own ends it, and its workers in order: somebody else starts all of them anew."""
    with supervised(tmp_path, "fails") as both:
        until(lambda: len(both.serving()) == 2, "they do not serve")
        killed, left = both.serving()
        os.kill(killed, signal.SIGKILL)
        assert both.process.wait(30) == 1
        assert both.pids("ended") == {left}


@pytest.mark.parametrize("to_all", [False, True], ids=["to the parent", "to all"])
def test_hangup_while_workers_start(tmp_path: Path, to_all: bool) -> None:
    """A hangup that comes before a worker can take it reaches it later, instead of killing it."""
    with supervised(tmp_path, "waits") as both:
        until(lambda: len(both.pids("began")) == 2, "they do not begin")
        tell = os.killpg if to_all else os.kill
        tell(both.process.pid, signal.SIGHUP)
        assert both.process.poll() is None
        (tmp_path / "go").touch()
        until(lambda: len(both.pids("hup")) == 2, "they are not told")
        os.kill(min(both.serving()), signal.SIGKILL)
        until(lambda: len(both.pids("serves")) == 3, "none can be started any more")
        assert [line["status"] for line in both.logged("worker_died")] == [-signal.SIGKILL]
        assert "resource_tracker" not in (tmp_path / "errors").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("to_all", [False, True], ids=["to the parent", "to all"])
def test_a_stop_while_workers_start(tmp_path: Path, number: signal.Signals, to_all: bool) -> None:
    """Workers that are asked to stop while they start end in order as soon as they can, and so does the supervisor."""
    with supervised(tmp_path, "waits") as both:
        until(lambda: len(both.pids("began")) == 2, "they do not begin")
        tell = os.killpg if to_all else os.kill
        tell(both.process.pid, number)
        (tmp_path / "go").touch()
        assert both.process.wait(30) == 0
        assert len(both.pids("ended")) == 2
        assert (tmp_path / "errors").read_text() == ""


def test_a_worker_that_hangs_in_its_end(tmp_path: Path) -> None:
    """A worker that neither stops nor says anything any more does not keep the supervisor from ending."""
    with supervised(tmp_path, "stuck") as both:
        until(lambda: len(both.serving()) == 2, "they do not serve")
        both.process.send_signal(signal.SIGTERM)
        assert both.process.wait(30) == 0
        assert [line["ready"] for line in both.logged("worker_hung")] == [True] * 2


def test_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    """Workers whose supervisor is gone notice it, and can end by themselves."""
    with supervised(tmp_path, "well") as both:
        until(lambda: len(both.serving()) == 2, "they do not serve")
        both.process.kill()
        until(lambda: len(both.pids("orphan")) == 2, "they do not notice")
