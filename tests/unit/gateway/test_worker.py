"""Tests of the process that serves the gateway."""

import socket
from multiprocessing import Pipe

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.gateway import app, settings, worker
from apientreprise_gateway.observability import logs
from apientreprise_gateway.process.runner import Listener


def work() -> None:
    """Be a worker."""
    ours, heart = Pipe(duplex=False)
    with ours, heart, socket.socket() as taken:
        worker.work(Listener(taken, "127.0.0.1", 1), heart)


@pytest.fixture(autouse=True)
def _logs_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "configure", lambda **_: None)


@pytest.mark.parametrize(
    "fault", [settings.SettingsError("GATEWAY_X: wrong"), OSError(28, "No space left on device", "counter_1.db")]
)
def test_a_start_that_fails(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    """A worker that cannot start says why in a line of the log, and nothing else."""

    def create() -> None:
        raise fault

    monkeypatch.setattr(app, "create", create)
    with capture_logs() as told, pytest.raises(SystemExit) as ended:
        work()
    assert ended.value.code == 1
    assert [(line["event"], line["reason"]) for line in told] == [("start_failed", str(fault))]


def test_a_fault_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw ends the worker with its trace in a line of the log."""

    def serve(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(app, "create", lambda: None)
    monkeypatch.setattr(worker, "serve", serve)
    with capture_logs() as told, pytest.raises(SystemExit) as ended:
        work()
    assert ended.value.code == 1
    assert [(line["event"], line["exc_info"]) for line in told] == [("worker_failed", True)]
