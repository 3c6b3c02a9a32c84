"""While access lines cannot be written: calls wait, counted and within a bound, and one more is turned away."""

import os
import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from apientreprise_gateway.observability.access_log import MAX_WAITING_BYTES, MAX_WAITING_CALLS
from support.fleet import Gateway, piped
from support.programs import TRACE
from support.site import GOOD, LONG, UNITE_LEGALE, VIGILANCE, fresh
from support.stalled import memory_of
from support.stores import until
from support.stub import Stub, stub
from support.wire import Wire, request, wire

STRANGE = "%01" * 256
"""Six bytes for each character in an access line."""
LONG_LINES = "&".join(f"{name}={STRANGE}" for name in ("context", "object", "recipient", "user_id"))
MEGABYTE = 1024 * 1024
DOSSIER = TRACE | {"ressources": "insee_unites_legales"}
DOWNLOAD = "/documents/" + "x" * 48


@pytest.fixture(scope="module")
def provider() -> Iterator[Stub]:
    """A provider in good health."""
    with stub(GOOD) as provider:
        yield provider


@contextmanager
def stuck(folder: Path, provider: Stub, **settings: str) -> Iterator[Gateway]:
    """A gateway whose access log has no room for another line, as nobody reads it."""
    usual = {"ip_allowlist": "127.0.0.1", "client_timeout": "60", "stop_timeout": "5"}
    with piped(folder, upstream=provider.url, **(usual | settings)) as only:
        data = f"GET {UNITE_LEGALE} HTTP/1.1\r\nHost: a\r\n\r\n".replace(" HTTP", f"?{LONG_LINES} HTTP").encode()
        with socket.create_connection(("127.0.0.1", only.port), timeout=LONG) as filling:
            while not _is_full(only):
                filling.sendall(data * 100)
                _read_answers(filling, 100)
        until(lambda: _waiting(only) == (0, 0), "it waits for nobody")
        yield only


def _read_answers(connected: socket.socket, count: int) -> None:
    """Read so many answers, or as many as come."""
    while count > 0 and select.select([connected], [], [], 1.0)[0]:
        count -= connected.recv(MEGABYTE).count(b"HTTP/1.1 401")


def _is_full(only: Gateway) -> bool:
    return not httpx.get(f"{only.url}/readyz", timeout=LONG).json()["checks"]["access_log"]


def _waiting(only: Gateway) -> tuple[float, float]:
    shown = only.metrics()
    return shown["gateway_calls_waiting"], shown["gateway_in_flight"]


def _without_line(only: Gateway, outcome: str) -> float:
    return only.metrics()[f'gateway_calls_without_line_total{{outcome="{outcome}"}}']


@contextmanager
def calls(only: Gateway, count: int, data: bytes, *, source: str = "127.0.0.1") -> Iterator[list[Wire]]:
    """So many calls, each on a connection of its own."""
    with ExitStack() as stack:
        lines = [stack.enter_context(wire(only.port, source=source)) for _ in range(count)]
        for line in lines:
            line.send(data)
        yield lines


def _reset(only: Gateway, data: bytes) -> None:
    """Make a call, and break its connection off at once."""
    with socket.create_connection(("127.0.0.1", only.port)) as connected:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connected.sendall(data)


KINDS: dict[str, Callable[[], bytes]] = {
    "call": lambda: request(token=fresh()),
    "document": lambda: request(token=fresh(), path=VIGILANCE),
    "dossier": lambda: request(token=fresh(), path="/v3/dossiers/13002526500013", query=DOSSIER),
    "refused": lambda: request(token=None),
    "unknown": lambda: request(token=None, path="/nowhere"),
    "download": lambda: request(path=DOWNLOAD),
}


