"""The end of a gateway: first it says that it is not ready, then it answers what is under way, then it goes."""

import errno
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from support.fleet import gateway, load, pause
from support.site import LONG, Gate, fresh
from support.stores import Server, until
from support.stub import Stub, stub
from support.wire import request, wire


def _readiness(url: str) -> int:
    try:
        return httpx.get(f"{url}/readyz", timeout=LONG).status_code
    except httpx.TransportError:
        return 0


def _is_refused(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def test_readiness_fails_first(tmp_path: Path, provider: Stub) -> None:
    """For a while after the signal calls are answered as usual, on connections that end with their answer."""
    with gateway(tmp_path, upstream=provider.url, drain_delay="2") as only:
        assert _readiness(only.url) == 200
        with load([only], lambda: request(token=fresh())) as running:
            running.grows_by(40)
            only.process.send_signal(signal.SIGTERM)
            until(lambda: _readiness(only.url) == 503, "it is still ready")
            seen = len(running.taken)
            running.grows_by(40)
        assert (running.statuses(), running.broken, running.refused) == ({200}, 0, 0)
        late = [taken.answer.headers.get("connection") for taken in running.taken[seen + running.clients :]]
        assert set(late) == {"close"}
        assert only.process.wait(LONG) == 0


def test_a_second_signal_cuts_the_wait_short(tmp_path: Path, provider: Stub) -> None:
    """Whoever asks twice need not wait for load balancers."""
    with gateway(tmp_path, upstream=provider.url, drain_delay="300") as only:
        only.process.send_signal(signal.SIGTERM)
        until(lambda: _readiness(only.url) == 503, "it is still ready")
        only.process.send_signal(signal.SIGTERM)
        assert only.process.wait(LONG) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_signals_all_the_time(tmp_path: Path, store: Server, provider: Stub, workers: int) -> None:
    """Whatever is signalled while a gateway ends, to its last moment, it ends in order."""
    with gateway(tmp_path, workers, upstream=provider.url, redis_url=store.url, drain_delay="0.2") as only:
        assert only.ask(token=fresh()).status == 200
        pids = [only.process.pid, *only.worker_pids()]
        while only.process.poll() is None:
            for pid in pids:
                for number in (signal.SIGTERM, signal.SIGHUP):
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
            pause(0.002)
        assert only.process.returncode == 0
        assert "Traceback" not in only.errors.read_text()
        assert len(only.access_lines()) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_calls_under_way_are_answered(tmp_path: Path, store: Server, workers: int) -> None:
    """A call whose provider takes its time is answered after the signal, while new connections are refused."""
    gate = Gate()
    with (
        stub(gate) as slow,
        gateway(tmp_path, workers, upstream=slow.url, redis_url=store.url) as only,
        wire(only.port) as line,
    ):
        line.send(request(token=fresh()))
        assert gate.arrived.wait(LONG)
        only.process.send_signal(signal.SIGTERM)
        until(lambda: _is_refused(only.port), "it still listens")
        gate.opened.set()
        answer = line.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert only.process.wait(LONG) == 0
        assert [each["status"] for each in only.access_lines()] == [200]


def test_pipelined_calls(tmp_path: Path, provider: Stub) -> None:
    """Of calls sent without waiting each has its answer and its line, or neither; the last answer says that it is."""
    with gateway(tmp_path, upstream=provider.url) as only:
        with ThreadPoolExecutor(8) as pool:
            enough = threading.Event()
            clients = [pool.submit(_pipeline, only.port, enough) for _ in range(8)]
            assert enough.wait(LONG)
            assert only.stop() == 0
            ids = [each for client in clients for each in client.result()]
        assert sorted(line["request_id"] for line in only.access_lines()) == sorted(ids)
        assert "Traceback" not in only.errors.read_text()


def _pipeline(port: int, enough: threading.Event) -> list[str]:
    """Call until the gateway closes; the ids of the answers."""
    ids: list[str] = []
    with wire(port) as line:
        while True:
            line.send(request(token=fresh()) * 10)
            for number in range(10):
                if number == 0 and line.is_at_end():
                    return ids  # closed between two batches, when nothing was under way
                answer = line.answer()
                ids.append(answer.headers["x-request-id"])
                if answer.headers.get("connection") == "close":
                    assert line.some() == b""
                    return ids
            if len(ids) >= 100:
                enough.set()


def test_calls_that_take_too_long(tmp_path: Path) -> None:
    """After the deadline what is still under way is abandoned, told of in the log, and the process ends."""
    gate = Gate()
    with stub(gate) as slow, gateway(tmp_path, upstream=slow.url, stop_timeout="1") as only, wire(only.port) as line:
        line.send(request(token=fresh()))
        assert gate.arrived.wait(LONG)
        only.process.send_signal(signal.SIGTERM)
        assert only.process.wait(LONG) == 0
        gate.opened.set()
        assert [each["status"] for each in only.access_lines(event="abandoned")] == [None]
