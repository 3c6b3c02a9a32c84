"""Tests of the access log."""

import asyncio
import errno
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.observability import access_log as module
from apientreprise_gateway.observability.access_log import AccessLog, encode, now
from apientreprise_gateway.observability.sink import open_file, standard

MEGABYTE = 1024 * 1024


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a file; every one is complete."""
    content = path.read_bytes()
    assert content == b"" or content.endswith(b"\n")
    return [json.loads(line) for line in content.split(b"\n")[:-1]]


@contextmanager
def pipe(folder: Path) -> Iterator[tuple[Path, int]]:
    """A named pipe, with the descriptor of its reader, which has not read yet."""
    path = folder / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    try:
        yield path, reader
    finally:
        os.close(reader)


def read_to_the_end(reader: int) -> bytes:
    """Everything that is written to a pipe until its writer closes."""
    parts = []
    while part := os.read(reader, MEGABYTE):
        parts.append(part)
    return b"".join(parts)


def read_lines(reader: int, count: int) -> bytes:
    """That many lines of a pipe."""
    content = b""
    while content.count(b"\n") < count:
        content += os.read(reader, MEGABYTE)
    return content


async def test_complete_and_in_order(tmp_path: Path) -> None:
    """Every line is written once, whole, in the order in which it was logged, and by the time the log is closed."""

    async def main() -> AccessLog:
        log = AccessLog(open_file(tmp_path / "access.log"))
        log.start()
        for number in range(2000):
            log.write({"number": number, "text": "x" * (number % 50)})
            if number % 100 == 0:
                await asyncio.sleep(0)
        await log.close()
        return log

    log = await main()
    assert [line["number"] for line in lines_of(tmp_path / "access.log")] == list(range(2000))
    assert log.written == 2000


async def test_written_without_closing(tmp_path: Path) -> None:
    """A line is written soon after it was logged, without another one coming."""

    async def main(path: Path, reader: int) -> None:
        log = AccessLog(open_file(path))
        log.start()
        loop = asyncio.get_running_loop()
        for number in range(3):
            log.write({"number": number})
            line = await asyncio.wait_for(loop.run_in_executor(None, read_lines, reader, 1), 10)
            assert json.loads(line) == {"number": number}
        await log.close()

    with pipe(tmp_path) as (path, reader):
        await main(path, reader)


async def test_closing_without_a_line(tmp_path: Path) -> None:
    """A log of nothing is an empty file."""
    log = AccessLog(open_file(tmp_path / "access.log"))
    log.start()
    await log.close()
    assert lines_of(tmp_path / "access.log") == []


async def test_closing_without_a_start(tmp_path: Path) -> None:
    """A log that was never started can be closed."""
    await AccessLog(open_file(tmp_path / "access.log")).close()


async def test_lines_logged_before_the_start(tmp_path: Path) -> None:
    """Lines logged before the log was started are written as soon as others."""

    async def main(path: Path, reader: int) -> None:
        log = AccessLog(open_file(path))
        log.write({"number": 0})
        log.start()
        log.write({"number": 1})
        loop = asyncio.get_running_loop()
        reading = loop.run_in_executor(None, read_lines, reader, 2)
        done, _ = await asyncio.wait({reading}, timeout=1)
        await log.close()
        assert done, "nothing was written before the log was closed"

    with pipe(tmp_path) as (path, reader):
        await main(path, reader)


async def test_existing_file_is_continued(tmp_path: Path) -> None:
    """A file is appended to, also by a second gateway."""

    async def main(number: int) -> None:
        log = AccessLog(open_file(tmp_path / "access.log"))
        log.start()
        log.write({"number": number})
        await log.close()

    for number in range(2):
        await main(number)
    assert [line["number"] for line in lines_of(tmp_path / "access.log")] == [0, 1]


async def test_file_is_private(tmp_path: Path) -> None:
    """The file, which holds personal data, is not for everybody to read."""
    await AccessLog(open_file(tmp_path / "access.log")).close()
    assert (tmp_path / "access.log").stat().st_mode & 0o007 == 0


def test_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """A file in a folder that does not exist is refused at once."""
    with pytest.raises(OSError, match="nowhere"):
        AccessLog(open_file(tmp_path / "nowhere" / "access.log"))


async def test_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """Without a file the lines go to standard output, which stays open."""
    log = AccessLog(standard(1))
    log.start()
    log.write({"event": "access"})
    await log.close()
    os.write(1, b"still open\n")
    assert capfd.readouterr().out == '{"event":"access"}\nstill open\n'


@pytest.mark.parametrize(
    "value",
    ["a\nb", "a\r\nb", '"}\n{"event":"access"', "\x00\x1b[2J", "\u2028\u2029\x85", "é🦊", "\\n", "\ufffd"],
)
async def test_one_line_whatever_the_value(tmp_path: Path, value: str) -> None:
    """A value with line ends in it stays within its line, and is read back as it was."""
    log = AccessLog(open_file(tmp_path / "access.log"))
    log.start()
    log.write({"context": value, value: "key"})
    await log.close()
    assert (tmp_path / "access.log").read_bytes().count(b"\n") == 1
    assert lines_of(tmp_path / "access.log") == [{"context": value, value: "key"}]


@pytest.mark.parametrize("sign", ["\x7f", "\x85", "\x9b31m", "\u061c", "\u200f", "\u2028", "\u202e", "\u2066"])
def test_nothing_that_a_terminal_obeys(sign: str) -> None:
    """What a terminal or a reader of lines would obey is written as an escape, and other texts as they are."""
    line = encode({"context": f"é{sign}🦊", sign: 1})
    assert line.decode().isprintable()
    assert "é" in line.decode()
    assert len(line.decode().splitlines()) == 1
    assert json.loads(line) == {"context": f"é{sign}🦊", sign: 1}


async def test_kinds_of_values(tmp_path: Path) -> None:
    """Lists, numbers and missing values are written as JSON."""
    log = AccessLog(open_file(tmp_path / "access.log"))
    log.start()
    log.write({"codes": ("00101",), "seconds": 0.5, "jti": None})
    await log.close()
    assert lines_of(tmp_path / "access.log") == [{"codes": ["00101"], "seconds": 0.5, "jti": None}]


def test_the_time_of_a_line() -> None:
    """It is the clock's, to the microsecond, in UTC."""
    before = datetime.now(UTC)
    times = [now() for _ in range(1000)]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", each) for each in times)
    assert sorted(times) == times
    assert before <= datetime.fromisoformat(times[0])
    assert datetime.fromisoformat(times[-1]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("part", "shown"), [(0, "00.000000"), (999, "00.000000"), (1_000, "00.000001"), (10**9 - 1, "00.999999")]
)
def test_the_time_of_a_line_in_full(monkeypatch: pytest.MonkeyPatch, part: int, shown: str) -> None:
    """A time has all of its digits, whatever it is, and follows a clock that is set back."""
    noon = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()) * 10**9
    for day, then in ((2, noon), (1, noon - 24 * 3600 * 10**9)):
        monkeypatch.setattr(time, "time_ns", partial(int, then + part))
        assert now() == f"2026-03-0{day}T12:00:{shown}+00:00"


