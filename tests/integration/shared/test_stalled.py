"""Pipes that nobody reads: no process stands still for them, nor at its end."""

import json
import os
import signal
from pathlib import Path

import httpx
import pytest

from support.fleet import Gateway, gateway, is_running, piped, together
from support.site import LONG, Gate, fresh
from support.stalled import full_pipe, started
from support.stores import Server, free_port, until
from support.stub import Stub, stub
from support.tokens import SECRET
from support.wire import request, wire

COMMANDS = {
    "serve": ("serve",),
    "workers": ("serve", "--workers", "2"),
    "sandbox": ("sandbox",),
    "demo": ("demo",),
}
SOON = 40.0
"""Seconds in which a process is gone that may take three for its stop, on a slow machine."""


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez", timeout=LONG).status_code < 500
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("streams", ["stderr", "both"])
@pytest.mark.parametrize("command", COMMANDS)
def test_nobody_reads_standard_error(
    store: Server, provider: Stub, command: str, streams: str, number: signal.Signals
) -> None:
    """A program whose log goes into a full pipe answers, obeys its signals, and ends when it is asked to."""
    port = free_port()
    settings = {"jwt_secrets": SECRET, "upstream_url": provider.url, "redis_url": store.url, "stop_timeout": "3"}
    given = {} if command in ("sandbox", "demo") else settings
    with (
        full_pipe() as errors,
        full_pipe() as output,
        open(os.devnull, "wb") as nowhere,
        started(
            *COMMANDS[command],
            "--port",
            str(port),
            stdout=output.writer if streams == "both" else nowhere,
            stderr=errors.writer,
            settings=given,
        ) as process,
    ):
        until(lambda: _answers(port), "it does not start", seconds=60)
        for _ in range(10):
            process.send_signal(signal.SIGUSR1)
            if command in ("serve", "workers"):
                process.send_signal(signal.SIGHUP)
            assert _answers(port)
        process.send_signal(number)
        assert process.wait(SOON) == 0


def test_lines_are_dropped_told_of_and_counted(tmp_path: Path) -> None:
    """What finds no room in the log is dropped; how much is said once it is read again, and shown as a metric."""
    port = free_port()
    log = tmp_path / "access"
    settings = {"jwt_secrets": SECRET, "upstream_url": f"http://127.0.0.1:{port}", "access_log": str(log)}
    huge = "/v4/insee/sirene/unites_legales/130025265"
    with (
        full_pipe() as errors,
        open(os.devnull, "wb") as nowhere,
        started(
            "serve",
            "--port",
            str(port),
            stdout=nowhere,
            stderr=errors.writer,
            settings={**settings, "config": str(tmp_path / "gateway.toml")} | _wrong(tmp_path),
        ) as process,
    ):
        os.close(errors.writer)
        until(lambda: _answers(port), "it does not start", seconds=60)
        _refused_reloads(tmp_path, process.pid)
        until(lambda: _metric(port, "gateway_log_lines_dropped_total") > 0, "none is dropped", seconds=60)
        assert _answers(port), huge
        errors.read_on()
        until(lambda: '"log_lines_dropped"' in errors.text, "it is not told")
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON) == 0
        until(lambda: '"stopped"' in errors.text, "the last lines are missing")
        lines = [json.loads(line) for line in errors.text.splitlines()]
        assert sum(line["lines"] for line in lines if line["event"] == "log_lines_dropped") > 0


def _wrong(folder: Path) -> dict[str, str]:
    (folder / "gateway.toml").write_text("")
    return {}


def _refused_reloads(folder: Path, pid: int) -> None:
    """Have a process say 100 kB, again and again."""
    (folder / "gateway.toml").write_text(f"x{'y' * 100_000} = 1\n")
    for _ in range(100):
        os.kill(pid, signal.SIGHUP)
        signal.sigtimedwait([], 0.05)


def _metric(port: int, name: str) -> float:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=LONG).text
    return next((float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " ")), 0.0)


@pytest.mark.parametrize("workers", [1, 2])
def test_nobody_reads_the_access_lines(tmp_path: Path, store: Server, provider: Stub, workers: int) -> None:
    """A stop waits for a stalled pipe no longer than it may, and says how many lines are lost."""
    settings = {"redis_url": store.url, "stop_timeout": "3"}
    with piped(tmp_path, workers, upstream=provider.url, **settings) as member:
        calls = 300
        answers = together([lambda: member.ask(token=fresh())] * calls, threads=8)
        assert {each.status for each in answers} == {200}
        pids = [member.process.pid, *member.worker_pids()]
        assert member.stop(seconds=SOON) == 0
        assert not any(map(is_running, pids))
        assert member.pipe is not None
        with os.fdopen(member.pipe, "rb") as pipe:
            taken = pipe.read().count(b"\n")
        member.pipe = None
        assert 0 < taken < calls
        assert sum(line["lines"] for line in member.logged("access_lines_lost")) == calls - taken
        assert member.logged("stopped")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("where", ["/dev/full", "pipe"])
def test_lines_that_cannot_be_written_at_the_end(
    tmp_path: Path, store: Server, provider: Stub, where: str, workers: int
) -> None:
    """A full disk, or a named pipe that is not read any more, holds up no end; each line that is lost is counted."""
    reader = None
    if where == "pipe":
        os.mkfifo(tmp_path / "pipe")
        reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
        where = str(tmp_path / "pipe")
    settings = {"redis_url": store.url, "stop_timeout": "3", "access_log": where}
    with gateway(tmp_path, workers, upstream=provider.url, **settings) as member:
        assert {each.status for each in together([lambda: member.ask(token=fresh())] * 300, threads=8)} == {200}
        assert member.stop(seconds=SOON) == 0
        taken = 0
        if reader is not None:
            taken = os.read(reader, 1024 * 1024).count(b"\n")
            os.close(reader)
        assert sum(line["lines"] for line in member.logged("access_lines_lost")) == 300 - taken


@pytest.mark.parametrize("numbers", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT)])
@pytest.mark.parametrize("workers", [1, 2])
def test_who_asks_twice_is_in_a_hurry(
    tmp_path: Path, store: Server, workers: int, numbers: tuple[signal.Signals, signal.Signals]
) -> None:
    """A second signal cuts off calls whose provider hangs, long before the time of a stop is over; their lines stay."""
    gate = Gate()
    settings = {"redis_url": store.url, "stop_timeout": "200", "upstream_timeout": "60", "drain_delay": "200"}
    with (
        stub(gate) as slow,
        gateway(tmp_path, workers, upstream=slow.url, **settings) as member,
        wire(member.port) as line,
    ):
        line.send(request(token=fresh()))
        assert gate.arrived.wait(LONG)
        member.process.send_signal(numbers[0])
        until(lambda: _is_parting(member), "it does not begin to stop")
        member.process.send_signal(numbers[1])
        assert member.process.wait(SOON) == 0
        gate.opened.set()
        assert [each["status"] for each in member.access_lines(event="abandoned")] == [None]


def _is_parting(member: Gateway) -> bool:
    try:
        return httpx.get(f"{member.url}/readyz", timeout=LONG).status_code == 503
    except httpx.TransportError:
        return True


def test_a_loop_that_stands_still(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A worker that does not end in time, whatever it does, is killed by its parent, and the gateway ends."""
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, stop_timeout="2") as both:
        os.kill(min(both.worker_pids()), signal.SIGSTOP)
        assert both.stop(seconds=SOON) == 0
        assert len(both.logged("worker_overdue")) == 1
