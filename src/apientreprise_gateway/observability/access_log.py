"""The access log: one JSON line for every answer.

Lines are handed in batches to a thread that writes them, so that no answer waits for a disk or a pipe. None is ever
dropped: where the lines cannot be written they are kept and tried again, and when too many wait, new calls wait too.
"""

import asyncio
import fcntl
import json
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

_BATCH_SECONDS: Final = 0.02
_RETRY_SECONDS: Final = 0.5
_FULL_BYTES: Final = 32 * 1024 * 1024
_STDOUT: Final = 1
_LOCK_MODE: Final = os.O_RDWR | os.O_CREAT
_UNSEEN: Final = {
    code: f"\\u{code:04x}"
    for code in (0x7F, *range(0x80, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}
"""What JSON lets stand that a terminal obeys, that some readers take for the end of a line, or that turns a text round:
DEL and C1, the separators of lines and paragraphs, the marks of direction."""
_log = structlog.get_logger(__name__)


def encode(fields: dict[str, Any]) -> bytes:
    """The fields of a line as JSON, which is one line for every reader and nothing but text for every terminal."""
    try:
        line = orjson.dumps(fields, default=str)
    except TypeError:  # half of a character, or a number beyond 64 bits: from outside, as all that stands here may be
        line = json.dumps(fields, default=str, separators=(",", ":")).encode()
    if line.isascii() and b"\x7f" not in line:
        return line
    return line.decode().translate(_UNSEEN).encode()


class AccessLog:
    """Writes lines to a file or to standard output."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        lock: Path | None = None,
        on_written: Callable[[int], None] = lambda _lines: None,
    ) -> None:
        """Open the log.

        Args:
            path: appended to; None for standard output.
            lock: a file that the workers of one gateway share, so that their lines do not mix in standard output.
            on_written: told, in the event loop, how many more lines have left this process.

        Raises:
            OSError: the file cannot be opened.
        """
        self._fd = _STDOUT if path is None else os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        self._owned = path is not None
        # What fits is appended to a file in one piece, but not what a full disk or a named pipe has no room for.
        self._lock = self._fd if path is not None else None if lock is None else os.open(lock, _LOCK_MODE, 0o600)
        self._on_written = on_written
        self._lines: list[bytes] = []
        self._waiting = 0
        self._batches: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = asyncio.Event()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._write_batches, name="access-log", daemon=True)
        self._left = 0
        self._lost = 0
        self.written = 0
        """Lines handed over so far."""

    def start(self) -> None:
        """Start to write; call it in the event loop that will log."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._hand_over()

    def write(self, fields: dict[str, Any]) -> None:
        """Log one answer."""
        line = encode(fields) + b"\n"
        if not self._lines and self._loop is not None:
            self._loop.call_later(_BATCH_SECONDS, self._hand_over)
        self._lines.append(line)
        self._waiting += len(line)
        self.written += 1

    @property
    def waiting(self) -> int:
        """Lines handed over that are not written yet."""
        return self.written - self._left

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be written that calls must wait as well."""
        return self._waiting > _FULL_BYTES

    async def room(self) -> None:
        """Wait until lines may be logged again."""
        while self.is_full:
            self._room.clear()
            await self._room.wait()

    async def close(self) -> None:
        """Write what waits, then close."""
        self._hand_over()
        self._closing = True
        self._batches.put(None)
        if self._thread.is_alive():
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        if self._owned:
            os.close(self._fd)
        elif self._lock is not None:
            os.close(self._lock)

    def _hand_over(self) -> None:
        if self._lines:
            batch, self._lines = b"".join(self._lines), []
            self._batches.put(batch)

    def _write_batches(self) -> None:
        while (batch := self._batches.get()) is not None:
            self._write_alone(batch)
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._written, len(batch), batch.count(b"\n"))
        if self._lost:
            _log.error("access_lines_lost", lines=self._lost)

    def _write_alone(self, batch: bytes) -> None:
        self._flock(fcntl.LOCK_EX)
        try:
            self._write_all(batch)
        finally:
            self._flock(fcntl.LOCK_UN)

    def _flock(self, how: int) -> None:
        if self._lock is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(self._lock, how)

    def _written(self, size: int, lines: int) -> None:
        self._waiting -= size
        self._left += lines
        self._on_written(lines)
        self._room.set()

    def _write_all(self, batch: bytes) -> None:
        rest = memoryview(batch)
        troubled = False
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except OSError as error:
                if not troubled and not self._lost:
                    _log.error("access_log_unwritable", reason=str(error), effect="lines are kept and tried again")
                if self._closing:
                    self._lost += bytes(rest).count(b"\n")
                    return
                troubled = True
                time.sleep(_RETRY_SECONDS)
