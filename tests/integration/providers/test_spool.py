"""Long answers on their way to a file."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from apientreprise_gateway.upstream.connection import SPOOL_FROM_BYTES
from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.pool import Pool
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.spool import Spool, SpoolFile
from support.site import LONG, hang
from support.stub import Handler, Stub, always, answer, stub

pytestmark = pytest.mark.uvloop

MB = 1 << 20
MAX_FILE = 32 * MB
BODY = bytes(range(256)) * 8192
"""2 MiB."""


def _chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\ntransfer-encoding: chunked\r\n\r\n"
    parts = [body[start : start + 100_000] for start in range(0, len(body), 100_000)]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def _temporary_files() -> int:
    """Open files of this process that have no name any more."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            count += "(deleted)" in os.readlink(link)
        except OSError:
            continue
    return count


def _peak_kib() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


@asynccontextmanager
async def _opened(provider: Stub, folder: Path, **changes: Any) -> AsyncIterator[tuple[Pool, Spool]]:
    """A pool and a spool that leave no file behind."""
    before = _temporary_files()
    usual: dict[str, Any] = {"timeout": LONG, "max_body": MB, "max_file": MAX_FILE}
    pool = Pool(provider.url, user_agent="tests", **(usual | changes))
    spool = Spool(folder)
    try:
        yield pool, spool
    finally:
        pool.close()
        spool.close()
    async with asyncio.timeout(LONG):
        while _temporary_files() != before:
            await asyncio.sleep(0.02)
    assert list(folder.iterdir()) == []


def _content(response: Response) -> bytes:
    assert isinstance(response.file, SpoolFile)
    return response.file.file.read()


@pytest.mark.parametrize("raw", [answer(BODY), _chunked(BODY)], ids=["length", "chunks"])
async def test_a_long_body_goes_to_a_file(tmp_path: Path, raw: bytes) -> None:
    """A body beyond 64 KiB is in the file in whole, and the connection is used again."""
    with stub(always(raw)) as provider:
        async with _opened(provider, tmp_path) as (pool, spool):
            for _ in range(3):
                response = await pool.get("/document", request_id="r", spool=spool)
                assert (response.status, response.body) == (200, b"")
                assert _content(response) == BODY
                assert response.file is not None
                response.file.discard()
        assert provider.connections == 1


async def test_a_server_that_closes_behind_a_long_body(tmp_path: Path) -> None:
    """The answer is whole although its connection is gone before the last of it is in the file."""

    async def closing(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(BODY))
        await writer.drain()
        writer.close()

    with stub(closing) as provider:
        async with _opened(provider, tmp_path) as (pool, spool):
            for _ in range(20):
                response = await pool.get("/document", request_id="r", spool=spool)
                assert _content(response) == BODY
                assert response.file is not None
                response.file.discard()
        assert provider.connections == 20


@pytest.mark.parametrize("size", [0, 1, SPOOL_FROM_BYTES])
async def test_a_short_body_stays_in_memory(tmp_path: Path, size: int) -> None:
    """A body of 64 KiB at most takes no file."""
    with stub(always(answer(b"x" * size))) as provider:
        async with _opened(provider, tmp_path) as (pool, spool):
            response = await pool.get("/document", request_id="r", spool=spool)
            assert (response.file, response.body) == (None, b"x" * size)


async def test_memory_does_not_grow_with_the_body(tmp_path: Path) -> None:
    """Eight answers of 20 MB at once raise the memory of the process by a few MB each at most."""
    part = b"\0" * (64 * 1024)

    async def large(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (320 * len(part)))
        for _ in range(320):
            writer.write(part)
            await writer.drain()

    with stub(large) as provider:
        async with _opened(provider, tmp_path) as (pool, spool):
            first = await pool.get("/document", request_id="r", spool=spool)
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
            before = _peak_kib()
            answers = await asyncio.gather(*(pool.get("/document", request_id="r", spool=spool) for _ in range(8)))
            grown = _peak_kib() - before
            for response in (first, *answers):
                assert isinstance(response.file, SpoolFile)
                assert response.file.size == 320 * len(part)
                response.file.discard()
            assert grown < 8 * 3 * 1024, f"{grown} KiB"


