"""The metrics of several workers, shown as those of one gateway.

The client library keeps a worker's metrics in files of a common folder, which outlive it: what a dead worker has
counted must go on to be shown. Its files would pile up, so `clear_dead_worker` adds them to those of the dead. A lock
keeps a scrape from seeing both. The files are read here because the library takes two to three times as long: it parses
the key of each number of each worker anew.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

DEATHS: Final = ("gateway_worker_deaths", "Workers that ended by themselves, and were replaced")
"""Name and text of the counter of workers that died."""
_DEAD: Final = 0
"""Stands for a process id in the names of the files of dead workers: no worker has this one."""
_LOCK: Final = "metrics.lock"
_GATE: Final = "metrics.gate"
"""Held while waiting for the lock, so that overlapping scrapes cannot keep a dead worker from being cleared."""
_PREFIX: Final = "gateway-metrics-"
_OWNER: Final = "owner.lock"
"""A file that is locked for as long as the gateway runs, however it ends."""
_SUMMED: Final = ("counter", "histogram")


_TOTALS_BYTES: Final = 1024 * 1024
"""Size of a worker's file of counters, and of the one of histograms: room for every number that the catalogue, the
contract and the codes of providers allow for, and more."""
_LEVELS_BYTES: Final = 64 * 1024
"""Size of a worker's file of gauges."""
Merge = Literal["livesum", "livemax", "livemin", "livemostrecent"]
"""How the gauges of workers become one, in the words of the client library."""


class _Key(NamedTuple):
    """The sample that a number in a file belongs to."""

    metric: str
    sample: str
    labels: dict[str, str]
    text: str


class SharedMetrics(Collector):
    """The metrics of all workers, dead ones included."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, _Key] = {}

    def collect(self) -> Iterable[Metric]:
        with _locked(self._folder, fcntl.LOCK_SH):
            gauges = [str(path) for path in self._folder.glob("gauge_*.db")]
            levels = list(MultiProcessCollector.merge(gauges))  # type: ignore[no-untyped-call]
            totals = {kind: self._totals(kind) for kind in _SUMMED}
        return [*levels, *_counters(totals["counter"]), *_histograms(totals["histogram"])]

    def _totals(self, kind: str) -> list[tuple[_Key, float]]:
        totals: dict[str, float] = {}
        for path in self._folder.glob(f"{kind}_*.db"):
            for key, value in _read(path):
                totals[key] = totals.get(key, 0.0) + value
        return [(self._keys.get(key) or self._parse(key), total) for key, total in totals.items()]

    def _parse(self, key: str) -> _Key:
        parsed = self._keys[key] = _Key(*json.loads(key))
        return parsed


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder for the workers of one gateway to share, until the end of the block; removes those of killed gateways.

    Raises:
        OSError: there is no room for it.
    """
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        # Locked before it has its name, so that nobody takes the folder for that of a killed gateway.
        with _opened(folder / "new") as own:
            fcntl.flock(own, fcntl.LOCK_EX)
            (folder / "new").rename(folder / _OWNER)
            for other in folder.parent.glob(f"{_PREFIX}*"):
                _remove_if_left(other)
            reserve(folder)
            yield folder


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError):  # it is in use, another user's, or gone
        owner = os.open(folder / _OWNER, os.O_RDWR)
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        finally:
            os.close(owner)


def reserve(folder: Path, pid: int = _DEAD) -> None:
    """Take the room for the files of a worker, or for those of the dead, before they are used.

    They are mapped into memory: the system kills a process that writes to a part of them for which a full disk has no
    room. A scrape finds them once they are whole.

    Raises:
        OSError: there is no room.
    """
    levels = () if pid == _DEAD else get_args(Merge)
    sizes = dict.fromkeys(_SUMMED, _TOTALS_BYTES) | {f"gauge_{mode}": _LEVELS_BYTES for mode in levels}
    new = _unfinished(folder, pid)
    for kind, size in sizes.items():
        with _opened(new) as descriptor:
            try:
                os.posix_fallocate(descriptor, 0, size)
            except OSError as error:
                new.unlink()
                raise OSError(error.errno, error.strerror, str(new)) from error
        new.rename(folder / f"{kind}_{pid}.db")


def _unfinished(folder: Path, pid: int) -> Path:
    """The file for which room is being taken: under no name that a scrape looks for."""
    return folder / f"new_{pid}"


def clear_dead_worker(folder: Path, pid: int) -> None:
    """Add what a worker has counted to the files of the dead, and remove its own."""
    with _locked(folder, fcntl.LOCK_EX):
        mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        _unfinished(folder, pid).unlink(missing_ok=True)
        for kind in _SUMMED:
            own = folder / f"{kind}_{pid}.db"
            if own.exists():
                _add(_read(own), folder / f"{kind}_{_DEAD}.db")
                own.unlink()
        name, text = DEATHS
        death = mmap_key(name, f"{name}_total", [], [], text)
        _add([(death, 1.0)], folder / f"counter_{_DEAD}.db")


def _add(numbers: Iterable[tuple[str, float]], common: Path) -> None:
    totals = MmapedDict(str(common))  # type: ignore[no-untyped-call]
    try:
        for key, value in numbers:
            total, _ = totals.read_value(key)  # type: ignore[no-untyped-call]
            totals.write_value(key, total + value, 0.0)  # type: ignore[no-untyped-call]
    finally:
        totals.close()  # type: ignore[no-untyped-call]


def _read(path: Path) -> Iterator[tuple[str, float]]:
    if path.stat().st_size == 0:
        return  # nothing is counted in it
    for key, value, _, _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
        yield key, value


def _counters(totals: Iterable[tuple[_Key, float]]) -> Iterable[Metric]:
    metrics: dict[str, Metric] = {}
    for key, total in totals:
        _metric(metrics, key, "counter").add_sample(key.sample, key.labels, total)
    return metrics.values()


def _histograms(totals: Iterable[tuple[_Key, float]]) -> Iterable[Metric]:
    metrics: dict[str, Metric] = {}
    buckets: dict[tuple[str, tuple[str, ...]], dict[float, float]] = {}
    labels: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}
    for key, total in totals:
        metric = _metric(metrics, key, "histogram")
        bound = key.labels.get("le")
        if bound is None:
            metric.add_sample(key.sample, key.labels, total)
            continue
        others = {name: value for name, value in key.labels.items() if name != "le"}
        child = (key.metric, tuple(others.values()))
        labels[child] = others
        buckets.setdefault(child, {})[float(bound)] = total
    for child, counts in buckets.items():
        metric, count = metrics[child[0]], 0.0
        for upper, number in sorted(counts.items()):
            count += number
            metric.add_sample(f"{metric.name}_bucket", {**labels[child], "le": _text(upper)}, count)
        metric.add_sample(f"{metric.name}_count", labels[child], count)
    return metrics.values()


def _metric(metrics: dict[str, Metric], key: _Key, kind: str) -> Metric:
    return metrics.get(key.metric) or metrics.setdefault(key.metric, Metric(key.metric, key.text, kind))


def _text(bound: float) -> str:
    text: str = floatToGoString(bound)  # type: ignore[no-untyped-call]
    return text


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    with _opened(folder / _LOCK) as lock:
        with _opened(folder / _GATE) as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(lock, how)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
