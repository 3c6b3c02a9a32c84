"""An HTTP/1.1 client for GET with persistent connections (docs/adr/0002-http-client.md).

Made for the data plane: one deadline for a whole call (name, connection, TLS, head, body), a connection that is closed
when its call is cancelled, one retry if a kept connection turns out to be closed, and a `Fault` for each failure.
"""

import ssl
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec.structs import replace

from apientreprise_gateway.observability import tracing
from apientreprise_gateway.upstream.body_stream import write_to
from apientreprise_gateway.upstream.connection import Connection
from apientreprise_gateway.upstream.credentials import Credentials
from apientreprise_gateway.upstream.dial import Dialer
from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.proxy import PROXY_AUTHENTICATION_REQUIRED, Proxy, parse_proxy
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.spool import Sink
from apientreprise_gateway.upstream.tls import system_context

IDLE_SECONDS: Final = 60.0
"""Seconds that a connection may wait for its next call."""
MAX_CALLS: Final = 2500
"""Calls to one server that may be under way, by default."""
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of the longest body that goes to a file, by default."""
_FORM: Final = b"Content-Type: application/x-www-form-urlencoded\r\n"
_UNAUTHORIZED: Final = 401
_REQUEST_TIMEOUT: Final = 408


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
        credentials: Credentials | None = None,
    ) -> None:
        """Configure it; no connection is opened yet.

        Args:
            base_url: URL with `http` or `https`; targets are appended to its path.
            timeout: seconds that a whole call may take, unless it comes with a deadline.
            max_body: bytes that a body in memory may have.
            user_agent: sent as `User-Agent`.
            tls: TLS context for `https`; one with the system's authorities by default.
            proxy: URL of a proxy, `http://[user:password@]host:port`.
            max_calls: calls that may be under way; one more fails at once.
            max_file: bytes that a body in a file may have.
            credentials: sent with each call; None for none.

        Raises:
            ValueError: `proxy` is not the URL of a proxy.
        """
        parts = urlsplit(base_url)
        tls = (tls or system_context()) if parts.scheme == "https" else None
        through = None if proxy is None else parse_proxy(proxy)
        self._dialer = Dialer(parts.hostname or "", parts.port or (443 if tls else 80), tls=tls, proxy=through)
        reader = through if tls is None else None
        self._read_by_proxy = reader is not None
        self._base = _base(parts, reader)
        self._prefix = b"GET " + self._base
        self._headers = _headers(parts, user_agent, reader)
        self._timeout = timeout
        self._max_body = max_body
        self._max_file = max_file
        self._max_calls = max_calls
        self._credentials = credentials
        self._calls = 0
        self._idle: list[Connection] = []

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
            deadline: in seconds of the loop's clock; now plus the pool's timeout by default.
            spool: makes the sink for a body longer than `SPOOL_FROM_BYTES`.

        Raises:
            CallError: there is no usable answer.
            OSError: the body could not be written to the sink.
        """
        if self._calls >= self._max_calls:
            raise CallError(Fault.BUSY)
        now = time.monotonic()  # the loop's clock; before Python 3.12 finding the loop costs a system call
        if deadline is None:
            deadline = now + self._timeout
        elif deadline <= now:
            raise CallError(Fault.TIMEOUT)
        trace = tracing.CURRENT.get()
        request = b"%b%b%b%b\r\n%b%b" % (
            self._prefix,
            target.encode("ascii"),
            self._headers,
            request_id.encode("ascii"),
            b"" if trace is None else trace.lines,
            headers,
        )
        self._calls += 1
        try:
            if self._credentials is None:
                return await self._send(request + b"\r\n", now, deadline, spool)
            return await self._send_with(self._credentials, request, deadline, spool)
        finally:
            self._calls -= 1

    async def post(self, target: str, form: bytes, *, request_id: str, deadline: float) -> Response:
        """Send a form; its answer may have to be asked for twice, so it must not change anything.

        Args:
            target: path and query, encoded.
            form: the encoded form.
            request_id: sent as `X-Request-Id`.
            deadline: in seconds of the loop's clock.

        Raises:
            CallError: there is no usable answer.
        """
        if self._calls >= self._max_calls:
            raise CallError(Fault.BUSY)
        now = time.monotonic()
        if deadline <= now:
            raise CallError(Fault.TIMEOUT)
        request = b"POST %b%b%b%b\r\n%bContent-Length: %d\r\n\r\n%b" % (
            self._base,
            target.encode("ascii"),
            self._headers,
            request_id.encode("ascii"),
            _FORM,
            len(form),
            form,
        )
        self._calls += 1
        try:
            return await self._send(request, now, deadline, None)
        finally:
            self._calls -= 1

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().abort()
        self._dialer.close()
        if self._credentials is not None:
            self._credentials.close()

    async def _send_with(
        self, credentials: Credentials, request: bytes, deadline: float, spool: Callable[[], Sink] | None
    ) -> Response:
        """Make a call with credentials; once more with other ones if they are refused."""
        lines = await credentials.headers(deadline)
        response = await self._send(request + lines + b"\r\n", time.monotonic(), deadline, spool)
        if response.status != _UNAUTHORIZED:
            return response
        try:
            others = await credentials.headers(deadline, refused=lines)
        except BaseException:
            _discard(response)
            raise
        if others == lines:
            return response
        _discard(response)
        return await self._send(request + others + b"\r\n", time.monotonic(), deadline, spool)

    async def _send(self, request: bytes, now: float, deadline: float, spool: Callable[[], Sink] | None) -> Response:
        connection = kept = self._take_kept(now)
        while True:
            if connection is None:
                connection = await self._dialer.connect(self._make_connection, deadline)
            try:
                response = await connection.send(request, deadline, spooled=spool is not None)
                if connection.stream is not None and spool is not None:
                    response = replace(response, file=await write_to(spool(), connection.stream, deadline))
            except BaseException as error:
                # Cancelled or failed: no later call may get the bytes that this connection still receives.
                connection.abort()
                if connection is not kept or not isinstance(error, CallError) or not error.unanswered:
                    raise
            else:
                if connection is not kept or response.status != _REQUEST_TIMEOUT:
                    break
                # A 408 answers the silence on this connection before our call, not the call itself.
                _discard(response)
                connection.abort()
            # The server closed the connection as we used it again: it has not seen the call.
            connection = None
        self._keep(connection)
        if self._read_by_proxy and response.status == PROXY_AUTHENTICATION_REQUIRED:
            _discard(response)
            raise CallError(Fault.NETWORK, "the proxy refuses our credentials (407)")
        return response

    def _make_connection(self) -> Connection:
        return Connection(self._max_body, self._max_file)

    def _take_kept(self, now: float) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and now - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.abort()
        return None

    def _keep(self, connection: Connection) -> None:
        if not connection.reusable:
            connection.abort()
            return
        now = connection.idle_since
        self._idle.append(connection)
        # The first has been idle longest, as the last used is taken first.
        while self._idle[0].closed or now - self._idle[0].idle_since >= IDLE_SECONDS:
            self._idle.pop(0).abort()


def _base(base: SplitResult, proxy: Proxy | None) -> bytes:
    """What comes before each target; absolute if a proxy forwards the request."""
    server = "" if proxy is None else f"http://{_host(base)}"
    return f"{server}{base.path.rstrip('/')}".encode("ascii")


def _headers(base: SplitResult, user_agent: str, proxy: Proxy | None) -> bytes:
    """What follows the target in each request, up to the value of `X-Request-Id`."""
    lines = (
        f" HTTP/1.1\r\nHost: {_host(base)}\r\nUser-Agent: {user_agent}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
    ).encode("ascii")
    authorization = b"" if proxy is None else proxy.authorization
    return b"%b%bX-Request-Id: " % (lines, authorization)


def _host(base: SplitResult) -> str:
    """Host and port of a URL, without its credentials."""
    return base.netloc.rpartition("@")[2]


def _discard(response: Response) -> None:
    if response.file is not None:
        response.file.discard()
