"""Tests of what comes in on a connection, without a socket."""

import asyncio
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl

from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.net.write_batch import WriteBatch
from apientreprise_gateway.server.application import ConnectionHooks, Respond
from apientreprise_gateway.server.eviction import Wait
from apientreprise_gateway.server.exchanges import Turns
from apientreprise_gateway.server.gate import Gate
from apientreprise_gateway.server.inbound import Inbound
from apientreprise_gateway.server.limits import Closing, ConnectionLimits
from apientreprise_gateway.server.state import State
from support.fake_connection import FakeTransport, ManualClock

GET = b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n"
CLIENT_TIMEOUT, KEEP_ALIVE = 10, 75


class App:
    """Answers nothing until it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.asked: list[bytes] = []
        self.hooks = ConnectionHooks(takes=lambda _path: True, answer=self._answer)

    async def _answer(self, scope: Scope, respond: Respond) -> None:
        self.asked.append(scope["raw_path"])
        await self.may_answer.wait()
        await respond(200, b"", b"")

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Not called."""


class Connection:
    """A connection with its inbound side, which notes what becomes of it."""

    def __init__(self) -> None:
        self.app = App()
        self.clock = ManualClock()
        self.scope: Scope = {"type": "http", "client": None, "server": None, "scheme": "http"}
        self.config: Any = None
        self.app_state: dict[str, Any] = {}
        self.cancels = False
        self.transport: Any = FakeTransport()
        self.tcp = self.transport
        self.flow = FlowControl(self.transport)
        self.stalls: Any = None  # asked only while writing is paused
        self.write_batch = WriteBatch()
        self.server_state = State()
        self.ended: list[str] = []
        loop = asyncio.get_running_loop()
        self.turns = Turns(self.app, loop, tasks=self.server_state.tasks, write_batch=self.write_batch, gate=Gate())
        limits = ConnectionLimits(client_timeout=CLIENT_TIMEOUT, keep_alive=KEEP_ALIVE)
        this: Any = self
        self.inbound = Inbound(this, self.turns, limits, self.clock)
        self.inbound.begin()

    def put(self, data: bytes) -> None:
        """Write."""
        self.transport.write(data)

    def answered(self) -> None:
        """Go on with the next request."""
        if self.turns.waiting:
            self.turns.start(self.turns.waiting.popleft())
        else:
            self.inbound.go_on()

    def answer_bad_request(self, code: str) -> None:
        """Note a refusal."""
        self.ended.append(code)

    def hang_up(self) -> None:
        """Note an end."""
        self.ended.append("idle")

    def cut(self, reason: Closing) -> None:
        """Note why."""
        self.ended.append(reason)

    async def answer_all(self) -> None:
        """Answer what was read, and what is read for it."""
        self.app.may_answer.set()
        while self.turns.last is not None:
            await asyncio.sleep(0)

    async def answer_what_came(self) -> None:
        """Answer what was read."""
        self.app.may_answer.set()
        for _ in range(5):
            await asyncio.sleep(0)

    async def close(self) -> None:
        """End."""
        self.inbound.close()
        self.turns.close(cancel=True)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert self.clock.pending == 0


@pytest.mark.parametrize("part", [b"", b"GET /di", b"GET /direct HTTP/1.1\r\nx-a: "])
async def test_a_request_that_does_not_come(part: bytes) -> None:
    """Who sends no whole head in time is cut off, however it drips."""
    connection = Connection()
    for _ in range(CLIENT_TIMEOUT - 1):
        if part:
            connection.inbound.receive(part)
            part = b"a"
        connection.clock.advance(1)
    assert connection.ended == []
    connection.clock.advance(1)
    assert connection.ended == [Closing.SLOW_REQUEST]
    await connection.close()


async def test_a_client_that_waits_is_not_at_fault() -> None:
    """While a call is being answered nothing is expected of its client, whatever it has begun to send."""
    connection = Connection()
    connection.inbound.receive(GET % 1 + b"GET /2 ")
    connection.clock.advance(10 * CLIENT_TIMEOUT)
    assert connection.ended == []
    assert connection.inbound.wait is None
    await connection.close()


