"""An HTTP/1.1 client for GET, over connections that are kept.

Made for the data plane: one deadline for the whole of a call (name, connection, TLS, head, body), a connection that is
closed when its call is cancelled, one retry when a kept connection turns out to be closed, and a named fault for all
that can go wrong. Parsing is httptools' (llhttp, Node.js's parser); this file moves bytes (ADR 0002 says why).
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httptools

from apientreprise_gateway.providers.dial import Dialer, parse_proxy
from apientreprise_gateway.providers.faults import CallError, Fault
from apientreprise_gateway.providers.spool import Sink

__all__ = ["IDLE_SECONDS", "MAX_CALLS", "MAX_FILE_BYTES", "SPOOL_FROM_BYTES", "CallError", "Fault", "Pool", "Response"]

IDLE_SECONDS: Final = 60.0
"""How long a connection may wait for its next call."""
MAX_CALLS: Final = 2500
"""Calls that may be under way to one server, unless told otherwise."""
SPOOL_FROM_BYTES: Final = 64 * 1024
"""Longest body that stays in memory where a longer one may go to a file."""
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Longest body that goes to a file, unless told otherwise."""
_WRITE_BYTES: Final = 256 * 1024
"""Least that is written to a file at once, but for the last part."""
_MAX_HEAD_BYTES: Final = 64 * 1024
_BODY_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
_PROXY_AUTHENTICATION_REQUIRED: Final = 407


class Response(NamedTuple):
    """The answer to a call."""

    status: int
    content_type: str
    body: bytes
    location: str = ""
    """Of a redirection; this client follows none."""
    file: Sink | None = None
    """Where the body is instead, if it was too long for memory; whoever asked for the call discards it."""


