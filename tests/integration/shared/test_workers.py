"""`serve --workers 2`: workers that end are replaced, a stop loses no line, and what is reported is of both."""

import json
import os
import re
import resource
import signal
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from support.fleet import (
    Gateway,
    Load,
    fleet,
    gateway,
    is_running,
    load,
    pause,
    piped,
    together,
    undisturbed,
)
from support.programs import TRACE
from support.site import LONG, VIGILANCE, fresh
from support.stores import Server, free_port, until
from support.stub import Stub
from support.wire import request, wire

LIMIT = 50
CLIENTS = 24
"""Clients that reach both workers, all but certainly."""


def _request_of_a_new_token() -> bytes:
    return request(token=fresh())


def _request_ids(answers: list[dict[str, str]]) -> Counter[str]:
    return Counter(headers["x-request-id"] for headers in answers)


def test_a_killed_worker_is_replaced(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A worker that dies under load is replaced, calls go on being answered, and the limit stays exact."""
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url) as both:
        answered = lost = 0
        for _ in range(4):
            told = len(both.modes())
            running = _kill_one_under_load(both)
            assert running.statuses() == {200}
            assert running.refused == 0
            assert running.broken <= running.clients, "only the calls of the dead worker were lost"
            answered, lost = answered + len(running.taken), lost + running.broken
            lasted = max(taken.at + taken.seconds for taken in running.taken) - min(taken.at for taken in running.taken)
            both.all_logged()
            if both.modes(count=told + 1)[told:] == ["shared"] and lasted < 60:
                break  # the new worker's own line: none has lost the store meanwhile; and no call has left the window
        else:
            raise AssertionError("each attempt was disturbed: the store was out of reach, or it took over a minute")
        remaining = [int(taken.answer.headers["ratelimit-remaining"]) for taken in running.taken]
        assert len(set(remaining)) == len(remaining), "no call was counted twice"
        assert 1_000_000 - min(remaining) - len(remaining) <= running.broken, "none was forgotten"
        shown = both.metrics()
        counted = sum(value for name, value in shown.items() if name.startswith("gateway_answers_total"))
        difference = abs(counted - answered)
        assert difference <= lost + CLIENTS, "what the dead have counted stays, but for the calls of the last moment"
        assert shown["gateway_worker_deaths_total"] >= 1
        until(lambda: both.metrics()["gateway_in_flight"] == 0, "but not in what goes on now")
        assert Counter(undisturbed([both], partial(_flood, both))) == {200: LIMIT, 429: 50}


def _kill_one_under_load(both: Gateway) -> Load:
    token, before = fresh(), both.worker_pids()
    assert len(before) == 2
    with load([both], lambda: request(token=token), clients=CLIENTS) as running:
        running.grows_by(80)
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(both.worker_pids() - before) == 1, "it is not replaced")
        until(lambda: both.in_mode("shared") == 2, "the new worker does not serve")
        running.grows_by(80)
    return running


def _flood(both: Gateway) -> list[int]:
    token = fresh()
    return [answer.status for answer in together([partial(both.ask, token=token, path=VIGILANCE)] * 100)]


def test_a_stop_under_load_loses_no_line(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Two workers that are asked to stop leave one whole line for each answer a client got, and no process."""
    file = tmp_path / "access.jsonl"
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, access_log=str(file)) as both:
        workers = both.worker_pids()
        with load([both], lambda: _long_request(fresh()), clients=CLIENTS) as running:
            running.grows_by(300)
            assert both.stop() == 0
        until(lambda: not any(map(is_running, workers)), "a worker is left")
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        answered = _request_ids([taken.answer.headers for taken in running.taken])
        assert Counter(line["request_id"] for line in lines) == answered
        assert running.statuses() == {200}
        assert "Traceback" not in both.errors.read_text()
        assert both.logged("stopped")


def _by_status(shown: dict[str, float]) -> Counter[str]:
    """The answers of a scrape, by status."""
    counted = Counter[str]()
    for name, value in shown.items():
        if name.startswith("gateway_answers_total{"):
            counted[name.rpartition('status="')[2].rstrip('"}')] += int(value)
    return counted


