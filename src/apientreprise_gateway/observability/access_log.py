"""The access log: one JSON line for every answer.

Lines are handed in batches to a thread that writes them, so that no answer waits for a disk or a pipe. None is ever
dropped while the process lives: lines that cannot be written are kept and tried again, there or in the place that a
reload names. When too many lines wait, new calls wait too, up to `MAX_WAITING_CALLS`; more are turned away.
"""

import asyncio
import errno
import json
import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
import structlog

from apientreprise_gateway.observability.access_text import as_text
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.observability.leftover import Leftover
from apientreprise_gateway.observability.pause import pause
from apientreprise_gateway.observability.sink import Sink

_BATCH_SECONDS: Final = 0.02
_RETRY_SECONDS: Final = 0.5
_ROOM_SECONDS: Final = 0.1
"""Seconds to wait for room in a pipe before looking whether the sink was replaced, or the log closed, meanwhile."""
_TURN_SECONDS: Final = 0.005
_SLOW_SECONDS: Final = 0.05
_FULL_BYTES: Final = 32 * 1024 * 1024
MAX_WAITING_CALLS: Final = 1000
"""Calls of a process that may wait for room; one more is turned away."""
MAX_WAITING_BYTES: Final = 8 * 1024 * 1024
"""Bytes of the requests of calls that may wait for room; a call with more is turned away."""
_DELETE: Final = 0x7F  # a number, as Python looks for bytes in bytes in a way that costs ten times as much
_UNSEEN: Final = {
    code: f"\\u{code:04x}"
    for code in (_DELETE, *range(0x80, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}
"""Escapes for characters that JSON may hold as they are, though a terminal obeys them or readers take them for the end
of a line: DEL and C1, the separators of lines and paragraphs, the marks of direction."""
Fields = msgspec.Struct | dict[str, Any]
"""The fields of a line, in their order."""
_to_json: Final = msgspec.json.Encoder(enc_hook=str).encode
_log = structlog.get_logger(__name__)


def now() -> str:
    """The time as lines have it: RFC 3339, UTC, with microseconds."""
    second, part = divmod(time.time_ns() // 1000, 1_000_000)
    return f"{_date_and_time(second)}.{part:06}+00:00"


@lru_cache(maxsize=1)
def _date_and_time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def encode(fields: Fields) -> bytes:
    """The fields of a line as JSON, one line for every reader, without a character that a terminal obeys."""
    try:
        line = _to_json(fields)
    except UnicodeEncodeError:  # a lone surrogate: values may come from outside
        line = json.dumps(msgspec.to_builtins(fields, enc_hook=str), separators=(",", ":")).encode()
    if line.isascii() and _DELETE not in line:
        return line
    return line.decode().translate(_UNSEEN).encode()


def tell_of_lost(lines: int) -> None:
    """Log how many access lines were never written, if there are any."""
    if lines:
        _log.error("access_lines_lost", lines=lines)


class LogFullError(Exception):
    """Too many calls wait until access lines can be written."""


class AccessLog:
    """Writes lines to a sink, which can be replaced while it runs."""

    def __init__(
        self,
        sink: Sink,
        *,
        on_written: Callable[[int], None] = lambda _lines: None,
        on_lost: Callable[[int], None] = lambda _lines: None,
        leftover: Leftover | None = None,
    ) -> None:
        """Start with lines kept in memory; `start` begins to write them.

        Args:
            sink: where lines go; the log closes it.
            on_written: called in the event loop with the number of lines just written.
            on_lost: called in the event loop with the number of lines that could not be written by the end.
            leftover: where a worker leaves such lines to another one, and finds them.
        """
        self._sink = sink
        self._next: Sink | None = None
        self._on_written = on_written
        self._on_lost = on_lost
        self._leftover = leftover
        self._lines: list[bytes] = []
        self._waiting = 0
        self.is_full = False
        """Whether so much waits to be written that calls must wait as well."""
        self._waiting_bytes = 0
        self._batches: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = asyncio.Event()
        self._changed = threading.Event()
        """Set when the thread has something new to look at: another sink, or the close."""
        self._changing = threading.Lock()
        self._give_up_at = math.inf
        self._latest = math.inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._faults = FaultLog()
        self._thread = threading.Thread(target=self._write_batches, name="access-log", daemon=True)
        self._left = 0
        self._is_told = False
        self.written = 0
        """Number of lines logged so far."""
        self.waiting_calls = 0
        """Number of calls that wait for room."""

    def start(self) -> None:
        """Start to write; call it in the event loop in which `write` is called."""
        self._loop = asyncio.get_running_loop()
        before = b"" if self._leftover is None else self._leftover.take()
        if before:
            self._waiting += len(before)
            self.is_full = self._waiting > _FULL_BYTES
            self.written += before.count(b"\n")
            self._batches.put(before)
        self._thread.start()
        self._hand_over()

    def write(self, fields: Fields) -> None:
        """Log one answer."""
        text = as_text(msgspec.to_builtins(fields, enc_hook=str)) if self._sink.is_terminal else encode(fields)
        line = text + b"\n"
        if not self._lines and self._loop is not None:
            self._loop.call_later(_BATCH_SECONDS, self._hand_over)
        self._lines.append(line)
        self._waiting += len(line)
        self.is_full = self._waiting > _FULL_BYTES
        self.written += 1

    @property
    def waiting(self) -> int:
        """Number of lines logged that are not written yet."""
        return self.written - self._left

    async def room(self, size: int = 0) -> None:
        """Wait until lines may be logged again; `size` is the bytes of the request that is kept meanwhile.

        Raises:
            LogFullError: too many calls wait already.
        """
        if self.waiting_calls >= MAX_WAITING_CALLS or self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise LogFullError
        self.waiting_calls += 1
        self._waiting_bytes += size
        try:
            while self.is_full:
                self._room.clear()
                await self._room.wait()
        finally:
            self.waiting_calls -= 1
            self._waiting_bytes -= size

    def redirect(self, sink: Sink) -> None:
        """Write to another sink from now on, also the lines that the present one has not taken."""
        with self._changing:
            unused, self._next = self._next, sink
        if unused is not None:
            unused.close()
        self._changed.set()
        self._batches.put(b"")  # wakes a thread that has no lines, so that it closes the old sink too

    async def close(self, seconds: float = 5.0) -> None:
        """Write what waits, for so many seconds at most, then close; lines that are left are lost, which is logged."""
        self._hand_over()
        self._give_up_at = time.monotonic() + seconds
        self._changed.set()
        self._batches.put(None)
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, seconds + 5 * _ROOM_SECONDS)
        if self._thread.is_alive():  # a write is blocked in the system
            tell_of_lost(self.waiting)
            return
        for sink in (self._sink, self._next):
            if sink is not None:
                sink.close()
        self._next = None

    def hurry(self, seconds: float) -> None:
        """Have a close, under way or to come, end within so many seconds from now."""
        self._latest = time.monotonic() + seconds

    def _hand_over(self) -> None:
        if self._lines:
            batch, self._lines = b"".join(self._lines), []
            self._batches.put(batch)

    # In the thread that writes.

    def _write_batches(self) -> None:
        left: list[bytes] = []
        while (batch := self._batches.get()) is not None:
            began = time.monotonic()
            done = self._write_surely(batch)
            if time.monotonic() - began > _SLOW_SECONDS:
                pause(2 * _TURN_SECONDS)  # the sink is slow: give other processes a turn
            left.append(batch[done:])
            self._report(done, batch.count(b"\n", 0, done), 0)
        rest = b"".join(left)
        lines = rest.count(b"\n")
        if rest and self._leftover is not None and self._leftover.keep(rest):
            self._report(len(rest), 0, 0, kept=lines)
        else:
            tell_of_lost(lines)
            self._report(len(rest), 0, lines)

    def _report(self, size: int, written: int, lost: int, *, kept: int = 0) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is over
                self._loop.call_soon_threadsafe(self._reported, size, written, lost, kept)

    def _write_surely(self, batch: bytes) -> int:
        """As `_write_batch`, whatever happens in it: if this thread ended, no later line would be written."""
        while True:
            try:
                return self._write_batch(batch)
            except Exception as error:
                self._faults.tell("access_log_failed", error, effect="lines are tried again, and may stand there twice")
            if self._gives_up(None):
                return 0
            pause(_RETRY_SECONDS)

    def _write_batch(self, batch: bytes) -> int:
        """Write a batch; return how many of its bytes were written, in whole lines: all of them, unless closing."""
        rest, done = memoryview(batch), self._change_over(batch, 0)
        while done < len(batch):
            # Once the time is up nothing more is tried: what is left has to be counted within it as well.
            outcome = None if self._gives_up(None) else self._write_some(rest[done:])
            if isinstance(outcome, int):
                done += outcome
            elif self._gives_up(outcome):
                done = self._line_start(batch, done)
                break
            done = self._change_over(batch, done)
        self._sink.unlock()
        return done

    def _write_some(self, data: memoryview) -> int | OSError | None:
        """Write once: the number of bytes written, the error met, or None where there was no room; waits after both."""
        if not self._sink.lock():
            pause(_TURN_SECONDS)
            return None
        try:
            count = self._sink.write(data)
        except BlockingIOError:
            self._sink.wait(_ROOM_SECONDS)
            return None
        except OSError as error:
            if not self._is_told:
                _log.error("access_log_unwritable", reason=str(error), effect="lines are kept and tried again")
            self._is_told = True
            self._changed.clear()
            if self._next is None and not self._gives_up(error):
                self._changed.wait(_RETRY_SECONDS if self._give_up_at == math.inf else _ROOM_SECONDS)
            return error
        self._is_told = False
        return count

    def _gives_up(self, error: OSError | None) -> bool:
        """Whether to stop trying to write, as the log is being closed."""
        if self._give_up_at == math.inf or self._next is not None:
            return False
        nobody_reads = error is not None and error.errno == errno.EPIPE
        return nobody_reads or time.monotonic() >= min(self._give_up_at, self._latest)

    def _change_over(self, batch: bytes, done: int) -> int:
        """Go on with the next sink, if there is one; return how much of the batch is written, in whole lines."""
        if self._next is None:
            return done
        done = self._line_start(batch, done)
        self._sink.close()
        with self._changing:
            assert self._next is not None  # noqa: S101 - only this thread takes it away
            self._sink, self._next = self._next, None
        self._is_told = False
        return done

    def _line_start(self, batch: bytes, done: int) -> int:
        """The offset at which the line begins that is partly written; that part is removed if the sink can do so."""
        start = batch.rfind(b"\n", 0, done) + 1
        self._sink.take_back(done - start)
        return start

    # In the event loop.

    def _reported(self, size: int, lines: int, lost: int, kept: int) -> None:
        self._waiting -= size
        self.is_full = self._waiting > _FULL_BYTES
        self._left += lines + lost + kept
        self._on_written(lines)
        if lost:
            self._on_lost(lost)
        self._room.set()
