"""The content of a file, and the check that it is a whole PDF or ZIP.

Names and headers are not trusted. The check looks for the marks at both ends of the file that readers of the format
look for first, so that an HTML page, half a download or an empty archive is refused. What lies between is not checked.
"""

import errno
import os
import struct
from typing import Final, Protocol

from apientreprise_gateway.contract.documents import FileKind

_COPY_BYTES: Final = 128 * 1024
_CANNOT_COPY: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
"""Errors of kernels and file systems that do not support `copy_file_range`."""
_HEAD_BYTES: Final = 1024
"""Bytes at the start in which PDF readers accept the header."""
_PDF_TAIL_BYTES: Final = 2048
"""Bytes at the end in which the end mark is looked for; readers accept it in the last 1024, some producers add more."""
PADDING_BYTES: Final = 64 * 1024
"""NUL bytes and blanks that may follow a file's end: programs that write whole blocks fill up the last one."""
_LINE_ENDS: Final = (b"\r\n", b"\n", b"\r")
_LINE_END_BYTES: Final = 2
_PADDING: Final = b"\0 \t\r\n\f"
_ZIP_ENTRY: Final = b"PK\x03\x04"
_ZIP_DIRECTORY: Final = b"PK\x01\x02"
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_BYTES: Final = 22
_ZIP_COMMENT_BYTES: Final = 65_535
_ZIP64: Final = 0xFFFFFFFF
_ZIP64_ENTRIES: Final = 0xFFFF


class Content(Protocol):
    """The bytes of a file, in memory or on disk; reading may block, so do it in a thread."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on, `length` at most."""

    def copy_to(self, fd: int, start: int, length: int) -> None:
        """Append the bytes from `start` on, `length` at most, to an open file."""


class Memory:
    """Content in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on, `length` at most."""
        return self._data[start : start + length]

    def copy_to(self, fd: int, start: int, length: int) -> None:
        """Append the bytes from `start` on, `length` at most, to an open file."""
        write_all(fd, self.read(start, length))


class OpenFile:
    """A file descriptor that is closed when this object is no longer referenced, and not before: a thread may still use
    the file for a call that has been given up."""

    def __init__(self, fd: int) -> None:
        self.fd: Final = fd

    def __del__(self) -> None:
        os.close(self.fd)


class Disk:
    """Content in an open file."""

    def __init__(self, file: OpenFile) -> None:
        """Wrap a file that is completely written."""
        self._file = file
        self.size = os.fstat(file.fd).st_size

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on, `length` at most."""
        return os.pread(self._file.fd, length, start)

    def copy_to(self, fd: int, start: int, length: int) -> None:
        """Append the bytes from `start` on, `length` at most, to an open file."""
        done, stop = start, min(start + length, self.size)
        try:
            while done < stop:
                # The kernel copies: no byte passes through this process, and the GIL is free meanwhile.
                copied = os.copy_file_range(self._file.fd, fd, stop - done, done)
                if not copied:
                    break
                done += copied
        except OSError as error:
            if error.errno not in _CANNOT_COPY or done > start:
                raise
        for first in range(done, stop, _COPY_BYTES):
            write_all(fd, self.read(first, min(_COPY_BYTES, stop - first)))


def write_all(fd: int, data: bytes) -> None:
    """Append bytes to an open file.

    Raises:
        OSError: they cannot be written.
    """
    part = memoryview(data)
    while part:
        part = part[os.write(fd, part) :]


class FileFault(Exception):  # noqa: N818 - in the provider's file, not in the program
    """A file of a provider is unusable."""

    def __init__(self, subcode: str) -> None:
        super().__init__(subcode)
        self.subcode = subcode
        """The last three digits of the code that says why."""


LATE: Final = "002"
"""Subcode: the file was not read, checked and kept within the deadline of its provider."""
UNREADABLE: Final = "051"
TOO_SLOW: Final = "052"
NOT_DOWNLOADED: Final = "053"
BAD_ADDRESS: Final = "054"
WRONG_TYPE: Final = "055"
EMPTY: Final = "056"


def kind_of(head: bytes) -> FileKind | None:
    """The kind of a file by its first bytes; None if it is neither a PDF nor a ZIP."""
    if head.startswith((_ZIP_ENTRY, _ZIP_END)):
        return FileKind.ZIP
    return FileKind.PDF if b"%PDF-" in head[:_HEAD_BYTES] else None


def check(content: Content, kinds: tuple[FileKind, ...]) -> FileKind:
    """Check a whole file; return its kind.

    Args:
        content: the whole file.
        kinds: the kinds that it may be of.

    Raises:
        FileFault: it is empty, of another kind, or damaged.
    """
    if content.size == 0:
        raise FileFault(EMPTY)
    kind = kind_of(content.read(0, _HEAD_BYTES))
    if kind is None or kind not in kinds:
        raise FileFault(WRONG_TYPE)
    _WHOLE[kind](content)
    return kind


def _check_pdf(content: Content) -> None:
    reach = _PDF_TAIL_BYTES + _LINE_END_BYTES + PADDING_BYTES
    end = content.read(max(0, content.size - reach), reach)
    whole = end.rstrip(_PADDING)
    tail = whole[-_PDF_TAIL_BYTES:]
    after = end[len(whole) :]
    line_end = next((each for each in _LINE_ENDS if after.startswith(each)), b"")
    if len(after) - len(line_end) > PADDING_BYTES or b"startxref" not in tail or b"%%EOF" not in tail:
        raise FileFault(UNREADABLE)


def _check_zip(content: Content) -> None:
    """Check that the directory at the end has entries, and starts where the end record says."""
    first = max(0, content.size - _ZIP_END_BYTES - _ZIP_COMMENT_BYTES - PADDING_BYTES)
    tail = content.read(first, content.size - first)
    at = tail.rfind(_ZIP_END)
    if at < 0 or len(tail) - at < _ZIP_END_BYTES:
        raise FileFault(UNREADABLE)
    entries, length, start, comment = struct.unpack_from("<10xHIIH", tail, at)
    if entries == 0:
        raise FileFault(EMPTY)
    if entries == _ZIP64_ENTRIES or _ZIP64 in (length, start):
        return  # ZIP64: its figures are in another record, which no file that we keep needs
    after = tail[at + _ZIP_END_BYTES :]
    padding = after[comment:]
    whole = len(after) >= comment and len(padding) <= PADDING_BYTES and not padding.strip(_PADDING)
    if not whole or start + length > first + at:
        raise FileFault(UNREADABLE)
    if content.read(start, len(_ZIP_DIRECTORY)) != _ZIP_DIRECTORY:
        raise FileFault(UNREADABLE)


_WHOLE: Final = {FileKind.PDF: _check_pdf, FileKind.ZIP: _check_zip}
