"""Calls of the client to a provider, on the wire."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.pool import Pool
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.tls import client_context
from support.certificates import Authority
from support.site import LONG, Gate, hang
from support.stub import always, answer, stub

pytestmark = pytest.mark.uvloop

ANSWER = always(answer(b"{}"))


@contextmanager
def _pool(url: str, **changes: Any) -> Iterator[Pool]:
    usual: dict[str, Any] = {"timeout": LONG, "max_body": 1000, "user_agent": "tests/1"}
    pool = Pool(url, **(usual | changes))
    try:
        yield pool
    finally:
        pool.close()


async def _fault(call: Awaitable[object]) -> Fault:
    with pytest.raises(CallError) as caught:
        await call
    return caught.value.fault


def _now() -> float:
    return asyncio.get_running_loop().time()


async def test_what_is_sent() -> None:
    """A call is a GET with our headers, then those that come with it."""
    with stub(ANSWER) as provider:
        with _pool(f"{provider.url}/base/") as pool:
            response = await pool.get("/path?x=1", request_id="the-id", headers=b"X-One: 1\r\nX-Two: 2\r\n")
            assert (response.status, response.content_type, response.body) == (200, "application/json", b"{}")
        (head,) = provider.requests
        assert head == (
            f"GET /base/path?x=1 HTTP/1.1\r\nHost: 127.0.0.1:{provider.port}\r\nUser-Agent: tests/1\r\nAccept: */*\r\n"
            "Accept-Encoding: identity\r\nX-Request-Id: the-id\r\nX-One: 1\r\nX-Two: 2\r\n\r\n"
        )


async def test_a_deadline_for_several_calls() -> None:
    """Calls may share a deadline, whatever the pool's own timeout; after it nobody is asked any more."""
    with stub(hang) as provider, _pool(provider.url) as pool:
        deadline = _now() + 0.3
        assert await _fault(pool.get("/", request_id="1", deadline=deadline)) is Fault.TIMEOUT
        assert deadline <= _now() < deadline + LONG / 2
        provider.handler = ANSWER
        provider.requests.clear()
        assert await _fault(pool.get("/", request_id="2", deadline=deadline)) is Fault.TIMEOUT
        assert (await pool.get("/", request_id="3")).status == 200
        assert ["-Id: 3" in head for head in provider.requests] == [True]


async def test_a_cap_on_calls_under_way() -> None:
    """A call beyond the cap fails at once, and every end of a call makes room."""
    gate = Gate(answer(b"{}"))
    with stub(gate) as provider, _pool(provider.url, max_calls=3) as pool:
        calls = [asyncio.create_task(pool.get("/", request_id="r")) for _ in range(3)]
        await asyncio.to_thread(gate.arrived.wait, LONG)
        assert [await _fault(pool.get("/", request_id="r")) for _ in range(5)] == [Fault.BUSY] * 5
        calls[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await calls[0]
        assert await _fault(pool.get("/", request_id="r", deadline=_now() + 0.2)) is Fault.TIMEOUT
        gate.opened.set()
        assert [(await call).status for call in calls[1:]] == [200, 200]
        answers = await asyncio.gather(*(pool.get("/", request_id="r") for _ in range(3)))
        assert [response.status for response in answers] == [200] * 3


async def test_interim_answers() -> None:
    """What a provider says before its answer is passed over, its headers too."""
    early = b"HTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    with stub(always(early + answer(b"{}"))) as provider:
        with _pool(provider.url) as pool:
            for _ in range(2):
                response = await pool.get("/", request_id="r")
                assert (response.status, response.content_type, response.body) == (200, "application/json", b"{}")
        assert provider.connections == 1


async def test_trailers_change_nothing() -> None:
    """What comes after a body does not replace what came before it."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    raw = head + b"2\r\n{}\r\n0\r\ncontent-type: text/html\r\nlocation: /elsewhere\r\n\r\n"
    with stub(always(raw)) as provider:
        with _pool(provider.url) as pool:
            for _ in range(2):
                assert await pool.get("/", request_id="r") == Response(200, "application/json", b"{}")
        assert provider.connections == 1


@pytest.mark.parametrize("others", [["127.0.0.2"], ["127.0.0.2", "127.0.0.3", "127.0.0.4"]])
async def test_a_name_with_several_addresses(monkeypatch: pytest.MonkeyPatch, others: list[str]) -> None:
    """Where one address refuses the next is tried."""
    monkeypatch.setattr(socket, "getaddrinfo", _resolver([*others, "127.0.0.1"]))
    with stub(ANSWER) as provider, _pool(f"http://several.example:{provider.port}") as pool:
        assert (await pool.get("/", request_id="r")).status == 200


async def test_an_address_that_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An address that does not answer gets its share of the time only."""
    monkeypatch.setattr(socket, "getaddrinfo", _resolver(["127.0.0.2", "127.0.0.1"]))
    ca = Authority(tmp_path_factory.mktemp("ca"))
    context = ca.sign("server", names=("several.example",)).server_context()
    with (
        stub(ANSWER, tls=context) as provider,
        socket.create_server(("127.0.0.2", provider.port)),
        _pool(f"https://several.example:{provider.port}", timeout=4, tls=client_context(ca=ca.file)) as pool,
    ):
        assert (await pool.get("/", request_id="r")).status == 200


def _resolver(addresses: list[str]) -> Callable[..., Any]:
    real = socket.getaddrinfo

    def resolve(host: str, port: int, **given: Any) -> Any:
        if not host.endswith(".example"):
            return real(host, port, **given)
        if given.get("flags") == socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        return [found for address in addresses for found in real(address, port, **given)]

    return resolve
