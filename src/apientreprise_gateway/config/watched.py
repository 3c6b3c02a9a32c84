"""Files that may change while the gateway runs, and how a change is noticed.

A file may have changed if any field of its `Stamp` has: a tool may replace it by another of the same size and date
(`rsync -t`), a mount may switch a symbolic link (Kubernetes' `..data`). As two changes may fall into one tick of the
system's clock, a file that has just changed is read again for a few seconds more, and compared by its content.
"""

import errno
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG
from typing import Final, NamedTuple, TypeVar

T = TypeVar("T")
SETTLING_SECONDS: Final = 3.0
"""Seconds after a change during which each look at a file reads its content."""


class Stamp(NamedTuple):
    """What the system knows of a file; at least one field differs after its content has changed."""

    device: int
    inode: int
    size: int
    changed_ns: int
    modified_ns: int
    """Date of the last change of its content, in nanoseconds of Unix time."""


def _stamp(stat: os.stat_result) -> Stamp:
    return Stamp(stat.st_dev, stat.st_ino, stat.st_size, stat.st_ctime_ns, stat.st_mtime_ns)


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file that is always replaced as a whole; None if it is missing or cannot be seen."""
    try:
        return _stamp(path.stat())
    except OSError:
        return None


def read_regular(path: Path) -> bytes:
    """The content of a file.

    Raises:
        OSError: it cannot be read, or is something else: a folder, a pipe.
    """
    must_be_regular(path, path.stat())
    return path.read_bytes()


def must_be_regular(path: Path, stat: os.stat_result) -> None:
    """Refuse what is no regular file: opening a pipe would block until somebody writes to it.

    Raises:
        OSError: it is no regular file.
    """
    if not S_ISREG(stat.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))


class WatchedFile:
    """A file, and whether it has changed since its content was accepted.

    Content that was not accepted counts as changed at each look: a file that is half written, or cannot be used, is
    read again until it can.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._clock = clock
        self._accepted: Stamp | None = None
        self._digest = b""
        self._settled_at = 0.0
        self._read: tuple[Stamp, bytes] | None = None

    def changed(self) -> bytes | None:
        """The content, if it is not what was accepted last; None if it is.

        Raises:
            OSError: it cannot be read.
        """
        now = self._clock()
        stat = self.path.stat()
        if now >= self._settled_at and _stamp(stat) == self._accepted:
            return None
        must_be_regular(self.path, stat)
        # The stamp is of the open file, which may be replaced meanwhile; taken first, it cannot hide a later write.
        with self.path.open("rb") as file:
            stamp = _stamp(os.fstat(file.fileno()))
            content = file.read()
        digest = hashlib.sha256(content).digest()
        if self._accepted is not None and digest == self._digest:
            self._take(stamp, digest)
            return None
        self._read = stamp, digest
        return content

    def read_changed(self, parse: Callable[[bytes], T]) -> T | None:
        """The content as parsed, None if it is what was accepted last; it is accepted unless `parse` raises.

        Raises:
            OSError: it cannot be read.
        """
        content = self.changed()
        if content is None:
            return None
        parsed = parse(content)
        self.accept()
        return parsed

    def accept(self) -> None:
        """Accept the content that `changed` returned last."""
        if self._read is not None:
            self._take(*self._read)

    @property
    def modified(self) -> float:
        """Date of the file that was accepted, in seconds of Unix time; 0 if none was."""
        return 0.0 if self._accepted is None else self._accepted.modified_ns / 1e9

    def _take(self, stamp: Stamp, digest: bytes) -> None:
        if stamp != self._accepted:
            self._settled_at = self._clock() + SETTLING_SECONDS
        self._accepted, self._digest = stamp, digest