def test_metrics_are_of_both_workers(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Any worker, and the port of its own, shows the calls that all workers answered."""
    port = free_port()
    settings = {"redis_url": store.url, "metrics_port": str(port)}
    with gateway(tmp_path, 2, upstream=provider.url, **settings) as both:
        token = fresh()
        answers = together([partial(both.ask, token=token, path=VIGILANCE)] * 80)
        expected = Counter(str(answer.status) for answer in answers)
        # A worker tells the others a moment later what it has counted.
        until(lambda: _by_status(both.metrics()) == expected, "they are not counted")
        for _ in range(6):
            for own in (None, port):
                shown = both.metrics(port=own)
                assert _by_status(shown) == expected
                assert shown["gateway_in_flight"] == 0
                assert shown['gateway_store_mode{mode="shared"}'] == 2
        until(lambda: both.metrics()["gateway_access_lines_total"] == 80, "lines are missing")
        assert both.stop() == 0


def test_counters_never_go_down(tmp_path: Path, store: Server, provider: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers die, configurations change: whoever is asked, no counter goes back, and the dead leave no files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    port = free_port()
    scrapes: list[dict[str, float]] = []
    files: list[int] = []
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, metrics_port=str(port)) as both:

        def scrape() -> None:
            scrapes.append(both.metrics(port=port if len(scrapes) % 2 else None))

        with load([both], _request_of_a_new_token, clients=8) as running:
            for _ in range(3):
                running.grows_by(50)
                scrape()
                before = both.worker_pids()
                os.kill(max(before), signal.SIGKILL)
                until(lambda before=before: len(both.worker_pids() - before) == 1, "it is not replaced")  # type: ignore[misc]
                scrape()
                both.settles_in("shared")
                reloaded = len(both.logged("reloaded"))
                both.process.send_signal(signal.SIGHUP)
                until(lambda told=reloaded: len(both.logged("reloaded")) >= told + 2, "it is not reloaded")  # type: ignore[misc]
                scrape()
                (folder,) = temporary.glob("gateway-metrics-*")
                files.append(len(list(folder.glob("*.db"))))
        scrape()
        counters = {name for name in scrapes[0] if re.match(r"\w+_(total|count|sum|bucket)\b", name)}
        assert len(counters) > 50
        assert "process_cpu_seconds_total" in counters
        for earlier, later in pairwise(scrapes):
            assert [name for name in counters if later.get(name, 0) < earlier[name]] == []
        assert scrapes[-1]["gateway_worker_deaths_total"] == 3
        assert max(files) == min(files), "the dead have left files"
        assert both.stop() == 0
    assert list(temporary.glob("gateway-metrics-*")) == []


def test_a_killed_gateway_leaves_its_files_to_the_next(
    tmp_path: Path, store: Server, provider: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a gateway that was killed could not remove is removed by the next one; a gateway that runs keeps its own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    def folders() -> set[str]:
        return {path.name for path in (tmp_path / "temporary").glob("gateway-metrics-*")}

    settings = {"upstream": provider.url, "redis_url": store.url}
    with gateway(tmp_path / "a", 2, **settings) as killed, gateway(tmp_path / "b", 2, **settings) as running:
        workers = killed.worker_pids()
        killed.process.kill()
        killed.process.wait()
        until(lambda: not any(map(is_running, workers)), "its workers go on")
        left = folders()
        with gateway(tmp_path / "c", 2, **settings) as following:
            assert len(left) == len(folders()) == 2
            assert len(left & folders()) == 1
            for member in (running, following):
                assert member.ask(token=fresh()).status == 200
                until(lambda member=member: member.metrics().get(_ANSWERED) == 1, "it is not counted")  # type: ignore[misc]


_ANSWERED = 'gateway_answers_total{operation="api_entreprise_v4_insee_unites_legales",status="200"}'


def test_a_parent_that_is_killed(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Workers whose parent is gone answer what they have begun, write its lines, and end by themselves."""
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url) as both:
        workers = both.worker_pids()
        with load([both], _request_of_a_new_token, clients=CLIENTS) as running:
            running.grows_by(300)
            both.process.kill()
            until(lambda: not any(map(is_running, workers)), "a worker is left", seconds=LONG)
        assert running.statuses() == {200}
        answered = _request_ids([taken.answer.headers for taken in running.taken])
        assert Counter(line["request_id"] for line in both.access_lines()) == answered
        assert "Traceback" not in both.errors.read_text()


