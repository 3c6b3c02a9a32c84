"""The `process_…` metrics of a gateway with several workers: what its processes use together.

The client library describes only the process that is scraped. With several workers that would be another one at each
scrape, so nobody could tell what the gateway uses.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_TRIES: Final = 5


class _Use(NamedTuple):
    """What one process uses, in the units of /proc/PID/stat."""

    cpu: int
    """CPU time, user and system, in clock ticks."""
    of_children: int
    """CPU time of its children that have ended, in clock ticks."""
    started: int
    """When it started, in clock ticks since the system's start."""
    resident: int
    """Resident memory, in pages."""

    @classmethod
    def of(cls, pid: int) -> "_Use":
        """Read what a process uses.

        Raises:
            OSError: the process has ended.
        """
        # The name, in parentheses, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        user, system, children_user, children_system = map(int, fields[11:15])
        return cls(user + system, children_user + children_system, int(fields[19]), int(fields[21]))


class Processes(Collector):
    """Describes the supervisor and its workers as one process."""

    def __init__(self, folder: Path, supervisor: int) -> None:
        """Describe nothing yet.

        Args:
            folder: where workers keep their metrics, in files named by their process ids.
            supervisor: process id of the supervisor; its CPU time includes that of workers which have ended.
        """
        self._folder = folder
        self._supervisor = supervisor

    def collect(self) -> Iterable[Metric]:
        try:
            supervisor, workers = self._together()
        except (OSError, ValueError):
            return  # no /proc here, or the supervisor is gone
        every = [supervisor, *workers.values()]
        cpu = sum(each.cpu for each in every) + supervisor.of_children
        yield CounterMetricFamily("process_cpu_seconds", "User and system CPU time of all processes", cpu / _TICKS)
        yield GaugeMetricFamily(
            "process_resident_memory_bytes",
            "Resident memory of all processes; what they share counts for each",
            sum(each.resident for each in every) * _PAGE,
        )
        yield GaugeMetricFamily(
            "process_start_time_seconds", "When the gateway was started", _booted() + supervisor.started / _TICKS
        )
        yield GaugeMetricFamily(
            "process_open_fds",
            "Open files and connections of all processes",
            sum(_open_files(pid) for pid in (self._supervisor, *workers)),
        )

    def _together(self) -> tuple[_Use, dict[int, _Use]]:
        """What supervisor and workers use, read while no worker ends: its CPU time would count twice, or not at all."""
        for _ in range(_TRIES):
            before = _Use.of(self._supervisor)
            workers = dict(self._workers())
            if _Use.of(self._supervisor).of_children == before.of_children:
                break
        return before, workers

    def _workers(self) -> Iterator[tuple[int, _Use]]:
        for path in self._folder.glob("counter_*.db"):
            pid = int(path.stem.rpartition("_")[2])
            with suppress(OSError):  # it has just ended, or the file is that of dead workers (process id 0)
                yield pid, _Use.of(pid)


def _open_files(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def _booted() -> float:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0