async def test_slow_reader_loses_nothing(tmp_path: Path) -> None:
    """While nobody reads, lines are kept; calls wait once too many are, until they have been read."""

    async def main(path: Path, reader: int) -> bytes:
        log = AccessLog(open_file(path))
        log.start()
        assert not log.is_full
        await asyncio.wait_for(log.room(), 10)
        for number in range(40):
            log.write({"number": number, "text": "x" * MEGABYTE})
        assert log.is_full
        waiting = [asyncio.create_task(log.room()) for _ in range(3)]
        done, _ = await asyncio.wait(waiting, timeout=0.1)
        assert not done, "there is room although nobody has read"
        reading = asyncio.get_running_loop().run_in_executor(None, read_to_the_end, reader)
        await asyncio.wait_for(asyncio.gather(*waiting), 20)
        assert not log.is_full
        log.write({"number": 40, "text": ""})
        await log.close()
        return await reading

    with pipe(tmp_path) as (path, reader):
        content = await main(path, reader)
    lines = [json.loads(line) for line in content.split(b"\n")[:-1]]
    assert [line["number"] for line in lines] == list(range(41))
    assert all(len(line["text"]) == MEGABYTE for line in lines[:-1])


async def test_a_full_pipe_delays_nobody(tmp_path: Path) -> None:
    """Logging does not wait for the reader of a full pipe, and closing writes what it has not taken yet."""

    async def main(path: Path, reader: int) -> bytes:
        log = AccessLog(open_file(path))
        log.start()
        for number in range(5000):
            log.write({"number": number, "text": "x" * 100})
            if number == 2500:
                await asyncio.to_thread(read_lines, reader, 0)
        closing = asyncio.create_task(log.close())
        done, _ = await asyncio.wait({closing}, timeout=0.1)
        assert not done, "closed although the pipe is full"
        content = await asyncio.to_thread(read_to_the_end, reader)
        await closing
        return content

    with pipe(tmp_path) as (path, reader):
        content = await main(path, reader)
    assert [json.loads(line)["number"] for line in content.split(b"\n")[:-1]] == list(range(5000))


