"""The protocol of a client's connection: receives requests, sends answers, and closes in time.

uvicorn runs the server (sockets, workers, lifespan, stop); the protocol of its connections is ours, on the same parser
(httptools) and with uvicorn's own request cycle for ASGI applications. It adds six things: a connection can be closed
without a byte, a call is cancelled when its client goes away, heads are bounded, what is not HTTP gets a coded answer,
an application that can do without ASGI's messages is called directly, and TLS is the application's as it is when a
connection comes (`application.ConnectionHooks`), so that a certificate can be replaced.

The way of a request: `inbound` has it read by `request_parser`; `exchanges` gives it its turn, and its answer. What
else can be told apart stands beside it: `tls_start`, `eviction`, `stalls`.
"""

import asyncio
import ssl
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.utils import get_local_addr, get_remote_addr

from apientreprise_gateway.net.asgi import Scope
from apientreprise_gateway.net.write_batch import write_batch_of
from apientreprise_gateway.server.application import CONNECTION, Application
from apientreprise_gateway.server.eviction import Wait
from apientreprise_gateway.server.exchanges import Turns, head_of
from apientreprise_gateway.server.inbound import Inbound
from apientreprise_gateway.server.limits import Closing, ConnectionLimits
from apientreprise_gateway.server.stalls import StallWatch
from apientreprise_gateway.server.state import State
from apientreprise_gateway.server.tls_start import TlsStart


