"""One connection to a server, which carries one call at a time."""

import asyncio
import ssl
from typing import Final, NamedTuple

import httptools

from apientreprise_gateway.net.content_coding import Decoder, decoder_of
from apientreprise_gateway.net.write_batch import MANY, outbox_of
from apientreprise_gateway.upstream.dial import Abortable
from apientreprise_gateway.upstream.faults import CallError, Fault, tls_fault, words
from apientreprise_gateway.upstream.spool import Sink

SPOOL_FROM_BYTES: Final = 64 * 1024
"""Longest body that stays in memory where a longer one may go to a file."""
_WRITE_BYTES: Final = 256 * 1024
"""Least that is written to a file at once, but for the last part."""
_MAX_HEAD_BYTES: Final = 64 * 1024
_MAX_BODILESS_BYTES: Final = 1024 * 1024
"""What may come between the parts of a body and after it: sizes of chunks, trailers."""
_READ_HEADERS: Final = frozenset(
    {b"content-type", b"content-length", b"transfer-encoding", b"location", b"content-encoding"}
)
_SHORT_NUMBER: Final = 4
"""Digits of a length that is not looked at before the body has come."""


class Response(NamedTuple):
    """The answer to a call."""

    status: int
    content_type: str
    body: bytes
    location: str = ""
    """Of a redirection; this client follows none."""
    file: Sink | None = None
    """Where the body is instead, if it was too long for memory; whoever asked for the call discards it."""


class Stream:
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


