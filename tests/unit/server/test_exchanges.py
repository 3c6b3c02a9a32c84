"""Tests of a request with its answer, on a connection without a socket."""

from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from apientreprise_gateway.net.write_batch import WriteBatch
from apientreprise_gateway.server.application import ClientGoneError
from apientreprise_gateway.server.exchanges import AsgiExchange, DirectExchange
from apientreprise_gateway.server.state import State
from support.fake_connection import FakeTransport


class Line:
    """A connection."""

    def __init__(self) -> None:
        self.config: Any = type("Config", (), {"asgi_version": "3.0"})
        self.app_state: dict[str, Any] = {"kept": 1}
        self.transport = FakeTransport()
        self.flow = FlowControl(self.transport)
        self.stalls: Any = None  # asked only while writing is paused
        self.write_batch = WriteBatch()
        self.server_state = State()
        self.answers = 0

    def put(self, data: bytes) -> None:
        """Write."""
        self.transport.write(data)

    def answered(self) -> None:
        """Count."""
        self.answers += 1


def direct(line: Any, *, method: str = "GET", keep_alive: bool = True) -> DirectExchange:
    """A request that is answered directly."""
    return DirectExchange(line, {"method": method}, keep_alive=keep_alive)


async def test_an_answer_is_one_write() -> None:
    """Head and body go out together, and the connection goes on."""
    line = Line()
    line.server_state.default_headers = [(b"date", b"today")]
    await direct(line).respond(200, b"x-a: b\r\n", b"body")
    assert line.transport.written == b"HTTP/1.1 200 OK\r\ndate: today\r\nx-a: b\r\ncontent-length: 4\r\n\r\nbody"
    assert (line.answers, line.transport.closed) == (1, False)


async def test_the_last_answer_of_a_connection() -> None:
    """It says so, and the connection is closed behind it."""
    line = Line()
    await direct(line, keep_alive=False).respond(200, b"", b"x")
    assert line.transport.written.endswith(b"content-length: 1\r\nconnection: close\r\n\r\nx")
    assert (line.answers, line.transport.closed) == (1, True)


async def test_the_answer_to_head() -> None:
    """It has the length, and no body."""
    line = Line()
    await direct(line, method="HEAD").respond(200, b"", b"body")
    assert line.transport.written.endswith(b"content-length: 4\r\n\r\n")


async def test_a_long_answer() -> None:
    """It is not copied behind its head, and comes out whole."""
    line, body = Line(), bytes(100_000)
    await direct(line).respond(200, b"", body)
    assert line.transport.written.endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize("how", ["gone", "closing"])
async def test_nobody_is_there_to_be_answered(how: str) -> None:
    """The application is told, nothing is written, and the turn ends."""
    line = Line()
    exchange = direct(line)
    if how == "gone":
        exchange.client_gone()
    else:
        line.transport.closed = True
    with pytest.raises(ClientGoneError):
        await exchange.respond(200, b"", b"x")
    assert (line.transport.written, line.answers, exchange.response_complete) == (b"", 1, True)


def test_a_body_that_is_passed_over() -> None:
    """It is counted and not kept."""
    exchange = direct(Line())
    assert [exchange.take_body(b"abc"), exchange.take_body(b"de")] == [3, 5]
    assert exchange.body_held() == 0


async def test_an_answer_by_way_of_asgi() -> None:
    """The application reads the body in its messages, and answers in others."""
    line: Any = Line()
    scope = {"type": "http", "method": "POST", "headers": []}
    exchange = AsgiExchange(line, scope, path="/a b", http_version="1.1", keep_alive=True)
    assert [exchange.take_body(b"abc"), exchange.take_body(b"de")] == [3, 5]
    assert exchange.body_held() == 5
    exchange.end_body()
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend((scope["path"], scope["http_version"], scope["state"], (await receive())["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        await send({"type": "http.response.body", "body": b"x"})

    await exchange.run_asgi(app)
    assert seen == ["/a b", "1.1", {"kept": 1}, b"abcde"]
    assert line.transport.written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (line.answers, exchange.response_complete) == (1, True)


async def test_a_client_of_asgi_that_goes() -> None:
    """An application that waits for the body is told that nobody sends it any more."""
    line: Any = Line()
    scope = {"type": "http", "method": "POST", "headers": []}
    exchange = AsgiExchange(line, scope, path="/", http_version="1.1", keep_alive=True)
    exchange.client_gone()
    assert (await exchange.receive())["type"] == "http.disconnect"