def _closing(raw: bytes) -> Handler:
    async def handler(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        writer.close()

    return handler


async def _half(target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(BODY)[:-10])
    await hang(target, reader, writer)


@pytest.mark.parametrize(
    ("handler", "fault", "changes"),
    [
        (_closing(answer(BODY)[:-10]), Fault.NETWORK, {}),
        (_closing(_chunked(BODY)[:-10]), Fault.NETWORK, {}),
        (_half, Fault.TIMEOUT, {"timeout": 0.5}),
        (always(answer(BODY)), Fault.TOO_LARGE, {"max_file": len(BODY) - 1}),
        (always(_chunked(BODY)), Fault.TOO_LARGE, {"max_file": len(BODY) - 1}),
        (always(_chunked(BODY)[:-7] + b"nonsense"), Fault.NOT_HTTP, {}),
    ],
    ids=["short", "cut chunks", "hang", "too large", "too large in chunks", "nonsense"],
)
async def test_a_failed_body_leaves_no_file(
    tmp_path: Path, handler: Handler, fault: Fault, changes: dict[str, Any]
) -> None:
    """Whatever ends a long body before its end is named, and its file is gone."""
    with stub(handler) as provider:
        async with _opened(provider, tmp_path, **changes) as (pool, spool):
            with pytest.raises(CallError) as caught:
                await pool.get("/document", request_id="r", spool=spool)
            assert caught.value.fault is fault


async def test_a_cancelled_body_leaves_no_file(tmp_path: Path) -> None:
    """A caller that gives up in the middle of a body leaves no file and no connection."""
    with stub(_half) as provider:
        async with _opened(provider, tmp_path) as (pool, spool):
            begun = asyncio.Event()

            def telling() -> SpoolFile:
                begun.set()
                return spool()

            call = asyncio.create_task(pool.get("/document", request_id="r", spool=telling))
            await asyncio.wait_for(begun.wait(), LONG)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(provider.closed.wait, LONG)


class _SlowSink:
    """Takes nothing before it is told to."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.parts: list[bytes] = []
        self.discarded = False

    async def write(self, data: bytes) -> None:
        await self.opened.wait()
        self.parts.append(data)

    async def close(self) -> None:
        pass

    def discard(self) -> None:
        self.discarded = True


async def test_a_slow_disk_holds_the_provider_back(tmp_path: Path) -> None:
    """While a write is under way no more than some parts of the body are taken from the connection."""
    sent = 0

    async def counting(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        part = b"\1" * (256 * 1024)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (100 * len(part)))
        for _ in range(100):
            writer.write(part)
            await writer.drain()
            sent += len(part)

    with stub(counting) as provider:
        async with _opened(provider, tmp_path) as (pool, _):
            sink = _SlowSink()
            call = asyncio.create_task(pool.get("/document", request_id="r", spool=lambda: sink))
            steady, last = 0, -1
            while steady < 10:  # what the kernel's buffers take is taken
                await asyncio.sleep(0.02)
                steady, last = (steady + 1 if sent == last else 0), sent
            assert sent < 20 * MB
            sink.opened.set()
            await call
            assert sum(map(len, sink.parts)) == 25 * MB
            assert all(len(each) >= 256 * 1024 for each in sink.parts[:-1])


async def test_a_disk_that_hangs_ends_with_the_deadline(tmp_path: Path) -> None:
    """The deadline holds for the writing of the body too."""
    sink: list[_SlowSink] = []

    def spool() -> _SlowSink:
        sink.append(_SlowSink())
        return sink[0]

    with stub(always(answer(BODY))) as provider:
        async with _opened(provider, tmp_path, timeout=0.5) as (pool, _):
            with pytest.raises(CallError) as caught:
                await pool.get("/document", request_id="r", spool=spool)
            assert caught.value.fault is Fault.TIMEOUT
            assert sink[0].discarded


async def test_a_full_disk_is_our_own_fault(tmp_path: Path) -> None:
    """A sink that fails is no fault of the provider, and its connection is not used again."""

    class Full(_SlowSink):
        async def write(self, data: bytes) -> None:
            del data
            raise OSError(28, "no space left")

    with stub(always(answer(BODY))) as provider:
        async with _opened(provider, tmp_path) as (pool, spool):
            full = Full()
            with pytest.raises(OSError, match="no space"):
                await pool.get("/document", request_id="r", spool=lambda: full)
            assert full.discarded
            response = await pool.get("/document", request_id="r", spool=spool)
            assert _content(response) == BODY
            assert response.file is not None
            response.file.discard()
        assert provider.connections == 2