def test_a_pipe_that_nobody_reads_any_more(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Calls are answered although their lines go nowhere; that is said once, and at the end how many are lost."""
    with piped(tmp_path, 2, upstream=provider.url, redis_url=store.url) as both:
        assert both.pipe is not None
        os.close(both.pipe)
        both.pipe = None
        assert [each.status for each in together([partial(both.ask, token=fresh())] * 60)] == [200] * 60
        # The other worker waits for the one that tries again, so that no line is broken by another.
        until(lambda: len(both.logged("access_log_unwritable")) == 1, "nobody says so")
        assert both.stop() == 0
        assert sum(line["lines"] for line in both.logged("access_lines_lost")) == 60
        assert len(both.logged("access_lines_lost")) <= 2


def test_no_more_open_files(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A process that may open no more files turns new connections away, keeps its others, and does not spin."""
    settings = {"redis_url": store.url, "max_connections": "10000000000"}
    with gateway(tmp_path, 1, upstream=provider.url, **settings) as only, wire(only.port) as line:
        assert len(only.logged("few_open_files", count=1)) == 1, "what cannot be is not told"
        pid, data = only.process.pid, request(token=fresh())
        line.send(data)
        assert line.answer().status == 200
        open_now = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + 5, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        with ExitStack() as stack:
            for _ in range(50):
                stack.enter_context(wire(only.port))
            pause(0.2)
            used = _cpu_seconds(pid)
            pause(2)
            assert _cpu_seconds(pid) - used < 1
            line.send(data)
            assert line.answer().status == 200
        until(lambda: only.says(data).startswith(b"HTTP/1.1 200"), "it does not recover")
        assert only.stop() == 0


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_no_room_for_metrics(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Where a full disk has no room for a new worker's metrics, it is tried again later, and the other one goes on."""
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url) as both:
        resource.prlimit(both.process.pid, resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        os.kill(min(both.worker_pids()), signal.SIGKILL)
        until(lambda: len(both.logged("start_failed")) >= 1, "it is started all the same")
        assert "File too large" in both.logged("start_failed")[0]["reason"]
        assert all(line.startswith("{") for line in both.errors.read_text().splitlines())
        assert [both.ask(token=fresh()).status for _ in range(10)] == [200] * 10
        resource.prlimit(both.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        until(lambda: both.in_mode("shared") == 2, "it is not replaced", seconds=60)
        assert both.stop() == 0


def _long_request(token: str) -> bytes:
    return request(token=token, query=TRACE | dict.fromkeys(("context", "object", "user_id"), "é" * 256))


def test_lines_of_two_workers_in_one_pipe(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Two workers write to one pipe, as in a container, and every line stays whole whoever reads how slowly."""
    with piped(tmp_path, 2, upstream=provider.url, redis_url=store.url) as both:
        assert both.pipe is not None
        received = bytearray()
        with load([both], partial(_long_request, fresh()), clients=CLIENTS) as running:
            running.grows_by(1000)  # none of it has been read: the pipe is full, and both workers wait for room in it
        until(lambda: _drained(both, received) and received.count(b"\n") >= len(running.taken), "lines are missing")
        both.process.terminate()
        until(lambda: _drained(both, received) and both.process.poll() is not None, "it does not stop", seconds=LONG)
        parsed = [json.loads(line) for line in bytes(received).splitlines()]
    assert Counter(line["request_id"] for line in parsed) == _request_ids(
        [taken.answer.headers for taken in running.taken]
    )


def _drained(both: Gateway, received: bytearray) -> bool:
    """Read what is in the pipe, 4 kB at a time as a slow reader would."""
    assert both.pipe is not None
    os.set_blocking(both.pipe, False)
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        try:
            part = os.read(both.pipe, 4096)
        except BlockingIOError:
            return True
        if not part:
            return True
        received += part
    return True


def test_clients_that_go_away_disturb_nobody(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Whoever closes in the middle of calls, each other client reads its own figures, one after the other."""
    with fleet(tmp_path, 2, upstream=provider.url, redis_url=store.url) as members:

        def leave(member: Gateway) -> None:
            token = fresh()
            for number in range(60):
                with wire(member.port) as line:
                    line.send(request(token=token) * (1 + number % 3))
                    pause(0.0005 * (number % 7))

        def stay(member: Gateway) -> list[int]:
            token = fresh()
            return [int(member.ask(token=token).headers["ratelimit-remaining"]) for _ in range(60)]

        def attempt() -> list[list[int] | None]:
            calls = [partial(leave, members[n % 2]) for n in range(8)]
            others = [partial(stay, members[n % 2]) for n in range(8)]
            return together([*calls, *others], threads=16)

        results = undisturbed(members, attempt)
        assert [figures for figures in results if figures is not None] == [[*range(999_999, 999_939, -1)]] * 8
        for member in members:
            assert "Traceback" not in member.all_logged()
            until(lambda member=member: member.metrics()["gateway_in_flight"] == 0, "calls are left")  # type: ignore[misc]
