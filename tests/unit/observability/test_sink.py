"""Tests of the places that lines are written to."""

import os
import select
import socket
from pathlib import Path

import pytest

from apientreprise_gateway.observability.sink import Sink, open_file, standard

LINE = b"x" * 999 + b"\n"


def fill(sink: Sink) -> int:
    """Write until there is no room; how many bytes were taken."""
    taken = 0
    data = memoryview(LINE * 100)
    while True:
        try:
            taken += sink.write(data)
        except BlockingIOError:
            return taken


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_may_make_others_wait_does_not(kind: str) -> None:
    """A full pipe or socket that waits by itself, as one that was inherited does, is noticed instead of waited for."""
    if kind == "pipe":
        reader, writer = os.pipe()
    else:
        ends = socket.socketpair()
        reader, writer = (end.detach() for end in ends)
    sink = Sink(writer, owned=True)
    try:
        taken = fill(sink)
        assert taken > 4096
        assert os.get_blocking(writer), "others have it too"
        assert not sink.wait(0)
        content = b""
        while len(content) < taken:
            content += os.read(reader, 65536)
        assert sink.wait(0)
        assert kind == "socket" or content == LINE * (taken // 1000), "a line in the pipe is not whole"
        assert sink.write(memoryview(LINE)) == 1000
    finally:
        sink.close()
        os.close(reader)


def test_a_pipe_that_is_inherited(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output that is a pipe is opened anew: whoever else has it may go on to wait for its reader."""
    del capfd
    reader, writer = os.pipe()
    before = os.dup(1)
    os.dup2(writer, 1)
    os.close(writer)
    try:
        sink = standard(1)
        fill(sink)
        assert os.get_blocking(1)
        sink.close()
    finally:
        os.dup2(before, 1)
        os.close(before)
    assert select.select([reader], [], [], 0)[0], "it was closed as well"
    os.close(reader)


def test_half_a_line_is_taken_back(tmp_path: Path) -> None:
    """The start of a line whose rest found no room is removed, unless somebody has written after it."""
    first, second = open_file(tmp_path / "log"), open_file(tmp_path / "log")
    first.write(memoryview(b"one\n"))
    first._end = 4
    first.take_back(2)
    assert (tmp_path / "log").read_bytes() == b"on"
    first._end = 2
    second.write(memoryview(b"two\n"))
    first.take_back(2)
    assert (tmp_path / "log").read_bytes() == b"ontwo\n"
    first.close()
    second.close()


def test_turns(tmp_path: Path) -> None:
    """Of two that write to one file only one has its turn."""
    first, second = open_file(tmp_path / "log"), open_file(tmp_path / "log")
    assert first.lock()
    assert first.lock()
    assert not second.lock()
    first.unlock()
    assert second.lock()
    first.close()
    second.close()


def test_a_named_pipe_without_a_reader(tmp_path: Path) -> None:
    """It is refused, not waited for."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device"):
        open_file(tmp_path / "pipe")