class Connection(Abortable):
    """A connection, from its opening to its end."""

    __slots__ = (
        "_allowed",
        "_answer",
        "_bodiless_bytes",
        "_called",
        "_chunks",
        "_coding",
        "_content_type",
        "_deadline",
        "_decoder",
        "_ended",
        "_framed",
        "_head_read",
        "_in_memory",
        "_location",
        "_loop",
        "_max_body",
        "_max_file",
        "_outbox",
        "_oversized",
        "_parser",
        "_size",
        "_timer",
        "_transport",
        "closed",
        "idle_since",
        "reusable",
        "stream",
    )

    def __init__(self, max_body: int, max_file: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._outbox = outbox_of(self._loop)
        self._max_body = max_body
        self._max_file = max_file
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._reset()
        self._called = False
        """Whether the answer to a call is still to come, or the rest of it."""
        self._in_memory = self._allowed = max_body
        """Bytes that the body may have in memory, and in all."""
        self.stream: Stream | None = None
        """The body of the last call, if it is too long for memory."""
        self._ended = False
        self.closed = False
        self.reusable = False
        self.idle_since = 0.0

    def _reset(self) -> None:
        self._bodiless_bytes = 0
        """Of the reads that brought nothing of the body."""
        self._head_read = False
        self._framed = False
        self._content_type = b""
        self._location = b""
        self._coding = b""
        self._decoder: Decoder | None = None
        self._oversized = False
        """Whether a body is announced that is longer than allowed."""
        self._chunks: list[bytes] = []
        self._size = 0

    def send(self, request: bytes, deadline: float, *, spooled: bool = False) -> "asyncio.Future[Response]":
        """Send a request; its answer, whose body is in `stream` if it is `spooled` and long.

        All of it must have come by the deadline, in the time of the loop.
        """
        self._reset()
        self.reusable = False
        self.stream = None
        self._in_memory = SPOOL_FROM_BYTES if spooled else self._max_body
        self._allowed = self._max_file if spooled else self._max_body
        self._called = True
        self._answer = self._loop.create_future()
        self._deadline = deadline
        # One timer for many calls: it is set again when it fires too early.
        if self._timer is not None and self._timer.when() > deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._look_at_deadline)
        if self._outbox.calls < MANY and not self._outbox.waiting:
            self.put(request)
        else:
            self._outbox.add(self, request)
        return self._answer

    def put(self, data: bytes) -> None:
        """Write the request, see `WriteBatch`."""
        try:
            if self._transport is None or self.closed:
                raise RuntimeError("closed")
            self._transport.write(data)
        except RuntimeError:
            # uvloop refuses to write to a connection that the other side has closed, before it tells of it.
            self.fail(Fault.NETWORK, unanswered=True)

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

    def _look_at_deadline(self) -> None:
        self._timer = None
        if not self._called:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look_at_deadline)
        else:
            self.fail(Fault.TIMEOUT)

    def abort(self) -> None:
        """Close the connection at once."""
        self.closed = True
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def _abort_soon(self) -> None:
        """Close the connection, but not while the transport tells of it: with TLS, uvloop writes to it after that."""
        self.closed = True
        self.reusable = False
        self._loop.call_soon(self.abort)

    # What the transport tells.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP gives no less
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._called:
            self._abort_soon()  # nobody asked
            return
        size = self._size
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(Fault.NOT_HTTP)
            self._abort_soon()
        if self._size == size:
            # The parser holds back names and values that do not end.
            self._bodiless_bytes += len(data)
            if self._bodiless_bytes > (_MAX_BODILESS_BYTES if self._head_read else _MAX_HEAD_BYTES):
                self.fail(Fault.NOT_HTTP)

    def eof_received(self) -> None:
        self._ended = True  # in order: with TLS, not where somebody cut the connection

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._called:
            return
        if self._head_read and not self._framed and self._ended and exc is None:
            self._finish()  # a body without a length ends with its connection
        else:
            # TLS 1.3: what a server thinks of our certificate comes after the handshake.
            fault = tls_fault(exc) if isinstance(exc, ssl.SSLError) else Fault.NETWORK
            nothing_came = not self._head_read and self._bodiless_bytes == 0
            self.fail(fault, words(exc) if isinstance(exc, OSError) else "", unanswered=nothing_came)

    # What the parser tells.

    def on_message_begin(self) -> None:
        if not self._called:
            self._abort_soon()  # a second answer in the wake of the first is not for our next call

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower not in _READ_HEADERS:
            return
        if lower == b"content-type":
            if not self._head_read:  # a trailer changes nothing
                self._content_type = value
        elif lower == b"content-length":
            self._framed = True
            if len(value) > _SHORT_NUMBER and int(value) > self._allowed:
                self._oversized = True
        elif lower == b"transfer-encoding":
            self._framed = True
        elif lower == b"location":
            if not self._head_read:
                self._location = value
        elif not self._head_read:  # a content-encoding
            self._coding = b"%b,%b" % (self._coding, value)

    def on_headers_complete(self) -> None:
        self._head_read = True
        if self._coding:
            self._decoder = decoder_of(self._coding.decode("latin-1"))
        if self._oversized and self._called:
            self._refuse_body(Fault.TOO_LARGE)

    def on_body(self, body: bytes) -> None:
        for part in (body,) if self._decoder is None else self._decoder.feed(body):
            self._size += len(part)
            if self._size <= self._in_memory:
                self._chunks.append(part)
            elif self._called:
                self._pass_on(part)
            else:
                return
        if self._decoder is not None and self._decoder.broken and self._called:
            self._refuse_body(Fault.ENCODED)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:
            self._reset()  # an interim answer; the real one follows
            return
        if self._called:
            self.reusable = self._parser.should_keep_alive()
            self.idle_since = self._loop.time()
            self._finish()

    def _pass_on(self, body: bytes) -> None:
        """Take a part of a body that is too long for memory."""
        if self._size > self._allowed or not self._is_success:
            self._refuse_body(Fault.TOO_LARGE)
            return
        if self.stream is None:
            self._begin_stream()
        if self.stream is not None:
            self.stream.feed(body)

    def _begin_stream(self) -> None:
        if self._transport is not None and self._answer is not None and not self._answer.done():
            self.stream = Stream(self._transport)
            self.stream.feed(b"".join(self._chunks))
            self._chunks.clear()
            self._answer.set_result(self._response(b""))

    @property
    def _is_success(self) -> bool:
        return 200 <= self._parser.get_status_code() < 300

    def _refuse_body(self, fault: Fault) -> None:
        """The body cannot be taken; of an error the status is enough."""
        self._decoder = None
        if self._is_success:
            self.fail(fault)
        else:
            self._chunks.clear()
            self._finish()

    def _finish(self) -> None:
        if self._decoder is not None:
            self._chunks.append(self._decoder.end())
            if self._decoder.broken:
                self._refuse_body(Fault.ENCODED)
                return
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
