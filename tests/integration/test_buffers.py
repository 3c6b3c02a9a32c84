"""What clients may leave with the gateway, all of them together."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from support.site import LONG, ROOMY, Site, fresh, scrape, wait_until
from support.site import site as started
from support.stores import free_port
from support.stub import always, answer
from support.wire import request

MOST = 4 * 1024 * 1024
LONG_BODY = b'{"data":{"siren":"130025265","x":"' + b"a" * 7_000_000 + b'"},"links":{},"meta":{}}'


@contextmanager
def silent(site: Site, count: int, data: bytes, *, net: int) -> Iterator[None]:
    """Clients that ask, each from an address of its own, and read nothing."""
    with ExitStack() as kept:
        for number in range(count):
            client = kept.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.bind((f"127.{net}.{number // 250}.{number % 250 + 1}", 0))
            client.connect(("127.0.0.1", site.program.port))
            client.sendall(data)
        yield


def _resident(site: Site) -> int:
    """Bytes of memory of the gateway."""
    pages = Path(f"/proc/{site.program.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def _metric(port: int, name: str) -> float:
    rows = [line.rpartition(" ") for line in scrape(f"http://127.0.0.1:{port}").splitlines() if line.startswith(name)]
    return sum(float(value) for _, _, value in rows)


@pytest.mark.parametrize("path", ["/openapi.yaml", "/docs/assets/swagger-ui-bundle.js"])
def test_pages_that_are_not_read(tmp_path: Path, path: str) -> None:
    """Many clients that ask for page after page and read none cost little, and shut nobody out."""
    port = free_port()
    with started(tmp_path, **ROOMY, metrics_port=str(port), waiting_bytes=str(MOST)) as own:
        ask = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        assert own.client.get(own.program.url + path).status_code == 200
        before = _resident(own)
        with silent(own, 80, ask * 6, net=20):
            wait_until(lambda: _metric(port, 'gateway_connections_cut_total{reason="slow_reader"') > 0)
            assert _resident(own) - before < 100 * 1024 * 1024
            wait_until(lambda: own.client.get(own.program.url + path).status_code == 200)
            assert own.call(token=fresh()).status_code == 200
        wait_until(lambda: _metric(port, "gateway_untaken_bytes") == 0)


def test_answers_that_are_not_read(tmp_path: Path) -> None:
    """Once what clients leave fills the bound, a long answer is 503; when the slowest were let go it is given again."""
    port = free_port()
    with started(
        tmp_path,
        always(answer(LONG_BODY)),
        **ROOMY,
        metrics_port=str(port),
        waiting_bytes=str(MOST),
        limit_json="100000",
        duplicates="count",
    ) as own:
        token = fresh()
        begin = time.monotonic()
        with silent(own, 6, request(token=fresh()) * 2, net=21):
            statuses: set[int] = set()
            while not statuses >= {503, 200} and time.monotonic() - begin < LONG:
                got = own.call(token=token)
                statuses.add(got.status_code)
                if got.status_code == 503:
                    assert got.json()["errors"][0]["code"] == "00908"
                    assert int(got.headers["retry-after"]) >= 1
                    assert "ratelimit-remaining" in got.headers
            assert statuses == {503, 200}
        assert _metric(port, 'gateway_errors_total{code="00908"}') >= 1
        assert _metric(port, 'gateway_connections_cut_total{reason="slow_reader"') >= 1


def test_heads_that_do_not_end(tmp_path: Path) -> None:
    """Hundreds of long heads without an end stay within the bound, and shut nobody out."""
    port = free_port()
    with started(tmp_path, **ROOMY, metrics_port=str(port), waiting_bytes=str(MOST), client_timeout="60") as own:
        before = _resident(own)
        head = b"GET /x HTTP/1.1\r\nHost: x\r\n" + b"".join(b"x-%d: %b\r\n" % (n, b"y" * 3800) for n in range(16))
        with silent(own, 400, head, net=22):
            wait_until(lambda: _metric(port, "gateway_connections_cut_total") > 0)
            assert _metric(port, "gateway_unanswered_bytes") <= MOST
            assert _resident(own) - before < 50 * 1024 * 1024
            assert own.call(token=fresh()).status_code == 200
