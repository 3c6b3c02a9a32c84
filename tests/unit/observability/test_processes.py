"""Tests of what is said of several processes together."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apientreprise_gateway.observability.processes import Processes

SPINS = """
import sys, time

while time.process_time() < 0.5:
    pass
print("spun", flush=True)
sys.stdin.read()
"""


def shown(folder: Path) -> dict[str, float]:
    """What a scrape shows of this process, as the supervisor, and of the workers of a folder."""
    return {
        sample.name: sample.value for metric in Processes(folder, os.getpid()).collect() for sample in metric.samples
    }


@contextmanager
def worker(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process of ours that has used half a second of CPU, and keeps its metrics in a folder."""
    with subprocess.Popen(
        [sys.executable, "-c", SPINS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (folder / f"counter_{process.pid}.db").touch()
        yield process


def test_they_are_described_together(tmp_path: Path) -> None:
    """What a worker uses is added to what the supervisor does."""
    alone = shown(tmp_path)
    assert abs(alone["process_cpu_seconds_total"] - _own_seconds()) < 0.5
    assert abs(alone["process_start_time_seconds"] - time.time()) < 86_400
    with worker(tmp_path):
        both = shown(tmp_path)
        assert both["process_cpu_seconds_total"] >= alone["process_cpu_seconds_total"] + 0.4
        assert both["process_resident_memory_bytes"] > alone["process_resident_memory_bytes"]
        assert both["process_open_fds"] > alone["process_open_fds"]
        assert both["process_start_time_seconds"] == alone["process_start_time_seconds"]


def test_what_a_dead_worker_used_stays(tmp_path: Path) -> None:
    """The CPU time of a worker is not forgotten when it ends, before and after its file is gone."""
    with worker(tmp_path) as process:
        before = shown(tmp_path)["process_cpu_seconds_total"]
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert shown(tmp_path)["process_cpu_seconds_total"] >= before, "it is dead, and nobody has noticed"
        process.wait()
        assert shown(tmp_path)["process_cpu_seconds_total"] >= before, "its files are still there"
        (tmp_path / f"counter_{process.pid}.db").unlink()
        assert shown(tmp_path)["process_cpu_seconds_total"] >= before


def test_no_supervisor(tmp_path: Path) -> None:
    """Without a supervisor nothing is said, rather than half of it."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert list(Processes(tmp_path, gone.pid).collect()) == []


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
