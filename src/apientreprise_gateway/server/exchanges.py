"""Exchanges: a request on a connection with its answer.

An answer is given directly, in one call and one write, or through ASGI's messages.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from typing import Any, ClassVar, Final, Literal, Protocol, cast

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from apientreprise_gateway.net.asgi import Scope
from apientreprise_gateway.net.write_batch import MANY, WriteBatch, Writer
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.server.application import Application, ClientGoneError
from apientreprise_gateway.server.gate import Gate
from apientreprise_gateway.server.stalls import StallWatch
from apientreprise_gateway.server.state import State

_JOINED_BYTES: Final = 32 * 1024
"""Bytes up to which a body is copied behind its head, which is cheaper than two writes."""
_log = logging.getLogger("uvicorn.error")
_faults = FaultLog()


class Line(Writer, Protocol):
    """A connection, as exchanges use it to answer."""

    config: uvicorn.Config
    app_state: dict[str, Any]
    """The state of ASGI's lifespan."""
    transport: asyncio.Transport
    flow: FlowControl
    stalls: StallWatch
    write_batch: WriteBatch
    server_state: State

    def answered(self) -> None:
        """Note that an answer is complete."""


class DirectExchange:
    """A request that is answered directly; its body is ignored."""

    is_direct: ClassVar[Literal[True]] = True
    __slots__ = ("_body_bytes", "_line", "disconnected", "keep_alive", "response_complete", "scope")

    def __init__(self, line: Line, scope: Scope, *, keep_alive: bool) -> None:
        self._line = line
        self._body_bytes = 0
        self.scope = scope
        self.keep_alive = keep_alive
        """Whether the connection stays open after the answer."""
        self.disconnected = False
        """Whether the client has gone, or is to get nothing more."""
        self.response_complete = False

    async def respond(self, status: int, lines: bytes, body: bytes) -> None:
        """See `application.Respond`. A client that does not read delays only its own next answer."""
        line, transport = self._line, self._line.transport
        if line.flow.write_paused:
            await line.stalls.drain(line.flow, len(body))
        gone = self.disconnected or transport.is_closing()
        if not gone:
            length = len(body)
            head = head_of(status, line.server_state.default_lines, lines, length, keep_alive=self.keep_alive)
            if self.scope["method"] == "HEAD" or length <= _JOINED_BYTES:
                data = head if self.scope["method"] == "HEAD" else head + body
                if line.write_batch.calls < MANY and not line.write_batch.waiting:
                    transport.write(data)  # `answered` looks whether it is taken
                else:
                    line.write_batch.add(line, data)
            else:
                line.write_batch.flush()
                transport.writelines((head, body))
        self.response_complete = True
        if not self.keep_alive:
            line.write_batch.flush()
            transport.close()
        line.answered()
        if gone:
            raise ClientGoneError

    def take_body(self, data: bytes) -> int:
        """Ignore a part of the body; returns the bytes that have come so far."""
        self._body_bytes += len(data)
        return self._body_bytes

    def body_held(self) -> int:
        """Bytes of the body that are in memory."""
        return 0

    def client_gone(self) -> None:
        """Note that the client has gone."""
        if not self.response_complete:
            self.disconnected = True


class AsgiExchange(RequestResponseCycle):
    """A request that is answered through ASGI, by uvicorn's own request cycle."""

    is_direct: ClassVar[Literal[False]] = False

    def __init__(
        self,
        line: Line,
        scope: Scope,
        *,
        path: str,
        http_version: str,
        keep_alive: bool,
    ) -> None:
        """Take the scope of a direct exchange, and add what ASGI needs.

        Args:
            line: the connection.
            scope: scope of the request.
            path: its decoded path.
            http_version: its version, such as 1.1.
            keep_alive: whether the connection stays open after the answer.
        """
        whole: Any = {
            **scope,
            "asgi": {"version": line.config.asgi_version, "spec_version": "2.3"},
            "http_version": http_version,
            "path": path,
            "root_path": "",
            "state": line.app_state.copy(),
        }
        super().__init__(
            scope=whole,
            transport=line.transport,
            flow=line.flow,
            logger=_log,
            access_logger=_log,
            access_log=False,
            default_headers=line.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=any(
                name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"]
            ),
            keep_alive=keep_alive,
            on_response=line.answered,
        )

    def take_body(self, data: bytes) -> int:
        """Pass on a part of the body; returns the bytes that the application has not read yet."""
        self.body += data
        self.message_event.set()
        return len(self.body)

    def end_body(self) -> None:
        """Tell the application that it has the whole body."""
        self.more_body = False
        self.message_event.set()

    def body_held(self) -> int:
        """Bytes of the body that are in memory."""
        return len(self.body)

    def client_gone(self) -> None:
        """Tell the application that the client has gone."""
        if not self.response_complete:
            self.disconnected = True
        self.message_event.set()


Exchange = DirectExchange | AsgiExchange


