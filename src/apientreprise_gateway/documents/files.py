"""What a file is, judged by its content.

A name or a header can say anything; these are the marks that a reader of the format looks for first, at both ends of
the file, so that a page of HTML, half a download or an empty archive is no document. What lies between is not read: a
document is passed on, not vouched for.
"""

import errno
import os
import struct
from typing import Final, Protocol

from apientreprise_gateway.catalogue.model import FileKind

_COPY_BYTES: Final = 128 * 1024
_CANNOT_COPY: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
"""What a kernel or a file system says that cannot copy by itself."""
_HEAD_BYTES: Final = 1024
"""Readers of PDF accept the header anywhere in here."""
_PDF_TAIL_BYTES: Final = 2048
"""And the end mark in the last kilobyte; some producers add a little after it."""
_ZIP_ENTRY: Final = b"PK\x03\x04"
_ZIP_DIRECTORY: Final = b"PK\x01\x02"
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_BYTES: Final = 22
_ZIP_COMMENT_BYTES: Final = 65_535
_ZIP64: Final = 0xFFFFFFFF
_ZIP64_ENTRIES: Final = 0xFFFF


class Content(Protocol):
    """The bytes of a file, wherever they are; reading may wait for a disk, so it is done in a thread."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, start: int, length: int) -> bytes:
        """Those from `start` on, `length` at most."""

    def copy_to(self, fd: int) -> None:
        """Append them all to an open file."""


class Memory:
    """Content that is small enough for memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, start: int, length: int) -> bytes:
        """Those from `start` on, `length` at most."""
        return self._data[start : start + length]

    def copy_to(self, fd: int) -> None:
        """Append them all to an open file."""
        _write(fd, self._data)


class Disk:
    """Content in an open file.

    The file is closed when nobody holds this any more, and not before: a thread may still be reading for a call that
    has been given up.
    """

    def __init__(self, fd: int) -> None:
        """Take over a descriptor."""
        self._fd = fd
        self.size = os.fstat(fd).st_size

    def __del__(self) -> None:
        os.close(self._fd)

    def read(self, start: int, length: int) -> bytes:
        """Those from `start` on, `length` at most."""
        return os.pread(self._fd, length, start)

    def copy_to(self, fd: int) -> None:
        """Append them all to an open file."""
        done = 0
        try:
            while done < self.size:
                # Within the kernel: nothing passes through this process, which goes on meanwhile.
                copied = os.copy_file_range(self._fd, fd, self.size - done, done)
                if not copied:
                    break
                done += copied
        except OSError as error:
            if error.errno not in _CANNOT_COPY or done:
                raise
        for start in range(done, self.size, _COPY_BYTES):
            _write(fd, self.read(start, _COPY_BYTES))


def _write(fd: int, data: bytes) -> None:
    part = memoryview(data)
    while part:
        part = part[os.write(fd, part) :]


class FileFault(Exception):  # noqa: N818 - in the provider's file, not in the program
    """A file is no good."""

    def __init__(self, subcode: str) -> None:
        super().__init__(subcode)
        self.subcode = subcode
        """The last three digits of the code that says why."""


UNREADABLE: Final = "051"
TOO_SLOW: Final = "052"
NOT_DOWNLOADED: Final = "053"
BAD_ADDRESS: Final = "054"
WRONG_TYPE: Final = "055"
EMPTY: Final = "056"


def kind_of(head: bytes) -> FileKind | None:
    """What a file pretends to be, by its first bytes."""
    if head.startswith((_ZIP_ENTRY, _ZIP_END)):
        return FileKind.ZIP
    return FileKind.PDF if b"%PDF-" in head[:_HEAD_BYTES] else None


def check(content: Content, kinds: tuple[FileKind, ...]) -> FileKind:
    """What a file is.

    Args:
        content: the whole file.
        kinds: what it may be.

    Raises:
        FileFault: it is empty, something else, or damaged.
    """
    if content.size == 0:
        raise FileFault(EMPTY)
    kind = kind_of(content.read(0, _HEAD_BYTES))
    if kind is None or kind not in kinds:
        raise FileFault(WRONG_TYPE)
    _WHOLE[kind](content)
    return kind


def _check_pdf(content: Content) -> None:
    tail = content.read(max(0, content.size - _PDF_TAIL_BYTES), _PDF_TAIL_BYTES)
    if b"startxref" not in tail or b"%%EOF" not in tail:
        raise FileFault(UNREADABLE)


def _check_zip(content: Content) -> None:
    """Find the directory at the end: there, where it says, and as many entries as fit."""
    first = max(0, content.size - _ZIP_END_BYTES - _ZIP_COMMENT_BYTES)
    tail = content.read(first, content.size - first)
    at = tail.rfind(_ZIP_END)
    if at < 0 or len(tail) - at < _ZIP_END_BYTES:
        raise FileFault(UNREADABLE)
    entries, length, start, comment = struct.unpack_from("<10xHIIH", tail, at)
    if entries == 0:
        raise FileFault(EMPTY)
    if entries == _ZIP64_ENTRIES or _ZIP64 in (length, start):
        return  # its figures stand elsewhere; no file that we keep needs them
    whole = len(tail) - at - _ZIP_END_BYTES == comment and start + length <= first + at
    if not whole or content.read(start, len(_ZIP_DIRECTORY)) != _ZIP_DIRECTORY:
        raise FileFault(UNREADABLE)


_WHOLE: Final = {FileKind.PDF: _check_pdf, FileKind.ZIP: _check_zip}
