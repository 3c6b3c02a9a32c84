"""Stores the lines of a stream. A line that is there already is not stored again, so a stream may be repeated."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Engine

from apientreprise_gateway.database.engine import writing
from apientreprise_gateway.journal.storing import Sorted, new_rejects, write_new_rows, write_rejects
from apientreprise_gateway.journal.wrappings import MAX_LINE_BYTES, Unwrapping

BATCH_LINES: Final = 5000
"""Lines of a transaction."""
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


def import_lines(engine: Engine, stream: Readable, source: str) -> Iterator[Imported]:
    """Store the lines of a stream; yields what became of those so far after each batch.

    Raises:
        DatabaseError: the database cannot be used; batches before are stored.
    """
    done = Imported()
    for batch in _batches(stream):
        _store(engine, batch, source, done)
        yield done


def _store(engine: Engine, batch: Sorted, source: str, done: Imported) -> None:
    with writing(engine) as connection:
        stored = write_new_rows(connection, batch.rows) if batch.rows else 0
        rejects = new_rejects(connection, batch.rejects)
        write_rejects(connection, rejects, source)
    done.read += len(batch.rows) + len(batch.rejects) + batch.skipped
    done.stored += stored
    done.known += len(batch.rows) - stored
    done.rejected += len(rejects)
    done.rejects_known += len(batch.rejects) - len(rejects)
    done.skipped += batch.skipped


def _batches(stream: Readable) -> Iterator[Sorted]:
    batch, count, size = Sorted(), 0, 0
    for line in _unwrapped(stream):
        batch.add(line)
        count, size = count + 1, size + len(line)
        if count >= BATCH_LINES or size >= _BATCH_BYTES:
            yield batch
            batch, count, size = Sorted(), 0, 0
    if count:
        yield batch


def _unwrapped(stream: Readable) -> Iterable[bytes]:
    unwrapping = Unwrapping()
    while raw := stream.readline(MAX_LINE_BYTES):
        line = unwrapping.line(raw.removesuffix(b"\n"))
        if line is not None:
            yield line
    yield from unwrapping.rest()
