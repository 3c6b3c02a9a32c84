"""Reads the requests that come in on a connection, no faster than they are answered, and limits the wait for them.

A client that does not send a whole request in time is cut off, unless it is the server that is not reading.
"""

import asyncio
from typing import Final, Protocol
from urllib.parse import unquote

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from apientreprise_gateway.net.asgi import Header, Scope
from apientreprise_gateway.server import presence
from apientreprise_gateway.server.application import Application
from apientreprise_gateway.server.buffers import SMALL_BYTES
from apientreprise_gateway.server.eviction import Wait
from apientreprise_gateway.server.exchanges import AsgiExchange, DirectExchange, Exchange, Line, Turns
from apientreprise_gateway.server.held_requests import HeldRequests
from apientreprise_gateway.server.limits import Closing, ConnectionLimits
from apientreprise_gateway.server.request_parser import (
    LAST_OF_BLANK,
    BadRequestError,
    EndlessRequestError,
    RequestParser,
    Target,
)
from apientreprise_gateway.server.timers import Clock, IdleTimer, RequestTimer

_MAX_DECODED_PATH_BYTES: Final = 2048
"""Bytes of the longest path that is decoded to find its plane; longer ones go to the data plane."""
_PIECE_BYTES: Final = 4 * 1024
"""Bytes that the parser is given at once: limits are checked, and pipelined requests stopped, between two pieces."""
_QUEUED_BYTES: Final = 2048
"""Bytes of memory that a pipelined request counts while it waits."""


class Connection(Line, Protocol):
    """A connection that receives requests."""

    app: Application
    scope: Scope
    """The part of the scope that all its requests share."""
    cancels: bool
    """Whether a call is to be cancelled if the client goes away."""
    tcp: asyncio.Transport
    """The transport below TLS; the transport itself without TLS."""

    def answer_bad_request(self, code: str) -> None:
        """Answer an unacceptable HTTP request with an error code, and close."""

    def hang_up(self) -> None:
        """Close, once the client has taken what was written."""

    def cut(self, reason: Closing) -> None:
        """Close at once."""


