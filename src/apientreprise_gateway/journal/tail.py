"""Reads one followed path, whichever files it stands for in the course of time.

Rotation by rename: the file under the path is another one. The old one is read on under its open descriptor until
nothing comes any more, as the gateway writes to it until it has opened the new one. Rotation by copy and truncation:
the file is empty, or begins otherwise than it did. The rest is then read from the copy, which begins as the file did.
After a restart the rest of files that were renamed, copied or compressed meanwhile is found beside the path, by their
first bytes.
"""

import glob
import gzip
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import structlog

from apientreprise_gateway.journal.files import HEAD_BYTES, FileRecord, Place, head_of
from apientreprise_gateway.journal.freeing import Freeing
from apientreprise_gateway.journal.wrappings import MAX_LINE_BYTES

LINGER_SECONDS: Final = 60.0
"""Seconds without a new line after which a file that was rotated away is closed."""
_GZIP: Final = b"\x1f\x8b"
_SEARCH_SECONDS: Final = 5.0
"""Seconds between two looks at what lies beside the path."""
_COPIED_BYTES: Final = 1024 * 1024
_TICK_SECONDS: Final = 0.02
"""By how much the clock of files may be behind."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Source:
    """An open file, and how far it is stored."""

    file: IO[bytes]
    place: Place
    record: FileRecord | None
    """None as long as nothing of it is stored."""
    shown: str
    quiet_since: float | None = None
    freeing: Freeing = field(default_factory=Freeing)

    @property
    def position(self) -> int:
        """Bytes that are stored."""
        return 0 if self.record is None else self.record.position

    def read(self, start: int, size: int) -> bytes:
        """So many bytes from a position on, fewer at the end."""
        self.file.seek(start)
        return self.file.read(size) or b""

    def size(self) -> int:
        """Its bytes now."""
        return os.fstat(self.file.fileno()).st_size


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of a file that are to be stored in one transaction."""

    source: Source
    record: FileRecord
    data: bytes
    end: int
    is_full: bool
    """Whether more may be waiting."""