class Pool:
    """The connections to one server."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float,
        max_body: int,
        user_agent: str,
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
        max_calls: int = MAX_CALLS,
        max_file: int = MAX_FILE_BYTES,
    ) -> None:
        """Open no connection yet.

        Args:
            base_url: `http` or `https`; targets are appended to its path.
            timeout: seconds that a whole call may take, unless it comes with a deadline.
            max_body: bytes that a body in memory may have.
            user_agent: how to call ourselves.
            tls: for `https`; the system's authorities by default.
            proxy: `http://[user:password@]host:port` to go through.
            max_calls: how many may be under way; one more fails at once.
            max_file: bytes that a body in a file may have.

        Raises:
            ValueError: `proxy` is not the address of one.
        """
        parts = urlsplit(base_url)
        tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        through = None if proxy is None else parse_proxy(proxy)
        self._dialer = Dialer(parts.hostname or "", parts.port or (443 if tls else 80), tls=tls, proxy=through)
        host = parts.netloc.rpartition("@")[2]
        self._names_proxy = through is not None and tls is None
        """Whether it is the proxy that reads our requests."""
        path = parts.path.rstrip("/")
        self._prefix = (
            f"GET http://{host}{path}".encode("ascii") if self._names_proxy else f"GET {path}".encode("ascii")
        )
        self._headers = (
            f" HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
        ).encode("ascii")
        if through is not None and tls is None:
            self._headers += through.authorization
        self._headers += b"X-Request-Id: "
        self._timeout = timeout
        self._max_body = max_body
        self._max_file = max_file
        self._max_calls = max_calls
        self._calls = 0
        self._idle: list[_Connection] = []

    async def get(
        self,
        target: str,
        *,
        request_id: str,
        headers: bytes = b"",
        deadline: float | None = None,
        spool: Callable[[], Sink] | None = None,
    ) -> Response:
        """Call the server.

        Args:
            target: path and query, encoded.
            request_id: sent as `X-Request-Id`.
            headers: further header lines, encoded, each with its CRLF.
            deadline: in the time of the loop; the pool's timeout from now by default.
            spool: makes what a body longer than `SPOOL_FROM_BYTES` goes to.

        Raises:
            CallError: there is no usable answer.
            OSError: the sink does not take the body.
        """
        if self._calls >= self._max_calls:
            raise CallError(Fault.BUSY)
        request = b"%b%b%b%b\r\n%b\r\n" % (
            self._prefix,
            target.encode("ascii"),
            self._headers,
            request_id.encode("ascii"),
            headers,
        )
        now = asyncio.get_running_loop().time()
        if deadline is None:
            deadline = now + self._timeout
        self._calls += 1
        try:
            kept = self._take_kept(now)
            if kept is not None:
                try:
                    return await self._call(kept, request, deadline, spool)
                except CallError as error:
                    if not error.unanswered:
                        raise
                # The server closed the connection as we used it again: it has not seen the call.
            fresh = await self._dialer.connect(_Connection(self._max_body, self._max_file), deadline)
            return await self._call(fresh, request, deadline, spool)
        finally:
            self._calls -= 1

    def close(self) -> None:
        """Close the connections that wait."""
        while self._idle:
            self._idle.pop().abort()
        self._dialer.close()

    async def _call(
        self, connection: "_Connection", request: bytes, deadline: float, spool: Callable[[], Sink] | None
    ) -> Response:
        loop = asyncio.get_running_loop()
        answer = connection.send(request, spooled=spool is not None)
        timer = loop.call_at(deadline, connection.fail, Fault.TIMEOUT)
        try:
            response = await answer
            if connection.stream is not None and spool is not None:
                response = response._replace(file=await _spool(connection.stream, spool(), deadline))
        except BaseException:
            # Cancelled or failed: whatever this connection still brings is nobody's.
            connection.abort()
            raise
        finally:
            timer.cancel()
        self._keep(connection, loop.time())
        if self._names_proxy and response.status == _PROXY_AUTHENTICATION_REQUIRED:
            _discard(response)
            raise CallError(Fault.NETWORK, "the proxy refuses our credentials (407)")
        return response

    # Connections.

    def _take_kept(self, now: float) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and now - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.abort()
        return None

    def _keep(self, connection: "_Connection", now: float) -> None:
        if not connection.reusable:
            connection.abort()
            return
        connection.idle_since = now
        self._idle.append(connection)
        # The longest unused is the first, as the last used is taken first.
        while self._idle[0].closed or now - self._idle[0].idle_since >= IDLE_SECONDS:
            self._idle.pop(0).abort()


def _discard(response: Response) -> None:
    if response.file is not None:
        response.file.discard()


async def _spool(stream: "_Stream", sink: Sink, deadline: float) -> Sink:
    """Write a body to a sink, which is discarded if that fails."""
    try:
        async with asyncio.timeout_at(deadline):
            while part := await stream.next():
                await sink.write(part)
            await sink.close()
    except TimeoutError:
        sink.discard()
        raise CallError(Fault.TIMEOUT) from None
    except BaseException:
        sink.discard()
        raise
    return sink


class _Stream:
    """A body on its way from a connection to a file; the connection is not read while enough of it waits."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waiting: list[bytes] = []
        self._size = 0
        self._ended = False
        self._error: CallError | None = None
        self._reader: asyncio.Future[None] | None = None

    async def next(self) -> bytes:
        """The next part, none at the end.

        Raises:
            CallError: the body is not complete.
        """
        if self._size < _WRITE_BYTES and not self._ended:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        if self._error is not None:
            raise self._error
        part = b"".join(self._waiting)
        self._waiting, self._size = [], 0
        if not self._transport.is_closing():
            self._transport.resume_reading()
        return part

    def feed(self, data: bytes) -> None:
        """More of the body has come."""
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= _WRITE_BYTES:
            self._transport.pause_reading()
            self._wake()

    def end(self, error: CallError | None = None) -> None:
        """The body is complete, or will never be."""
        self._ended = True
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class _Connection(asyncio.Protocol):
    """One connection, which carries one call at a time."""

    def __init__(self, max_body: int, max_file: int) -> None:
        self._max_body = max_body
        self._max_file = max_file
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._reset()
        self._called = False
        """Whether the answer to a call is still to come, or the rest of it."""
        self._spooled = False
        self._in_memory = max_body
        self.stream: _Stream | None = None
        """The body of the last call, if it is too long for memory."""
        self.closed = False
        self.reusable = False
        self.idle_since = 0.0

    def _reset(self) -> None:
        self._head_bytes = 0
        self._head_read = False
        self._framed = False
        self._content_type = b""
        self._location = b""
        self._chunks: list[bytes] = []
        self._size = 0

    def send(self, request: bytes, *, spooled: bool = False) -> "asyncio.Future[Response]":
        """Send a request; its answer, whose body is in `stream` if it is `spooled` and long."""
        self._reset()
        self.reusable = False
        self.stream = None
        self._spooled = spooled
        self._in_memory = SPOOL_FROM_BYTES if spooled else self._max_body
        self._called = True
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None or self.closed:
            self.fail(Fault.NETWORK, unanswered=True)
        else:
            self._transport.write(request)
        return self._answer

    def fail(self, fault: Fault, detail: str = "", *, unanswered: bool = False) -> None:
        """End the call with a fault."""
        if not self._called or self._answer is None:
            return
        self._called = False
        error = CallError(fault, detail, unanswered=unanswered)
        if self.stream is not None:
            self.stream.end(error)
        elif not self._answer.done():
            self._answer.set_exception(error)

    def abort(self) -> None:
        """Close the connection at once."""
        self.closed = True
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # What the transport tells.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP gives no less
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._called:
            self.abort()  # nobody asked
            return
        if not self._head_read:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(Fault.NOT_HTTP)
            self.abort()
        if not self._head_read and self._head_bytes > _MAX_HEAD_BYTES:
            self.fail(Fault.NOT_HTTP)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self._called:
            return
        if self._head_read and not self._framed and exc is None:
            self._finish()  # a body without a length ends with its connection
        else:
            self.fail(Fault.NETWORK, unanswered=self._head_bytes == 0)

    # What the parser tells.

    def on_message_begin(self) -> None:
        if not self._called:
            self.abort()  # a second answer in the wake of the first is not for our next call

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower == b"content-type":
            self._content_type = value
        elif lower == b"location":
            self._location = value
        elif lower in _BODY_FRAMING:
            self._framed = True
        elif lower == b"content-encoding" and value.lower() != b"identity":
            self.fail(Fault.ENCODED)

    def on_headers_complete(self) -> None:
        self._head_read = True

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= self._in_memory:
            self._chunks.append(body)
        elif self._called:
            self._pass_on(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:
            self._reset()  # an interim answer; the real one follows
            return
        if self._called:
            self.reusable = self._parser.should_keep_alive()
            self._finish()

    def _pass_on(self, body: bytes) -> None:
        """Take a part of a body that is too long for memory."""
        if self._size > (self._max_file if self._spooled else self._max_body):
            self.fail(Fault.TOO_LARGE)
            return
        if self.stream is None:
            self._begin_stream()
        if self.stream is not None:
            self.stream.feed(body)

    def _begin_stream(self) -> None:
        if self._transport is not None and self._answer is not None and not self._answer.done():
            self.stream = _Stream(self._transport)
            self.stream.feed(b"".join(self._chunks))
            self._chunks.clear()
            self._answer.set_result(self._response(b""))

    def _finish(self) -> None:
        self._called = False
        if self.stream is not None:
            self.stream.end()
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result(
                self._response(self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks))
            )

    def _response(self, body: bytes) -> Response:
        content_type, location = self._content_type.decode("latin-1"), self._location.decode("latin-1")
        return Response(self._parser.get_status_code(), content_type, body, location)