class Turns:
    """Answers the requests of one connection, one after the other, in the order in which they came."""

    __slots__ = (
        "_answering",
        "_app",
        "_closed",
        "_due",
        "_gate",
        "_loop",
        "_task",
        "_tasks",
        "_turn",
        "_write_batch",
        "current",
        "last",
        "waiting",
    )

    def __init__(
        self,
        app: Application,
        loop: asyncio.AbstractEventLoop,
        *,
        tasks: set[asyncio.Task[None]],
        write_batch: WriteBatch,
        gate: Gate,
    ) -> None:
        """Begin without requests.

        Args:
            app: the application that answers.
            loop: the event loop.
            tasks: the answering tasks of all connections, for which a stop waits.
            write_batch: counts the calls in flight.
            gate: lets direct exchanges begin, or wait.
        """
        self._app = app
        self._gate = gate
        self._loop = loop
        self._tasks = tasks
        self._write_batch = write_batch
        self.last: Exchange | None = None
        """The last request read."""
        self.current: Exchange | None = None
        """The request being answered; with pipelining it may be an earlier one."""
        self.waiting: deque[Exchange] = deque()
        """The requests read after `current`."""
        self._task: asyncio.Task[None] | None = None
        """The task that answers `current`."""
        self._answering: asyncio.Task[None] | None = None
        """The one task for all direct exchanges, as a new task for each would cost 2 µs."""
        self._turn: asyncio.Future[DirectExchange | None] | None = None
        """The future on which that task waits for the next exchange."""
        self._due: DirectExchange | None = None
        """The exchange that it answers next, if it is not waiting."""
        self._closed = False

    @property
    def is_answering(self) -> bool:
        """Whether the last request read has no complete answer yet."""
        return self.last is not None and not self.last.response_complete

    def start(self, exchange: Exchange) -> None:
        """Have a request answered; those before it have been answered."""
        self.current = exchange
        if not exchange.is_direct:
            self.run(exchange.run_asgi(cast(Any, self._app)))
        elif self._gate.unwatched:
            self._gate.unwatched -= 1
            self._begin(exchange)
        else:
            self._gate.enter(exchange, self._begin)

    def _begin(self, exchange: DirectExchange) -> None:
        """Answer a direct exchange now."""
        task, turn = self._answering, self._turn
        if task is None:
            task = self._answering = self._loop.create_task(self._answer_directly(exchange))
        elif turn is None:
            self._due = exchange
        elif not turn.done():
            turn.set_result(exchange)
        self._task = task
        self._tasks.add(task)

    def run(self, answering: Coroutine[Any, Any, None]) -> None:
        """Answer in a task of its own."""
        task = self._task = self._loop.create_task(answering)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self) -> None:
        """Release the last request."""
        self.last = self.current = None

    def drop(self) -> None:
        """Stop answering: neither the current request nor those that wait get an answer."""
        if self.current is not None:
            self.current.disconnected = True
        self.waiting.clear()

    def close(self, *, cancel: bool) -> None:
        """End, as the client has gone; with `cancel`, cancel the task that answers it."""
        self._closed = True
        for exchange in (self.current, self.last):
            if exchange is not None:
                exchange.client_gone()
        if self.current is not None and self.current.is_direct:
            self._gate.leave(self.current)
        self._due = None
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)
        if cancel and self._task is not None:
            self._task.cancel()

    async def _answer_directly(self, exchange: DirectExchange | None) -> None:
        """Answer direct exchanges, one after the other, until the connection is lost."""
        task: Any = asyncio.current_task()
        try:
            while exchange is not None:
                self._write_batch.calls += 1
                try:
                    if not exchange.disconnected:  # its client may have gone in the turn in which it was begun
                        await self._app.hooks.answer(exchange.scope, exchange.respond)
                except BaseException as error:  # as uvicorn does: whatever happens, the client is answered
                    await _answer_fault(exchange, error)
                    if not isinstance(error, Exception):
                        return
                finally:
                    self._write_batch.calls -= 1
                exchange, self._due = self._due, None
                if exchange is None and not self._closed:
                    self._tasks.discard(task)  # one that waits for nothing but a request holds up no stop
                    self._turn = self._loop.create_future()
                    exchange = await self._turn
                    self._turn = None
        finally:
            self._tasks.discard(task)


async def _answer_fault(exchange: DirectExchange, error: BaseException) -> None:
    _faults.tell("answer_failed", error)
    if not exchange.response_complete:
        exchange.keep_alive = False
        await exchange.respond(500, b"", b"")


def head_of(status: int, default_lines: bytes, lines: bytes, length: int, *, keep_alive: bool) -> bytes:
    """The head of an answer whose body has a length, with the header lines that all answers have and its own."""
    end = b"\r\n" if keep_alive else b"connection: close\r\n\r\n"
    return b"%b%b%bcontent-length: %d\r\n%b" % (STATUS_LINE[status], default_lines, lines, length, end)
