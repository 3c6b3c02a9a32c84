"""An HTTP/1.1 client for GET, over connections that are kept.

Made for the data plane: one deadline for the whole of a call (name, connection, TLS, head, body), a connection that is
closed when its call is cancelled, one retry when a kept connection turns out to be closed, and a named fault for all
that can go wrong. Parsing is httptools' (llhttp, Node.js's parser); this file moves bytes (ADR 0002 says why).
"""

import asyncio
import socket
import ssl
from enum import Enum
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httptools

IDLE_SECONDS: Final = 60.0
"""How long a connection may wait for its next call."""
NAME_SECONDS: Final = 30.0
"""How long the addresses of a name are remembered."""
_MAX_HEAD_BYTES: Final = 64 * 1024
_BODY_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})


class Fault(Enum):
    """What can go wrong with a call."""

    TIMEOUT = "the whole answer did not come within the deadline"
    REFUSED = "the connection was refused"
    NAME = "the name could not be resolved"
    CERTIFICATE = "the certificate is not valid"
    NETWORK = "the connection broke, or could not be made"
    NOT_HTTP = "what came back is not HTTP"
    TOO_LARGE = "the body is larger than allowed"
    ENCODED = "the body is compressed, which was not asked for"


class CallError(Exception):
    """A call got no usable answer."""

    def __init__(self, fault: Fault, *, unanswered: bool = False) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.unanswered = unanswered
        """Whether the connection was closed before the first byte of an answer."""


class Response(NamedTuple):
    """The answer to a call."""

    status: int
    content_type: str
    body: bytes
    location: str = ""
    """Of a redirection; this client follows none."""


class Pool:
    """The connections to one server."""

    def __init__(
        self, base_url: str, *, timeout: float, max_body: int, user_agent: str, tls: ssl.SSLContext | None = None
    ) -> None:
        """Open no connection yet.

        Args:
            base_url: `http` or `https`; targets are appended to its path.
            timeout: seconds that a whole call may take.
            max_body: bytes that a body may have.
            user_agent: how to call ourselves.
            tls: for `https`; the system's authorities by default.
        """
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = b"GET " + parts.path.rstrip("/").encode("ascii")
        host = parts.netloc.rpartition("@")[2]
        self._headers = (
            f" HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\nAccept: */*\r\n"
            "Accept-Encoding: identity\r\nX-Request-Id: "
        ).encode("ascii")
        self._timeout = timeout
        self._max_body = max_body
        self._idle: list[_Connection] = []
        self._addresses: list[Any] = []
        self._addresses_until = 0.0
        self._resolving: asyncio.Task[list[Any]] | None = None

    async def get(self, target: str, *, request_id: str) -> Response:
        """Call the server.

        Args:
            target: path and query, encoded.
            request_id: sent as `X-Request-Id`.

        Raises:
            CallError: there is no usable answer.
        """
        request = b"%b%b%b%b\r\n\r\n" % (
            self._prefix,
            target.encode("ascii"),
            self._headers,
            request_id.encode("ascii"),
        )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        kept = self._take_kept(loop.time())
        if kept is not None:
            try:
                return await self._call(kept, request, deadline)
            except CallError as error:
                if not error.unanswered:
                    raise
            # The server closed the connection as we used it again: it has not seen the call.
        fresh = await self._connect(deadline)
        return await self._call(fresh, request, deadline)

    def close(self) -> None:
        """Close the connections that wait."""
        while self._idle:
            self._idle.pop().abort()
        if self._resolving is not None:
            self._resolving.cancel()

    async def _call(self, connection: "_Connection", request: bytes, deadline: float) -> Response:
        loop = asyncio.get_running_loop()
        answer = connection.send(request)
        timer = loop.call_at(deadline, connection.fail, Fault.TIMEOUT)
        try:
            response = await answer
        except BaseException:
            # Cancelled or failed: whatever this connection still brings is nobody's.
            connection.abort()
            raise
        finally:
            timer.cancel()
        self._keep(connection, loop.time())
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

    async def _connect(self, deadline: float) -> "_Connection":
        try:
            async with asyncio.timeout_at(deadline):
                return await self._connect_to_any(await self._resolve())
        except TimeoutError:
            raise CallError(Fault.TIMEOUT) from None
        except socket.gaierror as error:
            raise CallError(Fault.NAME) from error
        except ConnectionRefusedError as error:
            raise CallError(Fault.REFUSED) from error
        except ssl.SSLCertVerificationError as error:
            raise CallError(Fault.CERTIFICATE) from error
        except OSError as error:
            raise CallError(Fault.NETWORK) from error

    async def _connect_to_any(self, addresses: list[Any]) -> "_Connection":
        loop = asyncio.get_running_loop()
        failure: OSError = ConnectionError("the name has no address")
        for _, _, _, _, address in addresses:
            try:
                _, connection = await loop.create_connection(
                    lambda: _Connection(self._max_body),
                    address[0],
                    address[1],
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )
            except TimeoutError:
                raise
            except OSError as error:
                failure = error
            else:
                return connection
        raise failure

    async def _resolve(self) -> list[Any]:
        """The addresses of the server; calls that come meanwhile wait for the same answer."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._addresses_until:
            return self._addresses
        if self._resolving is None or self._resolving.done():
            self._resolving = loop.create_task(self._look_up())
        return await asyncio.shield(self._resolving)

    async def _look_up(self) -> list[Any]:
        loop = asyncio.get_running_loop()
        found: list[Any] = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        self._addresses, self._addresses_until = found, loop.time() + NAME_SECONDS
        return found


class _Connection(asyncio.Protocol):
    """One connection, which carries one call at a time."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._reset()
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

    def send(self, request: bytes) -> "asyncio.Future[Response]":
        """Send a request; its answer."""
        self._reset()
        self.reusable = False
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None or self.closed:
            self.fail(Fault.NETWORK, unanswered=True)
        else:
            self._transport.write(request)
        return self._answer

    def fail(self, fault: Fault, *, unanswered: bool = False) -> None:
        """End the call with a fault."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(CallError(fault, unanswered=unanswered))

    def abort(self) -> None:
        """Close the connection at once."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    # What the transport tells.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP gives no less
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.abort()  # nobody asked
            return
        if not self._head_read:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(Fault.NOT_HTTP)
        if not self._head_read and self._head_bytes > _MAX_HEAD_BYTES:
            self.fail(Fault.NOT_HTTP)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._answer is None or self._answer.done():
            return
        if self._head_read and not self._framed and exc is None:
            self._finish()  # a body without a length ends with its connection
        else:
            self.fail(Fault.NETWORK, unanswered=self._head_bytes == 0)

    # What the parser tells.

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
        if self._size > self._max_body:
            self.fail(Fault.TOO_LARGE)
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:
            self._reset()  # an interim answer; the real one follows
            return
        self.reusable = self._parser.should_keep_alive()
        self._finish()

    def _finish(self) -> None:
        if self._answer is not None and not self._answer.done():
            body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            content_type, location = self._content_type.decode("latin-1"), self._location.decode("latin-1")
            self._answer.set_result(Response(self._parser.get_status_code(), content_type, body, location))
