"""Tests of the protocol of the server's connections, on real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest

from apientreprise_gateway.net.asgi import Scope
from apientreprise_gateway.net.header_lines import lines_of
from apientreprise_gateway.net.write_batch import write_batch_of
from apientreprise_gateway.server import eviction, held_requests, stalls
from apientreprise_gateway.server.application import CONNECTION, ClientGoneError, ConnectionHooks, Respond
from apientreprise_gateway.server.buffers import Budget
from apientreprise_gateway.server.limits import ConnectionLimits
from apientreprise_gateway.server.uvicorn_server import Server, config
from support.loops import WoundLoop, passes

LARGE = bytes(1024 * 1024)
Handler = Callable[[Scope, Respond], Awaitable[None]]


class App:
    """Answers `/direct...` directly, everything else by way of ASGI, always with the target."""

    def __init__(self, handler: Handler | None = None) -> None:
        self.answered = 0
        self.hooks = self.hooks_with()
        self._handler = handler

    def hooks_with(self, **limits: Any) -> ConnectionHooks:
        """Its hooks, with limits for its connections."""
        return ConnectionHooks(limits=ConnectionLimits(**limits), takes=self.takes, answer=self.answer)

    def takes(self, path: str) -> bool:
        """Whether a call is answered directly."""
        return path.startswith("/direct")

    async def answer(self, scope: Scope, respond: Respond) -> None:
        """Answer directly."""
        if self._handler is not None:
            await self._handler(scope, respond)
        else:
            await respond(200, b"x-way: direct\r\n", scope["raw_path"] + b"?" + scope["query_string"])
        self.answered += 1

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer by way of ASGI: the target, and what body came."""
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        headers = [(b"x-way", b"asgi"), (b"content-length", b"%d" % (len(scope["path"]) + len(body)))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": scope["path"].encode() + body})


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Started:
    """A started server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.port = server.servers[0].sockets[0].getsockname()[1]

    async def connect(self) -> Streams:
        """A new connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def all_of(self, data: bytes) -> bytes:
        """What a connection gets for some bytes until it is closed."""
        reader, writer = await self.connect()
        writer.write(data)
        received = await reader.read()
        writer.close()
        return received


class _Server(Server):
    """A server that leaves signals alone."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@asynccontextmanager
async def serving(app: App, **limits: Any) -> AsyncIterator[Started]:
    """A server of one application, with these limits for its connections, for ten minutes at most."""
    app.hooks = app.hooks_with(**limits)
    settings = config(app, host="127.0.0.1", port=0)
    settings.lifespan = "off"
    server = _Server(settings)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(600):
        while not server.started:
            await asyncio.sleep(0)
        yield Started(server)
        server.should_exit = True
        while isinstance(asyncio.get_running_loop(), WoundLoop) and not task.done():
            await passes(0.1)
        await task


def request(target: str, *, method: str = "GET", close: bool = False, more: bytes = b"") -> bytes:
    """A request."""
    end = b"connection: close\r\n" if close else b""
    return f"{method} {target} HTTP/1.1\r\nhost: x\r\n".encode() + end + more + b"\r\n"


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of the next answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    return int(head[9:12]), await reader.readexactly(length)


wound = pytest.mark.asyncio(loop_factories=["wound"])
"""The test says how time passes."""
few_and_many = pytest.mark.parametrize("in_flight", [0, 100])
"""With many calls in flight, what is written waits for the end of its turn."""


@few_and_many
async def test_both_ways_on_one_connection(in_flight: int) -> None:
    """Calls that are answered directly and calls of ASGI may be pipelined; each is answered, in their order."""
    write_batch_of(asyncio.get_running_loop()).calls = in_flight
    async with serving(App()) as server:
        post = request("/asgi/2", method="POST", more=b"content-length: 5\r\n") + b"hello"
        calls = [request("/direct/1?a=b"), post, request("/direct/3"), request("/asgi/%34", close=True)]
        received = await server.all_of(b"".join(calls))
    bodies = [part for part in received.split(b"\r\n") if part.startswith(b"/")]
    assert b"|".join(bodies).count(b"HTTP/1.1") == 3
    found = [body.split(b"HTTP/1.1")[0] for body in bodies]
    assert found == [b"/direct/1?a=b", b"/asgi/2hello", b"/direct/3?", b"/asgi/4"]


@few_and_many
async def test_answers_keep_their_order_whatever_their_size(in_flight: int) -> None:
    """A long answer does not overtake the short one before it, nor does the end of the connection."""

    async def answer(scope: Scope, respond: Respond) -> None:
        await respond(200, b"x-target: %b\r\n" % scope["raw_path"], LARGE if b"long" in scope["raw_path"] else b"short")

    write_batch_of(asyncio.get_running_loop()).calls = in_flight
    async with serving(App(answer)) as server:
        targets = ["/direct/1", "/direct/long/2", "/direct/3", "/direct/4"]
        calls = [request(target, close=target.endswith("4")) for target in targets]
        received = await server.all_of(b"".join(calls))
        assert [line[10:].decode() for line in received.split(b"\r\n") if line.startswith(b"x-target")] == targets
        assert received.count(LARGE) == 1
        broken = await server.all_of(request("/direct/1") + b"no HTTP\r\n\r\n")
        assert broken.startswith(b"HTTP/1.1 200 ")


async def test_head_has_the_length_and_no_body() -> None:
    """A HEAD is answered like a GET, without the body."""
    async with serving(App()) as server:
        received = await server.all_of(request("/direct", method="HEAD", close=True))
    assert b"content-length: 8\r\n" in received
    assert received.endswith(b"connection: close\r\n\r\n")


async def test_a_body_that_nobody_reads() -> None:
    """A large body of a call that is answered directly is passed over, and the connection goes on."""
    async with serving(App()) as server:
        more = b"content-length: %d\r\n" % len(LARGE)
        received = await server.all_of(
            request("/direct/1", method="POST", more=more) + LARGE + request("/direct/2", close=True)
        )
    assert received.count(b"HTTP/1.1 200 ") == 2


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb"])
async def test_a_header_cannot_be_smuggled(value: bytes) -> None:
    """An answer with a line break in a header's value is not given; its client gets 500."""

    async def smuggle(_scope: Scope, respond: Respond) -> None:
        await respond(200, lines_of([(b"x-value", value)]), b"")

    async with serving(App(smuggle)) as server:
        received = await server.all_of(request("/direct"))
    assert received.startswith(b"HTTP/1.1 500 ")
    assert b"x-value" not in received


async def test_a_failure_is_answered() -> None:
    """A call whose application raises gets 500, and its connection is closed."""

    async def fail(_scope: Scope, _respond: Respond) -> None:
        raise ValueError("a mistake")

    async with serving(App(fail)) as server:
        received = await server.all_of(request("/direct"))
    assert received.startswith(b"HTTP/1.1 500 ")
    assert b"mistake" not in received


@wound
async def test_an_idle_connection_is_closed_and_a_busy_one_is_not() -> None:
    """The time of keep-alive begins with an answer; a call may take longer than that."""

    async def slow(scope: Scope, respond: Respond) -> None:
        await asyncio.sleep(50 if scope["raw_path"].endswith(b"slow") else 0)
        await respond(200, b"", b"x")

    async with serving(App(slow), keep_alive=10) as server:
        reader, writer = await server.connect()
        writer.write(request("/direct/slow"))
        answered = asyncio.create_task(answer(reader))
        while not answered.done():
            await passes(1)
        assert await answered == (200, b"x")
        await passes(9)
        writer.write(request("/direct"))
        assert await answer(reader) == (200, b"x")
        await ends_after(reader, 10)
        writer.close()


async def test_a_client_that_does_not_read_is_not_buffered_for() -> None:
    """Answers to a client that reads none of them wait in the application, not in memory; all come once it reads."""

    async def large(_scope: Scope, respond: Respond) -> None:
        await respond(200, b"", LARGE)

    app = App(large)
    count = 300
    async with serving(app) as server:
        reader, writer = await server.connect()
        writer.write(b"".join(request("/direct") for _ in range(count)))
        other = await server.connect()
        for _ in range(count):  # a server that did not wait would have answered by then
            other[1].write(request("/asgi"))
            assert await answer(other[0]) == (200, b"/asgi")
        assert app.answered < count / 2
        for _ in range(count):
            assert len((await answer(reader))[1]) == len(LARGE)
        for each in (writer, other[1]):
            each.close()


# What clients may not do.


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    pause = 0 if isinstance(asyncio.get_running_loop(), WoundLoop) else 0.002
    while not condition():
        await asyncio.sleep(pause)


@wound
@pytest.mark.parametrize("part", [b"", b"GET /di", b"GET /direct HTTP/1.1\r\nhost: x\r\nx-a: "])
async def test_a_head_that_does_not_come(part: bytes) -> None:
    """A connection on which no whole head comes in time is closed without an answer, however it drips."""
    cut: list[str] = []
    async with serving(App(), client_timeout=10, on_closed=cut.append) as server:
        reader, writer = await server.connect()
        writer.write(part)
        ended = asyncio.create_task(end(reader))
        await passes(9)
        assert not ended.done()
        while not ended.done():
            if part:
                writer.write(b"a")
            await passes(0.5)
        assert await ended == b""
        writer.close()
    assert cut == ["slow_request"]


@wound
async def test_a_second_head_that_does_not_come() -> None:
    """The same holds for a later request of a connection, whose first one was answered."""
    cut: list[str] = []
    async with serving(App(), client_timeout=10, on_closed=cut.append) as server:
        reader, writer = await server.connect()
        writer.write(request("/direct") + b"GET ")
        assert (await answer(reader))[0] == 200
        await passes(9)
        assert cut == []
        await passes(2)
        writer.close()
    assert cut == ["slow_request"]


@wound
async def test_a_body_that_does_not_come() -> None:
    """A call is answered without its body; if that does not come either, the connection is closed."""
    cut: list[str] = []
    async with serving(App(), client_timeout=10, on_closed=cut.append) as server:
        reader, writer = await server.connect()
        writer.write(request("/direct", more=b"content-length: 100\r\n") + b"a")
        assert (await answer(reader))[0] == 200
        await passes(9)
        assert cut == []
        await passes(2)
        writer.close()
        reader, writer = await server.connect()
        writer.write(request("/direct", more=b"content-length: 3\r\n") + b"a")
        assert (await answer(reader))[0] == 200
        writer.write(b"bc" + request("/direct/second"))
        assert await answer(reader) == (200, b"/direct/second?")
        writer.close()
    assert cut == ["slow_request"]


@wound
async def test_patience_with_a_client_that_waits() -> None:
    """A client that has sent part of its next request, or several, while it waits for an answer is not at fault."""
    cut: list[str] = []
    gate = asyncio.Event()

    async def slow(_scope: Scope, respond: Respond) -> None:
        await gate.wait()
        await respond(200, b"", b"x")

    async with serving(App(slow), client_timeout=10, on_closed=cut.append) as server:
        reader, writer = await server.connect()
        writer.write(request("/direct") * 2 + b"GET /direct ")
        await passes(60)
        gate.set()
        writer.write(b"HTTP/1.1\r\nhost: x\r\n\r\n")
        assert [(await answer(reader))[0] for _ in range(3)] == [200] * 3
        writer.close()
    assert cut == []


@wound
@pytest.mark.parametrize("close", [False, True])
async def test_an_answer_that_is_not_taken(close: bool) -> None:
    """A client that does not read is let go, with what it has not read; the server can stop."""
    cut: list[str] = []

    async def large(_scope: Scope, respond: Respond) -> None:
        await respond(200, b"", LARGE * 16)

    async with serving(App(large), client_timeout=10, on_closed=cut.append) as server:
        _, writer = await server.connect()
        writer.write(request("/direct", close=close))
        await passes(9)
        assert cut == []
        while not cut:
            await passes(1)
        writer.close()
    assert cut == ["slow_reader"]


@wound
async def test_an_answer_that_is_taken_slowly() -> None:
    """A client that reads slowly, but reads, gets the whole answer."""
    cut: list[str] = []

    async def large(_scope: Scope, respond: Respond) -> None:
        await respond(200, b"", LARGE * 16)

    async with serving(App(large), client_timeout=10, on_closed=cut.append) as server:
        reader, writer = await server.connect()
        writer.write(request("/direct", close=True))
        received = 0
        while part := await reader.read(len(LARGE)):
            received += len(part)
            await passes(1, step=0.5)
        assert received > 16 * len(LARGE)
        writer.close()
    assert cut == []


@wound
async def test_an_answer_on_a_slow_line() -> None:
    """What the system holds for a client counts: it takes nothing more of us for a long while, and the client reads."""
    cut: list[str] = []

    async def large(_scope: Scope, respond: Respond) -> None:
        await respond(200, b"", LARGE * 16)

    loop = asyncio.get_running_loop()
    async with serving(App(large), client_timeout=1.5, on_closed=cut.append) as server:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", server.port))
            await loop.sock_sendall(client, request("/direct", close=True))
            received, begin = 0, loop.time()
            while part := await loop.sock_recv(client, 16 * 1024):
                received += len(part)
                if loop.time() - begin < 6:
                    await passes(0.1)
            assert received > 16 * len(LARGE)
    assert cut == []


async def test_too_many_connections() -> None:
    """A connection too many takes the place of the one that has been idle longest; if none is idle, it is closed."""
    cut: list[str] = []
    gate = asyncio.Event()

    held: list[Scope] = []

    async def slow(scope: Scope, respond: Respond) -> None:
        if scope["raw_path"] == b"/direct/slow":
            held.append(scope)
            await gate.wait()
        await respond(200, b"", b"x")

    async with serving(App(slow), max_connections=3, on_closed=cut.append) as server:
        streams = [await server.connect() for _ in range(3)]
        for reader, writer in streams:
            writer.write(request("/direct"))
            assert (await answer(reader))[0] == 200
        reader, writer = await server.connect()
        writer.write(request("/direct"))
        assert (await answer(reader))[0] == 200
        assert cut == ["evicted"]
        assert await end(streams[0][0]) == b""
        busy = [*streams[1:], (reader, writer)]
        for _, one in busy:
            one.write(request("/direct/slow"))
        await until(lambda: len(held) == 3)
        refused, ours = await server.connect()
        ours.write(request("/direct"))
        assert await end(refused) == b""
        ours.close()
        assert cut == ["evicted", "full"]
        gate.set()
        assert [(await answer(reader))[0] for reader, _ in busy] == [200] * 3
        for _, one in [*streams, *busy]:
            one.close()


@wound
@pytest.mark.parametrize("sent", [b"", b"GET /direct HT"], ids=["nothing", "a part of a head"])
async def test_connections_that_only_take_room(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections on which no request comes shut nobody out: they make room before those that have been answered."""
    monkeypatch.setattr(eviction, "_HEAD_SECONDS", 1)
    monkeypatch.setattr(eviction, "_FULL_SECONDS", 0.0)
    cut: list[str] = []
    async with serving(App(), max_connections=3, client_timeout=60, on_closed=cut.append) as started:
        idle, kept = await started.connect()
        kept.write(request("/direct"))
        assert (await answer(idle))[0] == 200
        silent = []
        for number in range(2):
            silent.append(await started.connect())
            silent[-1][1].write(sent)
            await until(lambda many=number + 2: len(started.server.server_state.connections) == many)  # type: ignore[misc]
            await passes(0.1)
        await passes(2)
        others = []
        for reader, _ in silent:
            others.append(await started.connect())
            others[-1][1].write(request("/direct"))
            assert (await answer(others[-1][0]))[0] == 200
            assert await end(reader) == b""
        kept.write(request("/direct"))
        assert (await answer(idle))[0] == 200
        for _, writer in [*silent, *others, (idle, kept)]:
            writer.close()
    assert set(cut) == {"evicted"}


async def test_no_room_is_not_looked_for_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes just after nobody could make room is closed without another look."""
    monkeypatch.setattr(eviction, "_FULL_SECONDS", 60)
    cut: list[str] = []
    async with serving(App(), max_connections=1, client_timeout=60, on_closed=cut.append) as started:
        _, first = await started.connect()
        for _ in range(3):
            reader, writer = await started.connect()
            assert await end(reader) == b""
            writer.close()
        first.close()
    assert cut == ["full"] * 3


async def ends_after(reader: asyncio.StreamReader, seconds: float) -> None:
    """Wait for the end of a connection, without a byte, after so many seconds, and not much sooner."""
    ended = asyncio.create_task(end(reader))
    await passes(seconds - 1)
    assert not ended.done()
    while not ended.done():
        await passes(0.5)
    assert await ended == b""


async def end(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side closes, in whatever manner."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


@wound
async def test_a_stop_waits_for_a_request_that_comes_in() -> None:
    """A request whose head is half there when the server is asked to stop is answered, and its connection closed."""
    async with serving(App()) as server:
        reader, writer = await server.connect()
        writer.write(b"GET /direct HTTP/1.1\r\nhos")
        connections: Any = server.server.server_state.connections
        await until(lambda: any(each.inbound.parser.reads_head for each in connections))
        server.server.should_exit = True
        while server.server.servers[0].is_serving():
            await passes(0.1)
        await passes(0.5)
        writer.write(b"t: x\r\n\r\n")
        received = await reader.read()
        assert received.startswith(b"HTTP/1.1 200")
        writer.close()


async def test_answers_of_a_server_that_is_about_to_stop() -> None:
    """Its answers say that the connection ends with them."""
    async with serving(App()) as server:
        server.server.server_state.draining = True
        reader, writer = await server.connect()
        writer.write(request("/direct"))
        assert b"connection: close" in (await reader.read()).lower()
        writer.close()


# What clients may not smuggle.


CHUNKED = b"transfer-encoding: chunked\r\n"


@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_trailer_is_no_header(pieces: int) -> None:
    """What comes behind a body says nothing about the call: not its token, not its address."""
    seen: list[bytes] = []

    async def look(scope: Scope, respond: Respond) -> None:
        await asyncio.sleep(0)
        seen.extend(name for name, _ in scope["headers"])
        await respond(200, b"", b"")

    async with serving(App(look)) as server:
        reader, writer = await server.connect()
        head = request("/direct", more=CHUNKED)
        trailers = b"1\r\na\r\n0\r\nAuthorization: Bearer x\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"
        for piece in [head + trailers] if pieces == 1 else [head, trailers]:
            writer.write(piece)
            await writer.drain()
        assert (await answer(reader))[0] == 200
        writer.write(request("/direct"))
        assert (await answer(reader))[0] == 200
        writer.close()
    assert seen == [b"host", b"transfer-encoding", b"host"]


OFFER = b"connection: upgrade\r\nupgrade: h2c\r\n"


async def test_what_follows_an_offer_of_another_protocol() -> None:
    """A request in the wake of one that offers an upgrade is answered: nothing of a connection is lost."""
    async with serving(App()) as server:
        reader, writer = await server.connect()
        writer.write(request("/direct/1", more=OFFER) + request("/direct/2", more=OFFER) + request("/direct/3"))
        got = [await answer(reader) for _ in range(3)]
        assert got == [(200, b"/direct/%d?" % number) for number in (1, 2, 3)]
        writer.close()


@pytest.mark.parametrize("framing", [b"content-length: %d\r\n", b"transfer-encoding: chunked\r\nx-length: %d\r\n"])
@pytest.mark.parametrize("path", ["/direct", "/asgi"])
async def test_the_body_of_an_offer_is_no_request(path: str, framing: bytes) -> None:
    """A body behind an offer of another protocol is never read as a request, in whatever pieces it comes."""
    smuggled = request("/direct/smuggled")
    async with serving(app := App()) as server:
        for together in (True, False):
            reader, writer = await server.connect()
            head = request(path, method="POST", more=OFFER + framing % len(smuggled))
            writer.write(head + smuggled if together else head)
            received = b"" if together else await reader.readuntil(b"\r\n\r\n")
            with suppress(ConnectionError):
                writer.write(b"" if together else smuggled)
                await writer.drain()
            received += await rest(reader)
            assert b"smuggled" not in received
            assert received.count(b"HTTP/1.1 200 ") == 1
            writer.close()
        assert app.answered == (2 if path == "/direct" else 0)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /direct HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n",
        b"POST /direct HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, identity\r\n\r\n",
        b"POST /direct HTTP/1.1\r\nhost: x\r\ncontent-length: 0x5\r\n\r\n",
        b"POST /direct HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /direct HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /direct HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /direct HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n\r\n",
        b"GET /direct HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ],
)
async def test_what_two_readers_may_read_otherwise(head: bytes) -> None:
    """Where it is not plain to every reader where a request ends, nothing behind it is answered."""
    async with serving(App()) as server:
        reader, writer = await server.connect()
        writer.write(head + request("/direct/smuggled"))
        received = await rest(reader)
        assert b"smuggled" not in received
        assert received.count(b"HTTP/1.1 ") <= 1
        writer.close()


async def test_two_hosts() -> None:
    """A request that names two hosts is refused: a proxy may have gone by the other one."""
    async with serving(App()) as server:
        assert (await server.all_of(request("/direct", more=b"Host: y\r\n"))).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("blank", [b"\r\n", b"\r", b"\r\n\r\n"])
async def test_an_empty_line_begins_nothing(blank: bytes) -> None:
    """A connection that gets an empty line between requests waits as before: its time ends, and it makes room."""
    cut: list[str] = []
    async with serving(App(), keep_alive=0.1) as server:
        reader, writer = await server.connect()
        writer.write(request("/direct"))
        assert (await answer(reader))[0] == 200
        writer.write(blank)
        assert await end(reader) == b""
        writer.close()
    async with serving(App(), max_connections=1, on_closed=cut.append) as server:
        reader, writer = await server.connect()
        writer.write(request("/direct"))
        assert (await answer(reader))[0] == 200
        writer.write(blank)
        connections: Any = server.server.server_state.connections
        await until(lambda: all(each.inbound.parser.blank for each in connections))
        _, other = await server.connect()
        assert await end(reader) == b""
        for each in (writer, other):
            each.close()
    assert cut == ["evicted"]


@wound
async def test_an_empty_line_before_a_request() -> None:
    """It is passed over, in whatever pieces it comes."""
    async with serving(App()) as server:
        reader, writer = await server.connect()
        for piece in (b"\r\n" + request("/direct"), b"\r", b"\n", b"\r\n", request("/direct")):
            writer.write(piece)
            await writer.drain()
            await passes(0.1)
        assert [(await answer(reader))[0] for _ in range(2)] == [200] * 2
        writer.close()


ENDLESS = {
    "a value": (b"GET /direct HTTP/1.1\r\nx-a: ", b"HTTP/1.1 431 "),
    "a name": (b"GET /direct HTTP/1.1\r\n", b"HTTP/1.1 431 "),
    "the size of a part": (request("/direct", more=CHUNKED) + b"1;a=", b"HTTP/1.1 200 "),
    "a trailer": (request("/direct", more=CHUNKED) + b"0\r\nx-a: ", b"HTTP/1.1 200 "),
    "a target": (b"GET /", b"HTTP/1.1 414 "),
}
REPEATED = {
    "headers": (b"GET /direct HTTP/1.1\r\n", b"a:\r\n", b"HTTP/1.1 431 "),
    "headers with a value": (b"GET /direct HTTP/1.1\r\n", b"a: b\r\n", b"HTTP/1.1 431 "),
    "small parts": (request("/direct", more=CHUNKED), b"1\r\na\r\n", b"HTTP/1.1 200 "),
    "parts with much besides": (request("/direct", more=CHUNKED), b"1;%b\r\na\r\n" % (b"a" * 8000), b"HTTP/1.1 200 "),
    "trailers": (request("/direct", more=CHUNKED) + b"0\r\n", b"a:\r\n", b"HTTP/1.1 200 "),
    "empty lines": (b"", b"\r\n", b"HTTP/1.1 400 "),
    "empty lines behind a request": (request("/direct"), b"\r\n", b"HTTP/1.1 200 "),
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_what_does_not_end(name: str) -> None:
    """Who sends a name or a value without an end is let go of after a while, however fast it comes."""
    begin, end_of_it = ENDLESS[name]
    await is_let_go(begin, b"a" * 16384, end_of_it)


@pytest.mark.parametrize("name", REPEATED)
async def test_what_goes_on_and_on(name: str) -> None:
    """So is who sends ever more small things that each end."""
    begin, part, end_of_it = REPEATED[name]
    await is_let_go(begin, part * (16384 // len(part)), end_of_it)


async def is_let_go(begin: bytes, more: bytes, end_of_it: bytes) -> None:
    """Send without an end; the connection is closed, after an answer that begins like this, or nothing."""
    async with serving(App(), client_timeout=3600) as server:
        reader, writer = await server.connect()
        writer.write(begin)
        reading = asyncio.create_task(rest(reader))
        sent = 0
        with suppress(ConnectionError):
            while not writer.is_closing() and not reading.done():
                writer.write(more)
                sent += len(more)
                assert sent < 64 * 1024 * 1024
                await writer.drain()
        received = await reading  # or nothing: the reset that follows may overtake it
        assert received == b"" or received.startswith(end_of_it)
        writer.close()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the connection is closed, or reset."""
    received = bytearray()
    with suppress(ConnectionError):
        while part := await reader.read(65536):
            received += part
    return bytes(received)


@pytest.mark.parametrize("count", [2, 3])
async def test_a_client_that_leaves_without_taking_its_answers(count: int) -> None:
    """An answer that waits for its client to read the last ones ends with that client, like any other wait."""
    ended: list[str] = []

    async def handler(scope: Scope, respond: Respond) -> None:
        scope[CONNECTION].cancels = True
        try:
            await respond(200, b"", LARGE * 8)
            ended.append("answered")
        except (asyncio.CancelledError, ClientGoneError):
            ended.append("abandoned")
        finally:
            scope[CONNECTION].cancels = False

    async with serving(App(handler)) as started:
        _, writer = await started.connect()
        writer.write(request("/direct") * count)
        await until(lambda: bool(ended))
        writer.transport.abort()
        await until(lambda: len(ended) == 2)
    assert ended == ["answered", "abandoned"]


# What all connections together may hold.


def buffer_size(writer: asyncio.StreamWriter, count: int) -> None:
    """Have the system hold little of what a client does not read."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, count)


@wound
async def test_readers_that_leave_no_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes nothing makes room for others; who takes its answer, and who has just come, does not."""
    monkeypatch.setattr(stalls, "_JUDGED_SECONDS", 0.2)
    cut: list[str] = []
    untaken = Budget(24 * len(LARGE), clock=asyncio.get_running_loop().time)

    async def large(_scope: Scope, respond: Respond) -> None:
        await respond(200, b"", LARGE * 8)

    async with serving(App(large), client_timeout=60, on_closed=cut.append, untaken=untaken) as server:
        silent = []
        for _ in range(4):
            silent.append(await server.connect())
            buffer_size(silent[-1][1], 4096)
            silent[-1][1].write(request("/direct"))
        await until(lambda: untaken.total > 8 * len(LARGE))
        await passes(0.3)
        while not cut:
            reader, writer = await server.connect()
            writer.write(request("/direct"))
            assert len((await answer(reader))[1]) == 8 * len(LARGE)
            silent.append((reader, writer))
            silent.append(await server.connect())
            buffer_size(silent[-1][1], 4096)
            silent[-1][1].write(request("/direct"))
            await passes(0.05)
        for _, writer in silent:
            writer.close()
        await until(lambda: untaken.measure() == 0)
    assert set(cut) == {"slow_reader"}


@wound
async def test_heads_that_leave_no_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long heads that do not end make room for others, which are answered."""
    monkeypatch.setattr(held_requests, "_JUDGED_SECONDS", 0.1)
    cut: list[str] = []
    unanswered = Budget(200 * 1024, clock=asyncio.get_running_loop().time)
    async with serving(App(), client_timeout=60, on_closed=cut.append, unanswered=unanswered) as server:
        writers = []
        for _ in range(20):
            _, writer = await server.connect()
            writer.write(request("/direct")[:-2] + b"x-a: " + b"a" * 40_000)
            writers.append(writer)
            await passes(0.03)
        while not cut:
            await passes(0.03)
        assert unanswered.total <= unanswered.most
        reader, writer = await server.connect()
        writer.write(request("/direct", more=b"x-a: %b\r\n" % (b"a" * 40_000)))
        assert (await answer(reader))[0] == 200
        for each in (*writers, writer):
            each.close()
    assert "slow_request" in cut


async def test_an_answered_request_is_not_held() -> None:
    """A connection that waits for its next request holds nothing of the last one."""
    unanswered = Budget()
    async with serving(App(), unanswered=unanswered) as server:
        streams = [await server.connect() for _ in range(3)]
        for (reader, writer), path in zip(streams, ("/direct", "/asgi", "/direct"), strict=True):
            more = b"x-a: %b\r\ncontent-length: 100000\r\n" % (b"a" * 50_000)
            writer.write(request(path, method="POST", more=more) + bytes(100_000))
            assert (await answer(reader))[0] == 200
        connections: Any = server.server.server_state.connections
        await until(lambda: all(each.inbound.idle.since is not None for each in connections))
        assert unanswered.total == 0
        assert all(each.turns.last is None and not each.inbound.parser._headers for each in connections)
        for _, writer in streams:
            writer.close()


@pytest.mark.parametrize("count", [1, 300, 5000])
@pytest.mark.parametrize("path", ["/direct", "/asgi"])
async def test_many_requests_at_once(count: int, path: str) -> None:
    """Requests that come together are all answered, in their order; few of them are read before their turn."""
    most = 0
    async with serving(App()) as server:
        reader, writer = await server.connect()
        writer.write(b"".join(request(f"{path}/{number}") for number in range(count)))
        connections: Any = server.server.server_state.connections
        for number in range(count):
            assert (await answer(reader))[1].startswith(f"{path}/{number}".encode())
            most = max(most, *(len(each.turns.waiting) for each in connections))
        writer.write(request(f"{path}/last"))
        assert (await answer(reader))[1].startswith(f"{path}/last".encode())
        writer.close()
    assert most < 300


@wound
@pytest.mark.parametrize("tail", [b"GET /direct/x HT", b"\r\n", b""])
async def test_what_comes_behind_many_requests(tail: bytes) -> None:
    """What is left behind requests that were read late is waited for, or closed, like anything else."""
    cut: list[str] = []
    async with serving(App(), client_timeout=10, keep_alive=10, on_closed=cut.append) as server:
        reader, writer = await server.connect()
        writer.write(request("/direct") * 1000 + tail)
        for _ in range(1000):
            assert (await answer(reader))[0] == 200
        if tail.startswith(b"GET"):
            writer.write(b"TP/1.1\r\nhost: x\r\n\r\n")
            assert await answer(reader) == (200, b"/direct/x?")
        await ends_after(reader, 10)
        writer.close()


@wound
async def test_a_body_that_ends_after_its_answer() -> None:
    """Once it has ended the connection waits for a request like any other: its time ends, and it makes room."""
    async with serving(App(), keep_alive=10, client_timeout=100) as server:
        reader, writer = await server.connect()
        writer.write(request("/direct", more=b"content-length: 3\r\n") + b"a")
        assert (await answer(reader))[0] == 200
        writer.write(b"bc")
        await ends_after(reader, 10)
        writer.close()
