"""Streams a long body from a connection to a file."""

import asyncio
from typing import Final

from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.spool import Sink

_WRITE_BYTES: Final = 256 * 1024
"""Bytes written to a file at once, at least, except for the last part."""


class BodyStream:
    """Buffers the parts of a body that are not written yet; if they are many, reading is paused."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waiting: list[bytes] = []
        self._size = 0
        self._ended = False
        self._error: CallError | None = None
        self._reader: asyncio.Future[None] | None = None

    async def next(self) -> bytes:
        """The next part; empty at the end.

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
        """Add a part that the connection has received."""
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= _WRITE_BYTES:
            self._transport.pause_reading()
            self._wake()

    def end(self, error: CallError | None = None) -> None:
        """End the body: it is complete, or broken off by an error."""
        self._ended = True
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


async def write_to(sink: Sink, stream: BodyStream, deadline: float) -> Sink:
    """Write a body to a sink, which is discarded if that fails.

    Raises:
        CallError: the body did not come by the deadline (seconds of the loop's clock), or not completely.
        OSError: the sink does not take it.
    """
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
