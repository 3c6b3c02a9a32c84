"""One connection to a server, which carries one call at a time."""

import asyncio
import ssl
from typing import Final

from apientreprise_gateway.net.write_batch import MANY, write_batch_of
from apientreprise_gateway.upstream.body_stream import BodyStream
from apientreprise_gateway.upstream.dial import Abortable
from apientreprise_gateway.upstream.faults import CallError, Fault, tls_fault, words
from apientreprise_gateway.upstream.response import Response, ResponseReader

SPOOL_FROM_BYTES: Final = 64 * 1024
"""Bytes of the longest body that stays in memory, if a longer one may go to a file."""


class Connection(Abortable):
    """A connection, from its opening to its end."""

    __slots__ = (
        "_answer",
        "_called",
        "_deadline",
        "_ended",
        "_loop",
        "_max_body",
        "_max_file",
        "_reader",
        "_timer",
        "_transport",
        "_write_batch",
        "closed",
        "idle_since",
        "reusable",
        "stream",
    )

    def __init__(self, max_body: int, max_file: int) -> None:
        """Wait for a transport.

        Args:
            max_body: bytes that a body in memory may have.
            max_file: bytes that a body in a file may have.
        """
        self._loop = asyncio.get_running_loop()
        self._write_batch = write_batch_of(self._loop)
        self._max_body = max_body
        self._max_file = max_file
        self._reader = ResponseReader()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._called = False
        """Whether a call is under way, whose answer is not complete."""
        self._ended = False
        """Whether the server has closed the connection cleanly."""
        self.stream: BodyStream | None = None
        """The body of the last call, if it is too long for memory."""
        self.closed = False
        self.reusable = False
        """Whether the connection may carry another call."""
        self.idle_since = 0.0
        """When the last answer was complete, in seconds of the loop's clock."""

    def send(self, request: bytes, deadline: float, *, spooled: bool = False) -> "asyncio.Future[Response]":
        """Send a request and expect its answer.

        Args:
            request: the bytes of the request.
            deadline: when the whole answer must have come, in seconds of the loop's clock.
            spooled: whether to give a long body as `stream`; the answer is then returned before its body.
        """
        if spooled:
            self._reader.begin(SPOOL_FROM_BYTES, self._max_file)
        else:
            self._reader.begin(self._max_body, self._max_body)
        self.reusable = False
        self.stream = None
        self._called = True
        self._answer = self._loop.create_future()
        self._deadline = deadline
        # One timer for many calls: it is set again when it fires too early.
        if self._timer is not None and self._timer.when() > deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._look_at_deadline)
        if self._write_batch.calls < MANY and not self._write_batch.waiting:
            self.put(request)
        else:
            self._write_batch.add(self, request)
        return self._answer

    def put(self, data: bytes) -> None:
        """Write the request, see `WriteBatch`."""
        try:
            if self._transport is None or self.closed:
                raise RuntimeError("closed")
            self._transport.write(data)
        except RuntimeError:
            # uvloop refuses to write to a closed connection before it reports that the other side has closed it.
            self._fail(Fault.NETWORK, unanswered=True)

    def abort(self) -> None:
        """Close the connection at once."""
        self.closed = True
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # Called by the transport.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP gives no less
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._called:
            self._abort_soon()  # bytes without a call
            return
        reader = self._reader
        reader.feed(data)
        if reader.overflow:
            self._pass_on(reader)
        if reader.done:
            self._settle(reader)
        if reader.out_of_step:
            self._abort_soon()

    def eof_received(self) -> None:
        self._ended = True  # cleanly: with TLS, this is not called if the connection was cut

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.reusable = False  # the body of its last answer may still be on its way to a file
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._called:
            return
        reader = self._reader
        if self._ended and exc is None:
            reader.end_of_input()
        if reader.done:
            self._settle(reader)
        else:
            # With TLS 1.3 a server may reject our certificate after the handshake.
            fault = tls_fault(exc) if isinstance(exc, ssl.SSLError) else Fault.NETWORK
            self._fail(fault, words(exc) if isinstance(exc, OSError) else "", unanswered=reader.is_untouched)

    # The outcome of the call.

    def _pass_on(self, reader: ResponseReader) -> None:
        """Pass parts of a long body to its stream; with the first part, also return the answer to the caller."""
        if self.stream is None:
            self._begin_stream(reader)
        if self.stream is not None:
            for part in reader.overflow:
                self.stream.feed(part)
        reader.overflow.clear()

    def _begin_stream(self, reader: ResponseReader) -> None:
        if reader.response is None or self._transport is None or self._answer is None or self._answer.done():
            return
        self.stream = BodyStream(self._transport)
        self._answer.set_result(reader.response)

    def _settle(self, reader: ResponseReader) -> None:
        """End the call with the answer or the fault that was read."""
        if reader.fault is not None:
            self._fail(reader.fault)
            return
        self._called = False
        self.reusable = reader.keep_alive
        self.idle_since = self._loop.time()
        if self.stream is not None:
            self.stream.end()
        elif self._answer is not None and not self._answer.done() and reader.response is not None:
            self._answer.set_result(reader.response)

    def _fail(self, fault: Fault, detail: str = "", *, unanswered: bool = False) -> None:
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
            self._fail(Fault.TIMEOUT)

    def _abort_soon(self) -> None:
        """Close the connection after the current callback: with TLS, uvloop still writes to it after the callback."""
        self.closed = True
        self.reusable = False
        self._loop.call_soon(self.abort)