class GatewayProtocol(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport
    tcp: asyncio.Transport
    """The transport below TLS; the transport itself without TLS."""
    flow: FlowControl
    stalls: StallWatch
    scope: Scope
    """The part of the scope that all its requests share."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: State,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Take the arguments that uvicorn's server gives to each connection's protocol."""
        self.app: Application = config.loaded_app
        self.server_state = server_state
        self.cancels = False
        self.lost = False
        self.config = config
        self.app_state = app_state
        self._loop = loop = _loop or asyncio.get_running_loop()
        self._limits: ConnectionLimits = self.app.hooks.limits
        self.write_batch = write_batch_of(loop)
        self.turns = Turns(
            self.app, loop, tasks=server_state.tasks, write_batch=self.write_batch, gate=self._limits.gate
        )
        self.inbound = Inbound(self, self.turns, self._limits, loop)
        self.data_received = self.inbound.receive  # type: ignore[method-assign]  # the transport hands over what comes
        self._handshake: asyncio.Task[None] | None = None
        self._client: tuple[str, int] | None = None

    # Called by applications (`application.Connection`).

    @property
    def closing(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self.lost or self.transport.is_closing()

    def has_room(self, count: int) -> bool:
        """Whether an answer of so many bytes fits in the memory for answers that clients have not taken."""
        return self._limits.untaken.has_room(count)

    def forget_head(self) -> None:
        """Forget the head of the last request, which is remembered for the next one."""
        self.inbound.parser.forget()

    def drop(self) -> None:
        """Close the connection without writing anything more."""
        self.turns.drop()
        self.hang_up()

    @property
    def wait(self) -> Wait | None:
        """The wait for the client (`eviction.Evictable`); None if the connection is not waiting for it."""
        return self.inbound.wait

    def cut(self, reason: Closing) -> None:
        """Close at once, even with untaken bytes; the reason goes to `ConnectionLimits.on_closed`."""
        self._limits.on_closed(reason)
        self.transport.abort()

    # Called by the transport.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP gives no less
        """Begin; close at once the connection of a banned peer."""
        self.server_state.connections.add(self)  # type: ignore[arg-type]  # uvicorn lists its own protocols
        self.transport = self.tcp = transport
        self.stalls = StallWatch(
            transport,
            self._loop,
            seconds=self._limits.client_timeout,
            budget=self._limits.untaken,
            on_stalled=partial(self.cut, Closing.SLOW_READER),
            on_taken=self._all_taken,
        )
        self.flow = FlowControl(transport)
        self._client = get_remote_addr(transport)
        self.scope = {
            "type": "http",
            "client": self._client,
            "server": get_local_addr(transport),
            "scheme": "http",
            CONNECTION: self,
        }
        if len(self.server_state.connections) > self._limits.max_connections and not self._makes_room():
            self.cut(Closing.FULL)
            return
        self.inbound.begin()
        if self._client is not None and self.app.hooks.drops_peer(self._client[0]):
            transport.close()
            return
        tls = self.app.hooks.tls
        if tls is not None:
            start = TlsStart(self._loop, transport, self, tls, handshake_seconds=self._limits.client_timeout)
            self._handshake = self._loop.create_task(self._secure(start))

    def _makes_room(self) -> bool:
        """Close connections to make room for this one; False if none can be closed."""
        state = self.server_state
        connections: set[GatewayProtocol] = state.connections  # type: ignore[assignment]  # uvicorn's own
        chosen = state.eviction.choose(connections, self._limits.max_connections, self._loop.time())
        for each in chosen or ():
            each.cut(Closing.EVICTED)
        return chosen is not None

    async def _secure(self, start: TlsStart) -> None:
        """Complete the TLS handshake and go on in TLS; meanwhile the connection is counted and timed like others."""
        secured = None
        try:
            secured = await start.secured()
        except ssl.SSLError:
            self._limits.on_closed(Closing.HANDSHAKE)
        if secured is None or self.tcp.is_closing():
            self.connection_lost(None)  # the transport does not call it in this case
            return
        self.transport = secured
        secured.set_write_buffer_limits(high=HIGH_WATER_LIMIT)  # as without TLS; it would be eight times as much
        self.stalls.secured(secured)
        self.flow = FlowControl(secured)
        self.scope["scheme"] = "https"

    def eof_received(self) -> None:
        """Let the transport close: a client that has closed its side gets no answer."""
        self.write_batch.flush()

    def pause_writing(self) -> None:
        """Hold back the next answer, as the client does not read the previous ones."""
        self.flow.pause_writing()
        self.stalls.watch_anew()

    def resume_writing(self) -> None:
        """Resume sending answers."""
        self.flow.resume_writing()
        self.stalls.resumed(last=not self.turns.is_answering)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the call of the client that has gone, and release what is held."""
        if self.lost:
            return
        self.lost = True
        self.server_state.connections.discard(self)
        self.flow.resume_writing()
        if exc is None:
            self.transport.close()
        self.stalls.stop()
        self.inbound.close()
        self.turns.close(cancel=self.cancels)

    def shutdown(self) -> None:
        """Close, after the answer to the last request that was read."""
        self.server_state.draining = True
        if self.turns.last is not None and self.turns.is_answering:
            self.turns.last.keep_alive = False
        elif not self.inbound.parser.reads_head:  # a request that is coming in is still answered
            self.hang_up()

    # Answering.

    def put(self, data: bytes) -> None:
        """Write an answer, see `WriteBatch`."""
        if self.transport.is_closing():
            return
        self.transport.write(data)
        if self.stalls.unsent():
            self.stalls.watch()

    def answered(self) -> None:
        """Go on with the next request, or wait for it."""
        self.server_state.total_requests += 1
        if self.stalls.unsent():
            self.stalls.watch()
        if self.transport.is_closing():
            self._close_below()
            return
        inbound, waiting = self.inbound, self.turns.waiting
        if inbound.held.weighs:
            inbound.held.enter()
        if waiting:
            self.turns.start(waiting.popleft())
        else:
            inbound.go_on()

    def answer_bad_request(self, code: str) -> None:
        """Answer an unacceptable HTTP request with an error code, and close."""
        self.cancels = True
        self.turns.run(self._answer_bad_request(code))

    async def _answer_bad_request(self, code: str) -> None:
        answer = await self.app.hooks.on_bad_request(self._client[0] if self._client else None, code)
        if answer is not None and not self.transport.is_closing():
            status, body = answer
            lines = b"content-type: application/json\r\n"
            self.write_batch.flush()
            head = head_of(status, self.server_state.default_lines, lines, len(body), keep_alive=False)
            self.transport.write(head + body)
        self.hang_up()

    # Closing.

    def hang_up(self) -> None:
        """Close, once the client has taken what was written."""
        self.write_batch.flush()
        self.transport.close()
        self._close_below()

    def _all_taken(self) -> None:
        if self.transport.is_closing():
            self._close_below()

    def _close_below(self) -> None:
        """Close the transport below TLS, as TLS would wait for the client's close message, which few send."""
        if self.tcp is not self.transport and not self.transport.get_write_buffer_size():
            self.tcp.close()
