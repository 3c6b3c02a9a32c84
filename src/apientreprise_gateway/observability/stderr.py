"""Standard error of a process that serves: written in a thread of its own, so that nobody waits for its reader."""

import io
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from apientreprise_gateway.observability.sink import Sink, standard

MAX_BYTES: Final = 1024 * 1024
"""Bytes that may wait to be written; lines beyond are dropped."""
_ROOM_SECONDS: Final = 1.0
_FD: Final = 2


class ErrorStream(io.TextIOBase):
    """Takes the place of `sys.stderr`. Whole lines are written, or none of them."""

    encoding = "utf-8"

    def __init__(self, *, on_dropped: Callable[[int], None]) -> None:
        """Start the thread that writes.

        Args:
            on_dropped: told, once lines can be written again, how many could not be.
        """
        self._on_dropped = on_dropped
        self._lines: deque[bytes] = deque()
        self._begun = ""
        self._waiting = 0
        self._dropped = self._told = self._counted = 0
        # Its lock is reentrant: a garbage collection while it is held may write a warning here.
        self._changed = threading.Condition()
        try:
            self._sink: Sink | None = standard(_FD)
        except OSError:  # it was closed by whoever started us
            self._sink = None
        else:
            threading.Thread(target=self._write_lines, name="stderr", daemon=True).start()

    def write(self, text: str) -> int:
        """Queue a text, to be written once its line is whole."""
        with self._changed:
            whole, end, self._begun = (self._begun + text).rpartition("\n")
            if len(self._begun) > MAX_BYTES:
                whole, end, self._begun = self._begun, "\n", ""
            if end:
                self._add((whole + end).encode("utf-8", "backslashreplace"))
        return len(text)

    def _add(self, lines: bytes) -> None:
        if self._sink is None or self._waiting + len(lines) > MAX_BYTES:
            self._dropped += lines.count(b"\n")
            return
        self._lines.append(lines)
        self._waiting += len(lines)
        self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Wait until all lines are written, for so many seconds at most."""
        end = time.monotonic() + seconds
        with self._changed:
            if self._begun:
                self.write("\n")
            while self._waiting and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)

    def newly_dropped(self) -> int:
        """Number of lines dropped since this was last called."""
        new, self._counted = self._dropped - self._counted, self._dropped
        return new

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(_FD)

    def fileno(self) -> int:
        """The descriptor, for those who write to it directly."""
        return _FD

    def _write_lines(self) -> None:
        while True:
            with self._changed:
                while not self._lines:
                    self._changed.wait()
                lines = self._lines.popleft()
            left = self._write_all(lines)
            with self._changed:
                self._waiting -= len(lines)
                self._dropped += left
                untold = 0 if left or self._waiting > MAX_BYTES // 2 else self._dropped - self._told
                self._told += untold
                self._changed.notify_all()
            if untold:
                self._on_dropped(untold)

    def _write_all(self, lines: bytes) -> int:
        """Write lines, waiting for room; return how many could not be written."""
        assert self._sink is not None  # noqa: S101 - there is no thread without it
        rest, done = memoryview(lines), 0
        while done < len(lines):
            try:
                done += self._sink.write(rest[done:])
            except BlockingIOError:
                self._sink.wait(_ROOM_SECONDS)
            except OSError:  # a full disk, nobody at the other end
                self._sink.take_back(done - lines.rfind(b"\n", 0, done) - 1)
                return lines.count(b"\n", done)
        return 0
