"""Reads a provider's answers from the bytes of a connection: a state machine without socket, loop or clock.

httptools (llhttp, Node.js's parser) parses. The connection feeds the reader, then looks at its attributes and decides
what to do.
"""

from typing import Final

import httptools
from msgspec import Struct

from apientreprise_gateway.net.content_coding import Decoder, decoder_of
from apientreprise_gateway.upstream.faults import Fault
from apientreprise_gateway.upstream.spool import Sink

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_BODILESS_BYTES: Final = 1024 * 1024
"""Bytes that may come between the parts of a body and after it: sizes of chunks, trailers."""
_READ_HEADERS: Final = frozenset(
    {b"content-type", b"content-length", b"transfer-encoding", b"location", b"content-encoding"}
)
_SHORT_NUMBER: Final = 4
"""Digits of a `Content-Length` that is too small to be checked before the body has come."""


class Response(Struct, frozen=True, gc=False):
    """The answer to a call."""

    status: int
    content_type: str
    body: bytes
    location: str = ""
    """The `Location` of a redirection; this client follows none."""
    file: Sink | None = None
    """The sink with the body, if it was too long for memory; the caller must discard it."""


class ResponseReader:
    """Reads the answers on one connection, one after the other.

    Call `begin` before the bytes of each. Once `done` is set, the answer is in `response`, or `fault` says why there is
    none.
    """

    __slots__ = (
        "_allowed",
        "_bodiless_bytes",
        "_chunks",
        "_coding",
        "_content_type",
        "_decoder",
        "_framed",
        "_head_read",
        "_in_memory",
        "_location",
        "_oversized",
        "_parser",
        "_size",
        "_status",
        "done",
        "fault",
        "keep_alive",
        "out_of_step",
        "overflow",
        "response",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.out_of_step = False
        """Whether bytes came that are no answer to a call, so that the connection cannot be used again."""
        self.begin(in_memory=0, allowed=0)

    def begin(self, in_memory: int, allowed: int) -> None:
        """Expect an answer.

        Args:
            in_memory: bytes that its body may have in memory.
            allowed: bytes that it may have in all; a body longer than `in_memory` goes to `overflow`.
        """
        self._in_memory = in_memory
        self._allowed = allowed
        self._bodiless_bytes = 0
        """Bytes of the reads that contained nothing of the body."""
        self._status = 0
        self._head_read = False
        self._framed = False
        """Whether the head says where the body ends."""
        self._content_type = ""
        self._location = ""
        self._coding = b""
        self._decoder: Decoder | None = None
        self._oversized = False
        """Whether the announced body is longer than allowed."""
        self._chunks: list[bytes] = []
        self._size = 0
        self.done = False
        self.response: Response | None = None
        """The answer; without its body, and before `done` is set, once the body is too long for memory."""
        self.fault: Fault | None = None
        self.overflow: list[bytes] = []
        """Parts of a body that is too long for memory; the connection takes them and empties the list."""
        self.keep_alive = False
        """Whether the server lets the connection be used again."""

    @property
    def is_untouched(self) -> bool:
        """Whether no byte of the answer has come."""
        return not self._head_read and self._bodiless_bytes == 0

    def feed(self, data: bytes) -> None:
        """Parse bytes that the connection has received."""
        size = self._size
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.out_of_step = True
            self._fail(Fault.NOT_HTTP)
        if self._size == size:
            # The parser holds back unfinished names and values: they must be limited here.
            self._bodiless_bytes += len(data)
            if self._bodiless_bytes > (MAX_BODILESS_BYTES if self._head_read else MAX_HEAD_BYTES):
                self._fail(Fault.NOT_HTTP)

    def end_of_input(self) -> None:
        """Note that the connection was closed cleanly, which ends a body without a length."""
        if self._head_read and not self._framed and not self.done:
            self._finish()

    # Called by the parser.

    def on_message_begin(self) -> None:
        if self.done:
            self.out_of_step = True  # a second answer right after the first is not for our next call

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower not in _READ_HEADERS:
            return
        if lower == b"content-type":
            if not self._head_read:  # a trailer changes nothing
                self._content_type = value.decode("latin-1")
        elif lower == b"content-length":
            self._framed = True
            if len(value) > _SHORT_NUMBER and int(value) > self._allowed:
                self._oversized = True
        elif lower == b"transfer-encoding":
            self._framed = True
        elif lower == b"location":
            if not self._head_read:
                self._location = value.decode("latin-1")
        elif not self._head_read:  # a content-encoding
            self._coding = b"%b,%b" % (self._coding, value)

    def on_headers_complete(self) -> None:
        self._head_read = True
        self._status = self._parser.get_status_code()
        if self._coding:
            self._decoder = decoder_of(self._coding.decode("latin-1"))
        if self._oversized and not self.done:
            self._refuse_body(Fault.TOO_LARGE)

    def on_body(self, body: bytes) -> None:
        for part in (body,) if self._decoder is None else self._decoder.feed(body):
            if self.done:
                return
            self._size += len(part)
            if self._size <= self._in_memory:
                self._chunks.append(part)
            else:
                self._pass_on(part)
        if self._decoder is not None and self._decoder.broken and not self.done:
            self._refuse_body(Fault.ENCODED)

    def on_message_complete(self) -> None:
        if self.done:
            return
        if self._status < 200:
            self.begin(self._in_memory, self._allowed)  # an interim answer; the real one follows
        else:
            self.keep_alive = self._parser.should_keep_alive()
            self._finish()

    # The outcome of the answer.

    @property
    def _is_success(self) -> bool:
        return 200 <= self._status < 300

    def _pass_on(self, part: bytes) -> None:
        """Take a part of a body that is too long for memory."""
        if self._size > self._allowed or not self._is_success:
            self._refuse_body(Fault.TOO_LARGE)
            return
        if self.response is None:
            self.response = Response(self._status, self._content_type, b"", self._location)
            self.overflow += self._chunks
            self._chunks.clear()
        self.overflow.append(part)

    def _refuse_body(self, fault: Fault) -> None:
        """Refuse the body; for an error the status alone is enough."""
        self._decoder = None
        self._chunks.clear()
        if self._is_success:
            self._fail(fault)
        else:
            self._finish()

    def _fail(self, fault: Fault) -> None:
        if not self.done:
            self.done = True
            self.fault = fault

    def _finish(self) -> None:
        if self._decoder is not None:
            self._chunks.append(self._decoder.end())
            if self._decoder.broken:
                self._refuse_body(Fault.ENCODED)
                return
        self.done = True
        if self.response is None:
            body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            self.response = Response(self._status, self._content_type, body, self._location)
