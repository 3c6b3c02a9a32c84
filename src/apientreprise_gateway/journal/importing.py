"""Stores the lines of a stream. A line that is there already is not stored again, so a stream may be repeated."""

import os
import select
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Engine

from apientreprise_gateway.database.engine import DatabaseError, writing
from apientreprise_gateway.journal.storing import Sorted, import_rows, new_rejects, without_refused, write_rejects
from apientreprise_gateway.journal.wrappings import MAX_LINE_BYTES, Unwrapping

BATCH_LINES: Final = 5000
"""Lines of a transaction."""
PAUSE_SECONDS: Final = 1.0
"""Seconds without a line after which the lines so far are stored."""
_READ_BYTES: Final = 64 * 1024
_GZIP: Final = b"\x1f\x8b"
_BEGIN: Final = b"BEGIN TRANSACTION"
_COMMIT: Final = b"COMMIT TRANSACTION"
_BATCH_BYTES: Final = 8 * 1024 * 1024


class Readable(Protocol):
    """A stream of bytes."""

    def readline(self, size: int = ..., /) -> bytes:
        """The next line with its end, or so many bytes of it."""
        ...


@dataclass(slots=True)
class Imported:
    """What became of the lines."""

    read: int = 0
    stored: int = 0
    known: int = 0
    rejected: int = 0
    rejects_known: int = 0
    skipped: int = 0


class Pipe:
    """A stream of bytes that may pause for any time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._read = bytearray()
        self._at = 0
        self._is_over = False

    def readline(self, size: int = MAX_LINE_BYTES, /) -> bytes:
        """The next line with its end, or so many bytes of it; empty at the end of the stream."""
        while True:
            end = self._read.find(b"\n", self._at, self._at + size) + 1
            if end or len(self._read) - self._at >= size or self._is_over:
                end = end or min(len(self._read), self._at + size)
                line = bytes(self._read[self._at : end])
                self._at = end
                return line
            self._fill()

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes, so many at most; empty at the end of the stream."""
        if self._at == len(self._read) and not self._is_over:
            self._fill()
        end = len(self._read) if size < 0 else min(len(self._read), self._at + size)
        data = bytes(self._read[self._at : end])
        self._at = end
        return data

    def is_packed(self) -> bool:
        """Whether it begins as gzip does; waits for its first bytes."""
        while len(self._read) < len(_GZIP) and not self._is_over:
            self._fill()
        return self._read.startswith(_GZIP)

    def _fill(self) -> None:
        del self._read[: self._at]
        self._at = 0
        data = os.read(self._descriptor, _READ_BYTES)
        self._is_over = not data
        self._read += data

    def pauses(self) -> bool:
        """Whether no whole line is there, nor comes within a second."""
        if self._is_over or self._read.find(b"\n", self._at) >= 0:
            return False
        return not select.select([self._descriptor], [], [], PAUSE_SECONDS)[0]


def import_lines(
    engine: Engine, stream: Readable, source: str, *, pauses: Callable[[], bool] = lambda: False
) -> Iterator[Imported]:
    """Store the lines of a stream; yields what became of those so far after each batch.

    Args:
        engine: the database.
        stream: the lines.
        source: what rejects are said to come from.
        pauses: whether to store what was read before the next line is waited for.

    Raises:
        DatabaseError: the database cannot be used; batches before are stored.
    """
    done = Imported()
    for batch in _batches(stream, pauses):
        _store(engine, batch, source, done)
        yield done


def import_confirmed(engine: Engine, stream: Readable, source: str, answer: Callable[[str], None]) -> Imported:
    """Store the lines of a shipper that keeps each until it is confirmed, in the words of rsyslog's omprog.

    Args:
        engine: the database.
        stream: lines, in transactions: after `BEGIN TRANSACTION`, until `COMMIT TRANSACTION`; others one by one.
        source: what rejects are said to come from.
        answer: called once at the start, and for each line.

    Raises:
        DatabaseError: the database cannot be used; what was not confirmed is not stored.
    """
    done = Imported()
    batch: Sorted | None = None
    answer("OK")
    while raw := stream.readline(MAX_LINE_BYTES):
        line = raw.removesuffix(b"\n")
        if line == _BEGIN:
            batch = Sorted()
        elif line == _COMMIT:
            _store(engine, batch or Sorted(), source, done)
            batch = None
        elif batch is not None:
            batch.add(line)
            answer("DEFER_COMMIT")
            continue
        else:
            single = Sorted()
            single.add(line)
            _store(engine, single, source, done)
        answer("OK")
    return done


def _store(engine: Engine, batch: Sorted, source: str, done: Imported) -> None:
    try:
        stored, rejects = _write(engine, batch, source)
    except DatabaseError as error:
        if not error.is_of_data:
            raise
        batch.rows, refused = without_refused(engine, batch.rows)
        batch.rejects += refused
        stored, rejects = _write(engine, batch, source)
    done.read += len(batch.rows) + len(batch.rejects) + batch.skipped
    done.stored += stored
    done.known += len(batch.rows) - stored
    done.rejected += rejects
    done.rejects_known += len(batch.rejects) - rejects
    done.skipped += batch.skipped


def _write(engine: Engine, batch: Sorted, source: str) -> tuple[int, int]:
    """Write a batch; returns how many rows and how many rejects of it were not there yet."""
    with writing(engine) as connection:
        stored = import_rows(connection, batch.rows) if batch.rows else 0
        rejects = new_rejects(connection, batch.rejects)
        write_rejects(connection, rejects, source)
    return stored, len(rejects)


def _batches(stream: Readable, pauses: Callable[[], bool]) -> Iterator[Sorted]:
    unwrapping = Unwrapping()
    batch, count, size = Sorted(), 0, 0
    while True:
        if count >= BATCH_LINES or size >= _BATCH_BYTES or (count and pauses()):
            yield batch
            batch, count, size = Sorted(), 0, 0
        raw = stream.readline(MAX_LINE_BYTES)
        if not raw:
            break
        line = unwrapping.line(raw.removesuffix(b"\n"))
        if line is not None:
            batch.add(line)
            count, size = count + 1, size + len(line)
    for line in unwrapping.rest():
        batch.add(line)
        count += 1
    if count:
        yield batch