async def test_an_answered_connection_waits_for_its_next_request() -> None:
    """It may wait for longer than for a request, and is then closed in order."""
    connection = Connection()
    connection.inbound.receive(GET % 1)
    await connection.answer_all()
    began = connection.clock.time()
    assert connection.inbound.wait == Wait(is_idle=True, since=began)
    connection.clock.advance(KEEP_ALIVE - 1)
    assert connection.ended == []
    connection.clock.advance(1)
    assert connection.ended == ["idle"]
    await connection.close()


async def test_no_more_is_read_than_has_its_turn() -> None:
    """Of many requests that come together most lie unread until those before them are answered, in their order."""
    connection, count = Connection(), 1000
    connection.inbound.receive(b"".join(GET % number for number in range(count)))
    assert len(connection.turns.waiting) < 200
    assert not connection.transport.reads
    assert connection.inbound.unanswered() > (count - 200) * len(GET)
    connection.inbound.receive(GET % count)
    await connection.answer_all()
    assert connection.app.asked == [b"/%d" % number for number in range(count + 1)]
    assert connection.transport.reads
    assert connection.inbound.unanswered() == 0
    await connection.close()


async def test_what_is_no_request_is_answered_once() -> None:
    """What comes behind it is let lie, and not even read after a while."""
    connection = Connection()
    connection.inbound.receive(b"no HTTP\r\n\r\n")
    connection.inbound.receive(GET % 1)
    assert (connection.ended, connection.app.asked) == (["00401"], [])
    connection.inbound.receive(bytes(HIGH_WATER_LIMIT + 1))
    assert not connection.transport.reads
    await connection.close()


async def test_what_is_no_request_behind_one() -> None:
    """The connection ends with the answer of the call that came before it."""
    connection = Connection()
    connection.inbound.receive(GET % 1 + b"no HTTP\r\n\r\n")
    assert connection.ended == []
    await connection.answer_what_came()
    assert b"connection: close" in connection.transport.written
    assert connection.transport.closed
    await connection.close()


async def test_a_body_without_an_end_behind_its_answer() -> None:
    """Who has its answer and sends ever more that is no body is cut off without a word."""
    connection = Connection()
    connection.inbound.receive(b"POST /1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
    await connection.answer_what_came()
    for _ in range(50):
        connection.inbound.receive(b"1;%b\r\na\r\n" % (b"a" * 3000))
    assert connection.ended == []
    assert connection.transport.aborted
    await connection.close()


async def test_a_body_that_ends_behind_its_answer() -> None:
    """It is waited for, and then the connection is idle; a request right behind it has its turn."""
    connection = Connection()
    connection.inbound.receive(b"POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\na")
    await connection.answer_what_came()
    assert connection.inbound.wait == Wait(is_idle=False, since=connection.clock.time())
    connection.inbound.receive(b"bc" + GET % 2)
    await connection.answer_what_came()
    assert connection.app.asked == [b"/1", b"/2"]
    assert connection.inbound.wait == Wait(is_idle=True, since=connection.clock.time())
    await connection.close()


async def test_an_empty_line_begins_nothing() -> None:
    """A connection that waits for a request waits on as before."""
    connection = Connection()
    connection.inbound.receive(GET % 1)
    await connection.answer_all()
    before = connection.inbound.wait
    connection.clock.advance(5)
    connection.inbound.receive(b"\r\n")
    assert connection.inbound.wait == before
    await connection.close()


async def test_a_client_that_goes_unseen() -> None:
    """While nothing is read it is looked whether the client is there, for a call that is cancelled without it."""
    connection = Connection()
    connection.inbound.receive(GET % 1 + GET % 2)
    connection.clock.advance(1)
    assert not connection.transport.aborted
    connection.cancels = True
    connection.clock.advance(1)
    assert connection.transport.aborted
    await connection.close()