class Inbound:
    """The requests that come in on one connection."""

    __slots__ = (
        "_body_bytes",
        "_clock",
        "_connection",
        "_ignored_bytes",
        "_presence",
        "_refuses",
        "_timer",
        "_turns",
        "_unread",
        "held",
        "idle",
        "parser",
    )

    def __init__(self, connection: Connection, turns: Turns, limits: ConnectionLimits, clock: Clock) -> None:
        """Read nothing yet."""
        self._connection = connection
        self._clock = clock
        self._turns = turns
        self.parser = RequestParser(self)
        self.held = HeldRequests(self, limits.unanswered, clock, close=connection.cut)
        self.idle = IdleTimer(clock, limits.keep_alive, self._close_idle)
        self._timer = RequestTimer(clock, limits.client_timeout, self._request_is_late)
        self._presence = presence.PresenceWatch(self, clock)
        self._body_bytes = 0
        """Bytes of the current body that the application has not read, or that were ignored."""
        self._unread = b""
        """Bytes received after pipelined requests, not parsed yet."""
        self._refuses = False
        """Whether all further bytes are ignored."""
        self._ignored_bytes = 0

    def begin(self) -> None:
        """Wait for the first request."""
        self._timer.start()

    def close(self) -> None:
        """Stop all timers, and release what is held."""
        self.idle.stop()
        self._timer.stop()
        self._presence.stop()
        self.held.end()
        self.parser.close()
        self._unread = b""

    def receive(self, data: bytes) -> None:
        """Parse received bytes, or keep them for later."""
        parser = self.parser
        if self._refuses:
            self._ignore(len(data))
            return
        if self._unread:
            self._unread += data
            self.held.enter()
            return
        try:
            if (data[:1] <= LAST_OF_BLANK or parser.blank) and not parser.reads_request:
                data = parser.pass_over_blank(data)
                if not data:
                    return  # only empty lines: no request has begun
            self.idle.since = None
            if len(data) <= _PIECE_BYTES:
                parser.feed(data)
            else:
                self._read_pieces(data)
        except BadRequestError as error:
            self._refuse(error)
        if parser.reads_request:
            self._await_the_rest()

    def _read_pieces(self, data: bytes) -> None:
        try:
            for start in range(0, len(data), _PIECE_BYTES):
                if self._connection.transport.is_closing():
                    break
                if self._turns.waiting:
                    self._unread = data[start:]  # parsed once the waiting requests are answered
                    break
                self.parser.feed(data[start : start + _PIECE_BYTES])
                self._weigh()
        finally:
            self.held.enter()

    def _await_the_rest(self) -> None:
        """Start the timer for the rest of a request."""
        self._weigh()
        if self.parser.reads_head:
            self.idle.since = None  # the body of the previous request may have ended meanwhile
            self._timer.start()

    def _weigh(self) -> None:
        if self.parser.framing_bytes > SMALL_BYTES or self._body_bytes > SMALL_BYTES:
            self.held.enter()

    def _ignore(self, count: int) -> None:
        """Ignore what comes after a refusal; some of it is read, as only reading shows that a client leaves."""
        self._ignored_bytes += count
        if self._ignored_bytes > HIGH_WATER_LIMIT:
            self._pause()

    def _pause(self) -> None:
        """Pause reading; `PresenceWatch` then finds out whether the client leaves."""
        self._connection.flow.pause_reading()
        self._presence.start()

    def go_on(self) -> None:
        """Resume reading, as all requests that were read are answered."""
        if self._unread:
            self._read_the_rest()
            return
        flow = self._connection.flow
        if flow.read_paused:
            flow.resume_reading()
        if self.parser.reads_request:
            self._timer.start()
            return
        # Release this request now, not only when the next one comes.
        self._turns.last = self._turns.current = None
        idle = self.idle
        if idle.handle is None:
            idle.start()
        else:
            idle.since = self._clock.time()

    def _read_the_rest(self) -> None:
        """Parse the bytes kept behind requests that are answered now."""
        data, self._unread = self._unread, b""
        self._turns.last = None
        self.receive(data)
        if self._turns.last is None:
            self.go_on()
        elif not self._turns.waiting and not self._unread:
            self._connection.flow.resume_reading()

    # Called by the parser (`request_parser.Listener`).

    def request_begun(self, method: str, target: Target, headers: list[Header], *, keep_alive: bool) -> None:
        """Start to answer; a pipelined request waits for its turn."""
        self.idle.since = None
        self._body_bytes = 0
        if self._timer.handle is not None:
            self._timer.stop()
        connection, turns = self._connection, self._turns
        raw_path, query_string = target.path, target.query
        path = str(raw_path, "ascii")
        if "%" in path and len(path) <= _MAX_DECODED_PATH_BYTES:
            path = unquote(path)
        scope: Scope = {
            **connection.scope,
            "method": method,
            "raw_path": raw_path,
            "query_string": query_string,
            "headers": headers,
        }
        keep_alive = keep_alive and not connection.server_state.draining
        exchange: Exchange
        if connection.app.hooks.takes(path):
            exchange = DirectExchange(connection, scope, keep_alive=keep_alive)
        else:
            version = self.parser.http_version
            exchange = AsgiExchange(connection, scope, path=path, http_version=version, keep_alive=keep_alive)
        before, turns.last = turns.last, exchange
        if before is None or before.response_complete:
            turns.start(exchange)
        else:
            self._pause()
            turns.waiting.append(exchange)

    def body_received(self, data: bytes) -> None:
        """Pass on a part of a body, or ignore it; pause reading if the application does not read it."""
        exchange = self._turns.last
        if exchange is None or exchange.response_complete:
            return
        self._body_bytes = exchange.take_body(data)
        if self._body_bytes > HIGH_WATER_LIMIT:
            self._pause()

    def request_ended(self) -> None:
        """Tell an ASGI application that it has the whole body."""
        if self._timer.handle is not None:
            self._timer.stop()
        exchange = self._turns.last
        if exchange is None or exchange.response_complete:
            self.go_on()  # the answer came before the end of the body
        elif not exchange.is_direct:
            exchange.end_body()

    def _refuse(self, error: BadRequestError) -> None:
        """Stop reading; the connection ends with an error answer, or with that of the previous call."""
        connection, turns = self._connection, self._turns
        if turns.last is not None and turns.is_answering:
            turns.last.keep_alive = False
        elif isinstance(error, EndlessRequestError) and not self.parser.reads_head:
            connection.write_batch.flush()  # the request has been answered already
            connection.transport.abort()
            return
        else:
            connection.answer_bad_request(error.code)
        self._refuses = True

    # For how long is waited.

    def _request_is_late(self) -> None:
        if self._turns.is_answering or self._connection.flow.read_paused:
            self._timer.start()  # it is the server that is not reading
        elif not self._connection.transport.is_closing():
            self._connection.cut(Closing.SLOW_REQUEST)

    def _close_idle(self) -> None:
        if not self._connection.transport.is_closing():
            self._connection.hang_up()

    @property
    def wait(self) -> Wait | None:
        """The wait for the client; None if the connection is not waiting for it."""
        if self.idle.since is not None:
            return Wait(is_idle=True, since=self.idle.since)
        since = self._timer.since
        return None if since is None or self._turns.is_answering else Wait(is_idle=False, since=since)

    # What is held (`held_requests.Sender`).

    def unanswered(self) -> int:
        """Bytes of requests that are held in memory, roughly."""
        held = len(self._unread) + _QUEUED_BYTES * len(self._turns.waiting)
        if self.parser.reads_head:
            return held + self.parser.framing_bytes
        last = self._turns.last
        if last is None or last.response_complete:
            return held
        return held + last.body_held() + self.parser.head_bytes

    def reads_head_since(self) -> float | None:
        """When the head that is coming in began, in seconds of the loop's clock; None if none is."""
        return self._timer.since if self.parser.reads_head else None

    # Whether the client is still there (`presence.Watched`).

    @property
    def reads_nothing(self) -> bool:
        """Whether the connection is open, and nothing is read from it for now."""
        return self._connection.flow.read_paused and not self._connection.transport.is_closing()

    def client_has_gone(self) -> bool:
        """Whether the client has gone and a call should be cancelled for that."""
        return self._connection.cancels and presence.has_gone(self._connection.tcp)

    def leave(self) -> None:
        """Close the connection."""
        self._connection.transport.abort()
