"""Pipes that nobody reads, and programs that write to them."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from support import zygote
from support.programs import environment


@dataclass
class Pipe:
    """A pipe that is full from the start, until it is read."""

    reader: int
    writer: int
    ballast: int
    content: bytearray = field(default_factory=bytearray)

    def read_on(self) -> threading.Thread:
        """Start a thread that reads the pipe to its end."""
        os.set_blocking(self.reader, True)
        thread = threading.Thread(target=self._read, daemon=True)
        thread.start()
        return thread

    def _read(self) -> None:
        with suppress(OSError):
            while part := os.read(self.reader, 65536):
                self.content += part

    @property
    def text(self) -> str:
        """The text that was read, without the ballast that filled the pipe."""
        return self.content[self.ballast :].decode()


@contextmanager
def full_pipe() -> Iterator[Pipe]:
    """A pipe without room for a single byte."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    ballast = 0
    for size in (4096, 1):
        with suppress(BlockingIOError):
            while True:
                ballast += os.write(writer, b"\n" * size)
    os.set_blocking(writer, True)
    pipe = Pipe(reader, writer, ballast)
    try:
        yield pipe
    finally:
        os.close(reader)
        with suppress(OSError):
            os.close(writer)


@contextmanager
def started(
    *arguments: str, stdout: int | IO[Any], stderr: int | IO[Any], settings: Mapping[str, str]
) -> Iterator[zygote.Process]:
    """Start a command of the gateway, and kill it at the end of the block if it still runs."""
    process = zygote.popen(arguments, env=environment(**settings), stdout=stdout, stderr=stderr, new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
        process.wait()


def memory_of(pid: int) -> int:
    """Bytes of memory that a process uses."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