class Disk:
    """Stands for `os.write`: a disk that is full, and has room for a few bytes now and then."""

    def __init__(self, *, room: int = 0, refusals: int = 10**9) -> None:
        """Have room for so many bytes at first, then none for so many attempts, then for all."""
        self.room = room
        self.refusals = refusals
        self.full = threading.Event()
        """Set once something was refused."""
        self._write = os.write

    def __call__(self, fd: int, data: memoryview) -> int:
        """Write what there is room for."""
        if not self.room and self.refusals:
            self.refusals -= 1
            self.full.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        if not self.refusals:
            return self._write(fd, data)
        written = self._write(fd, data[: self.room])
        self.room -= written
        return written


async def filled(disk: Disk) -> None:
    """Wait until a disk has refused something."""
    assert await asyncio.to_thread(disk.full.wait, 20)


async def test_trouble_that_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that could not be written are kept, tried again and complained of once; none is lost, none comes twice."""
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.001)
    monkeypatch.setattr(os, "write", disk := Disk(room=12_345, refusals=20))
    with capture_logs() as logs:
        log = AccessLog(open_file(tmp_path / "access.log"))
        log.start()
        for number in range(5000):
            log.write({"number": number, "text": "x" * 100})
        await filled(disk)
        while log.waiting:
            await asyncio.sleep(0.001)
        await log.close()
    assert [line["number"] for line in lines_of(tmp_path / "access.log")] == list(range(5000))
    assert [line["event"] for line in logs] == ["access_log_unwritable"]


@pytest.mark.parametrize("reloads", [1, 2, 5])
@pytest.mark.parametrize("room", [0, 1, 5_000, 50_000])
async def test_a_full_disk_and_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, reloads: int
) -> None:
    """Lines that the old file cannot take go to the last of the new ones, once, in order, and whole in both."""

    async def main() -> int:
        log = AccessLog(open_file(tmp_path / "old"))
        log.start()
        for number in range(1000):
            log.write({"number": number, "text": "x" * 100})
            if number == 500:
                await filled_after(log)
        for place in range(reloads):
            log.redirect(open_file(tmp_path / f"new-{place}"))
        monkeypatch.undo()
        while log.waiting:
            await asyncio.sleep(0.001)
        log.write({"number": 1000})
        await log.close()
        return log.written

    async def filled_after(log: AccessLog) -> None:
        await filled(disk)
        assert log.waiting

    monkeypatch.setattr(os, "write", disk := Disk(room=room))
    assert await main() == 1001
    old, *new = [lines_of(tmp_path / name) for name in ("old", *(f"new-{place}" for place in range(reloads)))]
    assert len(old) == room // len(encode({"number": 100, "text": "x" * 100}) + b"\n")
    assert [line["number"] for line in [*old, *(line for each in new for line in each)]] == list(range(1001))
    assert new[-1], "the last one is not used"


async def test_a_stalled_pipe_and_another_place(tmp_path: Path) -> None:
    """A pipe that nobody reads holds no line back from the file that takes its place, nor from a pipe after that."""

    async def main(path: Path, reader: int) -> bytes:
        log = AccessLog(open_file(path))
        log.start()
        for number in range(3000):
            log.write({"number": number, "text": "x" * 100})
        await until_stuck(log)
        log.redirect(open_file(tmp_path / "file"))
        while log.waiting:
            await asyncio.sleep(0.001)
        log.redirect(open_file(path))
        log.write({"number": 3000})
        reading = asyncio.create_task(asyncio.to_thread(read_to_the_end, reader))
        await log.close()
        return await reading

    async def until_stuck(log: AccessLog) -> None:
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert log.waiting

    with pipe(tmp_path) as (path, reader):
        content = await main(path, reader)
    piped = [json.loads(line)["number"] for line in content.split(b"\n")[:-1]]
    filed = [line["number"] for line in lines_of(tmp_path / "file")]
    assert [*piped[:-1], *filed, piped[-1]] == list(range(3001))


async def test_who_waits_is_bounded(tmp_path: Path) -> None:
    """Calls beyond a number, or with too much to keep, are turned away; those that leave make room for others."""

    async def main(path: Path) -> None:
        log = AccessLog(open_file(path))
        log.start()
        log.write({"text": "x" * 33 * MEGABYTE})
        for size, most in ((1, module.MAX_WAITING_CALLS), (MEGABYTE, module.MAX_WAITING_BYTES // MEGABYTE)):
            for _ in range(2):
                waiting = [asyncio.create_task(log.room(size)) for _ in range(most)]
                await asyncio.sleep(0)
                assert log.waiting_calls == most
                with pytest.raises(module.LogFullError):
                    await log.room(size)
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
                assert log.waiting_calls == 0
        await log.close(0.1)

    with pipe(tmp_path) as (path, _), capture_logs() as logs:
        await main(path)
    assert [line["event"] for line in logs] == ["access_lines_lost"]


@pytest.mark.parametrize("written", [0, 1000])
async def test_a_stalled_pipe_holds_up_no_end(tmp_path: Path, written: int) -> None:
    """A log whose lines nobody takes is closed in time, and says how many are lost."""
    lost: list[int] = []

    async def main(path: Path) -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        log = AccessLog(open_file(path), on_lost=lost.append)
        log.start()
        for number in range(written):
            log.write({"number": number, "text": "x" * 1000})
        began = loop.time()
        await log.close(0.3)
        return loop.time() - began, log.waiting

    with pipe(tmp_path) as (path, reader), capture_logs() as logs:
        seconds, waiting = await main(path)
        taken = len(read_to_the_end(reader).splitlines())
    assert seconds < 5
    assert waiting == 0
    assert sum(lost) == written - taken == sum(line["lines"] for line in logs)


async def test_trouble_that_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that cannot be written at all can be closed, and says how many lines are lost."""
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.001)
    with capture_logs() as logs:
        log = AccessLog(open_file(Path("/dev/full")))
        log.start()
        for number in range(3):
            log.write({"number": number})
        await asyncio.wait_for(log.close(0.1), 10)
    assert [line["lines"] for line in logs if line["event"] == "access_lines_lost"] == [3]


