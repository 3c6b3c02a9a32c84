"""What is known of the files that are followed: which they are, and how far they are stored.

A file is known by its path and its first bytes (an access line is like no other), wherever it is renamed or copied to;
device and inode would not do, as a system gives them to the next file.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from sqlalchemy import Connection, func, insert, select, update

from apientreprise_gateway.database.tables import files

HEAD_BYTES: Final = 1024
"""Most bytes by which a file is known."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as the database knows it."""

    path: str
    """The path that is followed, also once the file has another name."""
    head_size: int
    head: bytes
    position: int
    """Bytes from its first on that are stored."""
    number: int | None = None
    """Of its row; None before it has one."""

    def is_of(self, beginning: bytes) -> bool:
        """Whether a file that begins with these bytes is this one."""
        return len(beginning) >= self.head_size and head_of(beginning[: self.head_size]) == self.head


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file was seen; for whoever looks into the table."""

    host: str
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Lines of a batch."""

    stored: int
    rejected: int
    skipped: int


class OvertakenError(Exception):
    """Somebody else has stored these bytes meanwhile."""


def head_of(beginning: bytes) -> bytes:
    """What a file is known by, of its first bytes."""
    return blake2b(beginning, digest_size=16).digest()


def records_of(connection: Connection, path: str) -> list[FileRecord]:
    """The files that were followed under a path, the latest first."""
    columns = (files.c.path, files.c.head_size, files.c.head, files.c.position, files.c.id)
    of_path = (files.c.path == path, files.c.head_size > 0)
    query = select(*columns).where(*of_path).order_by(files.c.last_at.desc(), files.c.id.desc())
    return [FileRecord(*row) for row in connection.execute(query)]


def followed_since(connection: Connection, path: str, host: str, *, now: datetime) -> datetime:
    """When a path was first followed, which is noted if it is now: in a row without a file."""
    first: datetime | None = connection.scalar(select(func.min(files.c.first_at)).where(files.c.path == path))
    if first is not None:
        return first
    values = {"path": path, "host": host, "head": b"", "first_at": now, "last_at": now}
    none = dict.fromkeys(("device", "inode", "head_size", "position", "lines", "rejected", "skipped"), 0)
    connection.execute(insert(files).values(values | none))
    return now


def advance(connection: Connection, record: FileRecord, position: int, counts: Counts, place: Place) -> FileRecord:
    """Note that a file is stored up to a position, in the transaction of the rows.

    Raises:
        OvertakenError: the database does not know it as this record does.
    """
    now = datetime.now(UTC)
    seen = {"host": place.host, "device": place.device, "inode": place.inode, "position": position, "last_at": now}
    if record.number is None:
        other = select(files.c.id).where(files.c.path == record.path, files.c.head == record.head)
        if connection.execute(other).first() is not None:
            raise OvertakenError
        values = seen | {
            "path": record.path,
            "head_size": record.head_size,
            "head": record.head,
            "lines": counts.stored,
            "rejected": counts.rejected,
            "skipped": counts.skipped,
            "first_at": now,
        }
        number = connection.execute(insert(files).values(values).returning(files.c.id)).scalar_one()
        return replace(record, number=number, position=position)
    moved = connection.execute(
        update(files)
        .where(files.c.id == record.number, files.c.position == record.position)
        .values(
            **seen,
            lines=files.c.lines + counts.stored,
            rejected=files.c.rejected + counts.rejected,
            skipped=files.c.skipped + counts.skipped,
        )
    )
    if moved.rowcount != 1:
        raise OvertakenError
    return replace(record, position=position)
