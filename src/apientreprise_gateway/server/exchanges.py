"""A request and its answer: given directly, in one call and one write, or by way of ASGI's messages."""

import asyncio
import logging
from typing import Any, ClassVar, Final, Literal, Protocol

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from apientreprise_gateway.net.asgi import Scope
from apientreprise_gateway.net.write_batch import MANY, WriteBatch, Writer
from apientreprise_gateway.server.application import ClientGoneError
from apientreprise_gateway.server.stalls import StallWatch
from apientreprise_gateway.server.state import State

_JOINED_BYTES: Final = 32 * 1024
"""Up to this length a body is copied behind its head: cheaper than handing the system two pieces."""
_log = logging.getLogger("uvicorn.error")


class Line(Writer, Protocol):
    """A connection, as far as answers are given on it."""

    config: uvicorn.Config
    app_state: dict[str, Any]
    """What the application has kept since it started, by ASGI's rules."""
    transport: asyncio.Transport
    flow: FlowControl
    stalls: StallWatch
    outbox: WriteBatch
    server_state: State

    def answered(self) -> None:
        """An answer is complete."""


class DirectExchange:
    """A request that is answered directly; its body is passed over."""

    is_direct: ClassVar[Literal[True]] = True
    __slots__ = ("_body_bytes", "_line", "disconnected", "keep_alive", "response_complete", "scope")

    def __init__(self, line: Line, scope: Scope, *, keep_alive: bool) -> None:
        self._line = line
        self._body_bytes = 0
        self.scope = scope
        self.keep_alive = keep_alive
        """Whether the connection goes on after the answer."""
        self.disconnected = False
        """Whether the client has gone, or is to get nothing more."""
        self.response_complete = False

    async def respond(self, status: int, lines: bytes, body: bytes) -> None:
        """See `application.Respond`. A client that does not read holds up its own next answer, and nobody else's."""
        line, transport = self._line, self._line.transport
        if line.flow.write_paused:
            await line.stalls.drain(line.flow, len(body))
        gone = self.disconnected or transport.is_closing()
        if not gone:
            length = len(body)
            head = line.server_state.head(status, lines, length, keep_alive=self.keep_alive)
            if self.scope["method"] == "HEAD" or length <= _JOINED_BYTES:
                data = head if self.scope["method"] == "HEAD" else head + body
                if line.outbox.calls < MANY and not line.outbox.waiting:
                    line.put(data)
                else:
                    line.outbox.add(line, data)
            else:
                line.outbox.flush()
                transport.writelines((head, body))
        self.response_complete = True
        if not self.keep_alive:
            line.outbox.flush()
            transport.close()
        line.answered()
        if gone:
            raise ClientGoneError

    def take_body(self, data: bytes) -> int:
        """Pass over a part of the body; how much of it has come so far."""
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
    """A request that is answered by way of ASGI, in uvicorn's own cycle."""

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
        """Take the scope of a direct exchange; what ASGI has besides is added.

        Args:
            line: where to answer.
            scope: of the request.
            path: decoded.
            http_version: such as 1.1.
            keep_alive: whether the connection goes on after the answer.
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
        """Hand over a part of the body; how much of it waits to be read."""
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