async def test_a_full_disk_mixes_no_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that a disk has room for the half of is finished before another process goes on in the same file."""
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    written, refusals = os.write, 20

    def write(fd: int, data: bytes) -> int:
        nonlocal refusals
        if fd != first._sink._fd or refusals == 0:
            return written(fd, data)
        refusals -= 1
        if refusals == 19:
            return written(fd, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    async def _room_made(log: AccessLog) -> None:
        while log.waiting:
            await asyncio.sleep(0.001)
        await log.close()

    first, second = AccessLog(open_file(tmp_path / "access.log")), AccessLog(open_file(tmp_path / "access.log"))
    monkeypatch.setattr(os, "write", write)
    first.start()
    second.start()
    first.write({"number": 0, "text": "x" * 1000})
    while refusals == 20:
        await asyncio.sleep(0.001)
    second.write({"number": 1})
    await asyncio.gather(second.close(), _room_made(first))
    assert [line["number"] for line in lines_of(tmp_path / "access.log")] == [0, 1]


async def test_whatever_happens_in_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that nobody has foreseen is told of, and the lines are tried again: the thread does not end by it."""
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    with capture_logs() as logs:
        log = AccessLog(open_file(tmp_path / "access.log"))
        real, failures = log._sink.write, [ValueError("one"), RuntimeError("two"), KeyError("three")]

        def write(data: memoryview) -> int:
            if failures:
                raise failures.pop()
            return real(data)

        monkeypatch.setattr(log._sink, "write", write)
        log.start()
        log.write({"number": 1})
        async with asyncio.timeout(20):
            while log.waiting:
                await asyncio.sleep(0.005)
        log.write({"number": 2})
        await log.close()
    assert [line["number"] for line in lines_of(tmp_path / "access.log")] == [1, 2]
    assert [line["event"] for line in logs] == ["access_log_failed"] * 3