def test_calls_wait_and_are_counted(tmp_path: Path, provider: Stub) -> None:
    """Calls of each kind wait, shown and counted for their address, until lines are written; then each has its line."""
    with stuck(tmp_path, provider, limit_ip="50") as only, ExitStack() as stack:
        left = _without_line(only, "abandoned")
        lines = [stack.enter_context(wire(only.port)) for _ in KINDS]
        for line, make in zip(lines, KINDS.values(), strict=True):
            line.send(make())
        until(lambda: _waiting(only)[0] == len(KINDS), "they do not wait")
        assert _waiting(only)[1] == len(KINDS) - 1, "a download is no call to an operation"
        with calls(only, 50, request(token=fresh()), source="127.0.0.9"):
            until(lambda: _waiting(only)[0] == len(KINDS) + 50, "they do not wait")
            assert only.says(request(token=fresh()), source="127.0.0.9") == b"", "it is not banned"
        until(lambda: _waiting(only)[0] == len(KINDS), "who leaves is not let go")
        assert _without_line(only, "abandoned") == left + 50
        assert not any(line.is_readable() for line in lines)
        assert only.pipe is not None
        written = _read_until_empty(only)
        statuses = [line.answer().status for line in lines]
        assert statuses == [200, 200, 200, 401, 404, 404]
        assert _waiting(only) == (0, 0)
        assert only.ask(token=fresh()).status == 200
        assert written.count(b"\n") > 3000


def _read_until_empty(only: Gateway) -> bytes:
    """Read the pipe of access lines until nothing waits any more."""
    assert only.pipe is not None
    os.set_blocking(only.pipe, False)
    content = bytearray()

    def is_empty() -> bool:
        assert only.pipe is not None
        try:
            while part := os.read(only.pipe, MEGABYTE):
                content.extend(part)
        except BlockingIOError:
            pass
        return only.metrics()["gateway_access_lines_waiting"] == 0

    until(is_empty, "lines are missing", seconds=240)
    return bytes(content)


@pytest.mark.parametrize("kind", ["call", "download"])
def test_clients_that_leave_take_no_memory(tmp_path: Path, provider: Stub, kind: str) -> None:
    """Calls whose clients have broken off are let go at once, however many come."""
    padded = {"X-Padding": "x" * 30_000}
    data = request(path=DOWNLOAD, headers=padded) if kind == "download" else request(token=fresh(), headers=padded)
    with stuck(tmp_path, provider) as only:
        for _ in range(200):
            _reset(only, data)
        until(lambda: _waiting(only)[0] == 0, "they are kept")
        before = memory_of(only.process.pid)
        for _ in range(3000):
            _reset(only, data)
        until(lambda: _waiting(only)[0] == 0, "they are kept")
        assert memory_of(only.process.pid) - before < 16 * MEGABYTE
        assert _without_line(only, "abandoned") > 0


@pytest.mark.parametrize("bound", ["calls", "bytes"])
def test_one_more_is_turned_away(tmp_path: Path, provider: Stub, bound: str) -> None:
    """Beyond so many calls, or bytes of them, one more is answered 503 with when to come again, and leaves no line."""
    data = request(token=fresh(), headers={"X-Padding": "" if bound == "calls" else "x" * 40_000})
    most = MAX_WAITING_CALLS if bound == "calls" else MAX_WAITING_BYTES // len(data)
    padding = "x" * 60_000
    with stuck(tmp_path, provider) as only:
        with calls(only, most, data):
            until(lambda: _waiting(only)[0] == most, "they do not wait")
            waiting = only.metrics()["gateway_access_lines_waiting"]
            for path in (UNITE_LEGALE, VIGILANCE, DOWNLOAD, "/nowhere", "/v2/entreprises/130025265"):
                for _ in range(3):
                    with wire(only.port) as line:
                        line.send(request(token=fresh(), path=path, headers={"X-Padding": padding}))
                        given = line.answer()
                    assert (given.status, given.headers["retry-after"]) == (503, "10")
                    assert path.startswith("/v2") or given.codes == ["00906"]
            assert only.says(b"NO HTTP\r\n\r\n").startswith(b"HTTP/1.1 400")
            shown = only.metrics()
            assert shown["gateway_access_lines_waiting"] == waiting
            assert _without_line(only, "refused") == 16
            assert shown['gateway_errors_total{code="00906"}'] == 15
        until(lambda: _waiting(only) == (0, 0), "they are kept")