class Tail:
    """The files of one path."""

    def __init__(
        self,
        path: Path,
        *,
        host: str,
        frees: bool = False,
        clock: Callable[[], float] = time.monotonic,
        linger: float = LINGER_SECONDS,
    ) -> None:
        """Configure it; `frees` says whether the disk gets back what is stored."""
        self.path = path
        self._frees = frees
        self._host = host
        self._clock = clock
        self._linger = linger
        self._since = datetime.now(UTC)
        self._search_at = clock()
        self._records: list[FileRecord] = []
        self._current: Source | None = None
        self._older: list[Source] = []
        self._is_told_missing = False

    def begin(self, records: Sequence[FileRecord], since: datetime) -> None:
        """Begin, or begin anew, from what the database knows.

        Args:
            records: the files of this path, the latest first.
            since: when the path was first followed; files beside it that ended before are left alone.
        """
        self.close()
        self._records, self._since = list(records), since
        self._current = self._open_current()
        self._find_rests()

    def close(self) -> None:
        """Close all files."""
        for source in (*self._older, *([self._current] if self._current else [])):
            source.file.close()
        self._older, self._current = [], None

    def next_piece(self, size: int) -> Piece | None:
        """The next lines, of about so many bytes; None if there are none now."""
        if self._current is None:
            self._current = self._open_current()
            if self._current is not None:
                self._find_rests()  # one may have come and gone meanwhile
        if self._clock() >= self._search_at:
            self._find_rests()
        for source in list(self._older):
            piece = self._piece_of(source, size, is_over=self._is_over(source))
            if piece is not None:
                return piece
        if self._current is None:
            return None
        piece = self._piece_of(self._current, size, is_over=False)
        if self._is_truncated(self._current):  # looked at after reading: what was read may be of the next file
            self._leave_truncated(self._current)
            return None
        if piece is None and self._is_renamed(self._current):
            self._leave_renamed(self._current)
        return piece

    def stored(self, piece: Piece, record: FileRecord) -> None:
        """Go on after a piece that the database has."""
        piece.source.record = record
        piece.source.quiet_since = None
        if self._frees:
            piece.source.freeing.up_to(piece.source.file.fileno(), record.position)
        others = [each for each in self._records if each.number != record.number]
        self._records = [record, *others]

    def waiting_bytes(self) -> int:
        """Bytes that are not stored yet."""
        sources = [*self._older, *([self._current] if self._current else [])]
        return sum(max(0, source.size() - source.position) for source in sources)

    def _piece_of(self, source: Source, size: int, *, is_over: bool) -> Piece | None:
        start = source.position
        data = source.read(start, size)
        is_full = len(data) == size
        end = data.rfind(b"\n") + 1
        if not end and is_full:
            data = source.read(start, MAX_LINE_BYTES)
            end = data.find(b"\n") + 1 or (MAX_LINE_BYTES if len(data) == MAX_LINE_BYTES else 0)
        if not end and is_over and data:
            end = len(data)  # nobody will end this line any more
        if is_over and not end:
            source.file.close()
            self._older.remove(source)
            return None
        if not end:
            if source.quiet_since is None:
                source.quiet_since = self._clock()
            return None
        data = data[:end]
        return Piece(source, source.record or self._new_record(data), data, start + end, is_full)

    def _new_record(self, data: bytes) -> FileRecord:
        head = data[:HEAD_BYTES]
        return FileRecord(str(self.path), len(head), head_of(head), 0)

    def _is_over(self, source: Source) -> bool:
        """Whether a file that was rotated away gets no more lines."""
        return source.quiet_since is not None and self._clock() - source.quiet_since >= self._linger

    def _open_current(self) -> Source | None:
        source = self._open(self.path)
        if source is None:
            if not self._is_told_missing:
                _log.warning("journal_file_missing", file=str(self.path), effect="waits until it is there")
            self._is_told_missing = True
            return None
        self._is_told_missing = False
        return source

    def _open(self, path: Path) -> Source | None:
        """Open a file, and find out what is known of it."""
        try:
            file = path.open("rb", buffering=0)
            stat = os.fstat(file.fileno())
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                _log.error("journal_file_unreadable", file=str(path), reason=error.strerror)
            return None
        source = Source(file, Place(self._host, stat.st_dev, stat.st_ino), None, str(path))
        if source.read(0, 2) == _GZIP:
            return self._unpacked(source)
        source.record = self._record_of(source.read(0, HEAD_BYTES))
        return source

    def _unpacked(self, source: Source) -> Source | None:
        """A compressed file as it was, in a file without a name, unless all of it is stored."""
        with source.file as packed:
            try:
                packed.seek(0)
                with gzip.GzipFile(fileobj=packed) as reader:
                    source.record = self._record_of(reader.read(HEAD_BYTES))
                    packed.seek(-4, os.SEEK_END)
                    size = int.from_bytes(packed.read(4), "little")
                    if source.record is not None and size <= source.position:
                        return None
                    packed.seek(0)
                with gzip.GzipFile(fileobj=packed) as reader:
                    source.file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the source
                    shutil.copyfileobj(reader, source.file, _COPIED_BYTES)
                    source.file.flush()
            except (OSError, EOFError, zlib.error) as error:
                _log.error("journal_file_unreadable", file=source.shown, reason=type(error).__name__)
                return None
        return source

    def _record_of(self, beginning: bytes) -> FileRecord | None:
        return next((each for each in self._records if each.is_of(beginning)), None)

    def _is_truncated(self, source: Source) -> bool:
        record = source.record
        return record is not None and not record.is_of(source.read(0, record.head_size))

    def _leave_truncated(self, source: Source) -> None:
        """Read the file from its first byte on, and the rest of what it was from its copy."""
        _log.info("journal_file_truncated", file=str(self.path), stored_bytes=source.position)
        source.file.close()
        self._current = self._open_current()
        self._find_rests()

    def _is_renamed(self, source: Source) -> bool:
        try:
            stat = self.path.stat()
        except OSError:
            return False
        return (stat.st_dev, stat.st_ino) != (source.place.device, source.place.inode)

    def _leave_renamed(self, source: Source) -> None:
        _log.info("journal_file_rotated", file=str(self.path))
        source.quiet_since = self._clock()
        self._older.append(source)
        self._current = self._open_current()
        self._find_rests()

    def _find_rests(self) -> None:
        """Find files beside the path of which something is not stored, the oldest first."""
        self._search_at = self._clock() + _SEARCH_SECONDS
        since = self._since.timestamp() - _TICK_SECONDS
        found = []
        for name in glob.glob(glob.escape(str(self.path)) + "[.-]*"):
            modified = _modified(name)
            if modified >= since and not self._is_open(name):
                found.append((modified, name))
        for _, name in sorted(found):
            source = self._open_rest(Path(name))
            if source is not None:
                self._older.append(source)

    def _open_rest(self, path: Path) -> Source | None:
        source = self._open(path)
        if source is None:
            return None
        opened = [each.record.number for each in (*self._older, self._current) if each is not None and each.record]
        is_known = source.record is not None and source.record.number in opened
        if is_known or source.size() <= source.position:
            source.file.close()
            return None
        _log.info("journal_rest_found", file=str(path), from_byte=source.position)
        return source

    def _is_open(self, name: str) -> bool:
        try:
            stat = Path(name).stat()
        except OSError:
            return True
        sources = (*self._older, *([self._current] if self._current else []))
        return any((each.place.device, each.place.inode) == (stat.st_dev, stat.st_ino) for each in sources)


def _modified(name: str) -> float:
    try:
        return Path(name).stat().st_mtime
    except OSError:
        return 0.0
