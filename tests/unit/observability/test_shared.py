"""Tests of the metrics that workers share."""

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from apientreprise_gateway.observability.metrics import MULTIPROCESS_DIR
from apientreprise_gateway.observability.shared import SharedMetrics, clear_dead_worker, reserve

BENCH = Path(__file__).resolve().parents[3] / "bench" / "scrape.py"
BURY_ALL = """
import sys
from pathlib import Path
from apientreprise_gateway.observability.shared import clear_dead_worker

for pid in range(1, int(sys.argv[2]) + 1):
    clear_dead_worker(Path(sys.argv[1]), pid)
"""
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
DEATHS = ("gateway_worker_deaths_total", frozenset[tuple[str, str]]())


def samples(metrics: Iterable[Metric]) -> Samples:
    """Every sample, by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for metric in metrics for sample in metric.samples
    }


def shown(folder: Path) -> Samples:
    """What a scrape shows."""
    return samples(SharedMetrics(folder).collect())


def count(folder: Path, pid: int, values: Mapping[str, float], *, kind: str = "counter") -> None:
    """Leave the file of a worker that has counted so much, by operation."""
    file = MmapedDict(str(folder / f"{kind}_{pid}.db"))  # type: ignore[no-untyped-call]
    for operation, value in values.items():
        key = json.dumps(["answers", "answers_total", {"operation": operation}, "Answers."])
        file.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    file.close()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """The folder of three real workers that have used the whole catalogue, with their process ids."""
    folder = tmp_path_factory.mktemp("used")
    pids = []
    for _ in range(3):
        worker = subprocess.Popen(
            [sys.executable, str(BENCH), "--use"], env=os.environ | {MULTIPROCESS_DIR: str(folder)}
        )
        assert worker.wait(60) == 0
        pids.append(worker.pid)
    return folder, pids


def test_it_shows_what_the_library_would(used: tuple[Path, list[int]]) -> None:
    """Every number is the one that the client library finds in the same files."""
    folder, _ = used
    expected = samples(MultiProcessCollector(None, str(folder)).collect())  # type: ignore[no-untyped-call]
    assert shown(folder) == expected
    assert len(expected) > 2000


def test_no_file_outgrows_its_room(used: tuple[Path, list[int]]) -> None:
    """What a worker counts with the whole catalogue in use fits in what is taken for it."""
    folder, pids = used
    sizes = {path.name: path.stat().st_size for path in folder.glob(f"*_{pids[0]}.db")}
    reserve(folder, 1)
    assert sizes == {name.replace("_1.", f"_{pids[0]}."): (folder / name).stat().st_size for name in _names(folder, 1)}
    for name in _names(folder, 1):
        (folder / name).unlink()


def _names(folder: Path, pid: int) -> list[str]:
    return [path.name for path in folder.glob(f"*_{pid}.db")]


def test_the_dead_are_counted_and_leave_no_files(used: tuple[Path, list[int]]) -> None:
    """Once workers are buried their counters show the same, their levels nothing, and of each kind one file is left."""
    folder, pids = used
    before = shown(folder)
    levels = {family.name for family in SharedMetrics(folder).collect() if family.type == "gauge"}
    for pid in pids:
        clear_dead_worker(folder, pid)
    after = shown(folder)
    assert after.pop(DEATHS) == len(pids)
    assert before.pop(DEATHS) == 0
    assert after == {key: value for key, value in before.items() if key in after}
    assert {name for name, _ in before.keys() - after.keys()} <= levels
    files = {path.name for path in folder.iterdir() if "live" not in path.name}
    assert files == {"counter_0.db", "histogram_0.db", "metrics.gate", "metrics.lock"}


def test_many_dead_workers(tmp_path: Path) -> None:
    """Files do not pile up, whatever dies."""
    for pid in range(1, 200):
        count(tmp_path, pid, {"a": 1, f"b{pid % 7}": 2})
        clear_dead_worker(tmp_path, pid)
    found = shown(tmp_path)
    assert found[("answers_total", frozenset({("operation", "a")}))] == 199
    assert found.pop(DEATHS) == 199
    assert sum(found.values()) == 199 * 3
    assert {path.name for path in tmp_path.iterdir()} == {"counter_0.db", "metrics.gate", "metrics.lock"}


def test_a_file_that_is_about_to_be_written(tmp_path: Path) -> None:
    """A worker that has just created its file counts for nothing yet, and its death is no trouble."""
    (tmp_path / "counter_7.db").touch()
    assert shown(tmp_path) == {}
    clear_dead_worker(tmp_path, 7)
    assert shown(tmp_path) == {DEATHS: 1}


def test_room_is_taken_beforehand(tmp_path: Path) -> None:
    """The files of a worker take their room before they are used, more than all metrics need, and count as empty."""
    reserve(tmp_path, 7)
    reserve(tmp_path)
    for path in tmp_path.glob("*.db"):
        assert path.stat().st_blocks * 512 >= path.stat().st_size > 0
    assert samples(SharedMetrics(tmp_path).collect()) == {}
    count(tmp_path, 7, {"a": 2})
    clear_dead_worker(tmp_path, 7)
    assert shown(tmp_path)["answers_total", frozenset({("operation", "a")})] == 2
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["counter_0.db", "histogram_0.db"]


@pytest.mark.parametrize("is_full", [False, True])
def test_a_scrape_while_room_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_full: bool) -> None:
    """Files for which room is still being taken, or for which there is none, are no trouble for a scrape."""
    during: list[Samples] = []
    take = os.posix_fallocate

    def slow(descriptor: int, offset: int, size: int) -> None:
        during.append(shown(tmp_path))
        if is_full and during[2:]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        take(descriptor, offset, size)

    monkeypatch.setattr(os, "posix_fallocate", slow)
    with pytest.raises(OSError, match="No space left") if is_full else nullcontext():
        reserve(tmp_path, 7)
    assert during == [{}] * (3 if is_full else 6)
    assert shown(tmp_path) == {}
    clear_dead_worker(tmp_path, 7)
    assert {path.name for path in tmp_path.iterdir()} == {
        "counter_0.db",
        "histogram_0.db",
        "metrics.gate",
        "metrics.lock",
    }


def test_a_worker_that_dies_while_it_takes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has begun is removed with the rest."""

    def killed(_descriptor: int, _offset: int, _size: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "posix_fallocate", killed)
    with pytest.raises(KeyboardInterrupt):
        reserve(tmp_path, 7)
    assert len(list(tmp_path.iterdir())) == 1
    clear_dead_worker(tmp_path, 7)
    assert {path.name for path in tmp_path.iterdir()} == {"counter_0.db", "metrics.gate", "metrics.lock"}


def test_nothing_at_all(tmp_path: Path) -> None:
    """Without workers there is nothing to show; one that died before it counted anything is no trouble."""
    assert shown(tmp_path) == {}
    clear_dead_worker(tmp_path, 1)
    assert shown(tmp_path) == {DEATHS: 1}


def test_scrapes_while_workers_are_buried(tmp_path: Path) -> None:
    """No scrape sees a worker twice or not at all, and scrapes that overlap without end do not hold up a burial."""
    pids = range(1, 120)
    for pid in pids:
        count(tmp_path, pid, {f"op{number}": 1 for number in range(40)})
    seen: set[float] = set()
    stop = threading.Event()

    def scrape() -> None:
        while not stop.is_set():
            found = shown(tmp_path)
            found.pop(DEATHS, None)
            seen.update(found.values())

    scraping = [threading.Thread(target=scrape) for _ in range(2)]
    for each in scraping:
        each.start()
    try:
        subprocess.run([sys.executable, "-c", BURY_ALL, str(tmp_path), str(len(pids))], check=True, timeout=60)
    finally:
        stop.set()
        for each in scraping:
            each.join()
    assert seen == {float(len(pids))}
    assert len(list(tmp_path.glob("*.db"))) == 1
