"""A long body on its way to a file: the connection is not read while enough of it waits."""

import asyncio

import pytest

from apientreprise_gateway.upstream.body_stream import BodyStream, write_to
from apientreprise_gateway.upstream.faults import CallError, Fault

MUCH = 256 * 1024


class Transport(asyncio.Transport):
    """A connection that notes whether it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.paused = False
        self.closing = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return self.closing


class Memory:
    """A sink that keeps what it is given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.parts: list[bytes] = []
        self.closed = self.discarded = False
        self._error = error

    async def write(self, data: bytes) -> None:
        if self._error is not None:
            raise self._error
        self.parts.append(data)

    async def close(self) -> None:
        self.closed = True

    def discard(self) -> None:
        self.discarded = True


async def test_small_parts_are_written_together() -> None:
    """Parts are gathered until they are worth a write; the last one is written as it is."""
    stream, sink = BodyStream(Transport()), Memory()
    writing = asyncio.create_task(write_to(sink, stream, _later()))
    for _ in range(3):
        stream.feed(bytes(MUCH // 2))
        await asyncio.sleep(0)
    stream.end()
    assert await writing is sink
    assert (sink.closed, sink.discarded) == (True, False)
    assert [len(part) for part in sink.parts] == [MUCH, MUCH // 2]


async def test_the_connection_is_not_read_while_much_waits() -> None:
    """Reading pauses once there is enough for a write, and resumes when that is taken."""
    transport = Transport()
    stream = BodyStream(transport)
    stream.feed(bytes(MUCH - 1))
    assert not transport.paused
    stream.feed(b"a")
    assert transport.paused
    await stream.next()
    assert not transport.paused


async def test_a_closed_connection_is_not_resumed() -> None:
    """What came before a connection ended is still given; the connection is left alone."""
    transport = Transport()
    stream = BodyStream(transport)
    stream.feed(bytes(MUCH))
    transport.closing = True
    assert len(await stream.next()) == MUCH
    assert transport.paused


async def test_a_body_that_breaks_off_is_discarded() -> None:
    """A body that will never be complete is no file."""
    stream, sink = BodyStream(Transport()), Memory()
    stream.feed(b"a")
    stream.end(CallError(Fault.NETWORK))
    with pytest.raises(CallError):
        await write_to(sink, stream, _later())
    assert (sink.closed, sink.discarded) == (False, True)


async def test_a_body_that_does_not_come_in_time_is_discarded() -> None:
    """At the deadline the call has failed."""
    sink = Memory()
    with pytest.raises(CallError) as caught:
        await write_to(sink, BodyStream(Transport()), asyncio.get_running_loop().time())
    assert caught.value.fault is Fault.TIMEOUT
    assert sink.discarded


async def test_a_disk_that_is_full() -> None:
    """What the sink raises is passed on, and the sink discarded."""
    stream, sink = BodyStream(Transport()), Memory(OSError(28, "No space left on device"))
    stream.feed(b"a")
    stream.end()
    with pytest.raises(OSError, match="No space"):
        await write_to(sink, stream, _later())
    assert sink.discarded


def _later() -> float:
    return asyncio.get_running_loop().time() + 60
