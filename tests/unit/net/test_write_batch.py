"""Tests of the writes that go out together."""

import asyncio
import gc
import weakref

from apientreprise_gateway.net.write_batch import WriteBatch, write_batch_of

MANY = 100


class Writer:
    """Remembers what is written, by whom."""

    def __init__(self, name: str, written: list[str]) -> None:
        self._name = name
        self._written = written

    def put(self, data: bytes) -> None:
        """Write."""
        self._written.append(f"{self._name}{data.decode()}")


class Broken:
    """Cannot be written to."""

    def put(self, data: bytes) -> None:
        """Fail."""
        raise OSError(data)


async def test_with_few_calls_nothing_waits() -> None:
    """What is added while few calls are in flight is written at once."""
    written: list[str] = []
    WriteBatch().add(Writer("a", written), b"1")
    assert (written) == ["a1"]


async def test_with_many_calls_writes_go_out_together() -> None:
    """What is added while many are is written at the end of the turn, in its order."""
    written: list[str] = []
    one, other, write_batch = Writer("a", written), Writer("b", written), WriteBatch()
    write_batch.calls = MANY
    write_batch.add(one, b"1")
    write_batch.add(other, b"1")
    write_batch.calls = 0
    write_batch.add(one, b"2")  # not before what waits
    assert written == []
    await asyncio.sleep(0)
    assert written == ["a1", "b1", "a2"]


async def test_a_flush_writes_at_once_and_once() -> None:
    """A flush leaves nothing for the end of the turn."""
    written: list[str] = []
    write_batch = WriteBatch()
    write_batch.calls = MANY
    write_batch.add(Writer("a", written), b"1")
    write_batch.flush()
    assert written == ["a1"]
    await asyncio.sleep(0)
    assert written == ["a1"]
    write_batch.add(Writer("a", written), b"2")
    await asyncio.sleep(0)
    assert written == ["a1", "a2"]


async def test_a_fault_is_nobody_elses() -> None:
    """A connection that cannot be written to does not keep the others from it."""
    written: list[str] = []
    write_batch = WriteBatch()
    write_batch.calls = MANY
    write_batch.add(Broken(), b"1")
    write_batch.add(Writer("a", written), b"1")
    await asyncio.sleep(0)
    assert written == ["a1"]


def test_a_loop_has_one() -> None:
    """All connections of a loop share an write_batch, which ends with it."""
    loop = asyncio.new_event_loop()
    write_batch = write_batch_of(loop)
    assert write_batch_of(loop) is write_batch
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None
