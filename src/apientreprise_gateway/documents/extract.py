"""Files in JSON: long base64 values taken out of an answer while it is read, so that it is never in memory as a whole.

The answer is read once, in parts. A string that grows long goes to a file, decoded as it comes; a token that nobody can
guess takes its place, and what is left, which is short, is parsed as usual.
"""

import binascii
import os
import re
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import orjson

from apientreprise_gateway.documents.files import UNREADABLE, Content, Disk, FileFault, Memory

LONG_BYTES: Final = 64 * 1024
"""A string beyond this is a file; no other field of the catalogue comes near."""
MAX_REST: Final = 1024 * 1024
"""What an answer may have besides its files."""
MAX_FILES: Final = 100
"""Files that one answer may hold."""
_PART_BYTES: Final = 32 * 1024
"""Read at once. Between two parts other threads have their turn, the one that answers calls among them."""
_BACKSLASH: Final = 0x5C
_MAX_SCHEME: Final = 256
_LONGEST_ESCAPE: Final = 6
_BOTH_ALPHABETS: Final = bytes.maketrans(b"-_", b"+/")
_SPACE: Final = b" \t\r\n"
_SHORT_ESCAPES: Final = ((b"\\/", b"/"), (b"\\n", b""), (b"\\r", b""), (b"\\t", b""))
_UNICODE_ESCAPE: Final = re.compile(rb"\\u00([0-7][0-9a-fA-F])")


class NotJsonError(Exception):
    """What was read is no JSON, or is too much of it."""


class Extraction(NamedTuple):
    """An answer without its files."""

    rest: Any
    """What it says; a file's token stands where the file stood."""
    files: dict[str, Content]
    """The files by their tokens."""


def extract(content: Content, folder: Path | None) -> Extraction:
    """Take the files out of an answer; it reads and writes files, so call it in a thread.

    Args:
        content: JSON.
        folder: for the temporary files of what is taken out; the system's own by default.

    Raises:
        NotJsonError: it is not an answer that can be read.
        FileFault: something long in it is not base64.
    """
    scanner = _Scanner(folder)
    try:
        for start in range(0, content.size, _PART_BYTES):
            scanner.feed(content.read(start, _PART_BYTES))
    finally:
        scanner.close()
    try:
        return Extraction(orjson.loads(scanner.rest), scanner.files)
    except orjson.JSONDecodeError as error:
        raise NotJsonError from error


def decode(text: str) -> Content:
    """The file that a short base64 text is.

    Raises:
        FileFault: it is none.
    """
    parts: list[bytes] = []
    decoder = _Decoder(parts.append)
    # A text that was parsed has no escapes any more; what is not base64 is refused all the same.
    decoder.feed(text.encode("ascii", "replace"))
    decoder.finish()
    return Memory(b"".join(parts))


def looks_encoded(text: str) -> bool:
    """Whether a text starts as a PDF, a ZIP or a data URL does in base64."""
    return text.startswith(("JVBER", "UEsDB", "data:"))


class _Scanner:
    """Reads JSON part by part: outside of strings, in a short one, or in one that is a file."""

    def __init__(self, folder: Path | None) -> None:
        self.rest = bytearray()
        self.files: dict[str, Content] = {}
        self._folder = folder
        self._secret = secrets.token_hex(16)
        self._in_string = False
        self._begin = 0
        self._odd = False
        """Whether the part before ended, within a string, with a backslash that escapes what comes next."""
        self._file: _EncodedFile | None = None

    def feed(self, part: bytes) -> None:
        """Read on."""
        at = 0
        while at < len(part):
            at = self._string(part, at) if self._in_string else self._between(part, at)
            if len(self.rest) > MAX_REST or len(self.files) > MAX_FILES:
                raise NotJsonError

    def close(self) -> None:
        """Forget a file that has begun and not ended."""
        if self._file is not None:
            self._file.close()

    def _between(self, part: bytes, at: int) -> int:
        quote = part.find(b'"', at)
        if quote < 0:
            self.rest += part[at:]
            return len(part)
        self.rest += part[at : quote + 1]
        self._in_string, self._begin, self._odd = True, len(self.rest), False
        return quote + 1

    def _string(self, part: bytes, at: int) -> int:
        end = self._end_of_string(part, at)
        piece = part[at:] if end < 0 else part[at:end]
        if self._file is None:
            self.rest += piece
            if len(self.rest) - self._begin > LONG_BYTES:
                self._file = _EncodedFile(self._folder)
                self._file.feed(bytes(self.rest[self._begin :]))
                del self.rest[self._begin :]
        else:
            self._file.feed(piece)
        if end < 0:
            return len(part)
        self._end()
        return end + 1

    def _end_of_string(self, part: bytes, first: int) -> int:
        """Where the closing quote is; -1 if it is not in this part."""
        at = first
        while True:
            quote = part.find(b'"', at)
            last = len(part) if quote < 0 else quote
            run = last
            while run > first and part[run - 1] == _BACKSLASH:
                run -= 1
            escaped = bool((last - run) % 2) ^ (self._odd and run == first)
            if quote < 0:
                self._odd = escaped
                return -1
            if not escaped:
                return quote
            at = quote + 1

    def _end(self) -> None:
        if self._file is not None:
            token = f"{self._secret}-{len(self.files)}"
            self.files[token] = self._file.finish()
            self._file = None
            self.rest += token.encode("ascii")
        self.rest += b'"'
        self._in_string = False


class _EncodedFile:
    """A file that comes in base64, within a string of JSON."""

    def __init__(self, folder: Path | None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - `finish` hands it on
        self._decoder = _Decoder(self._file.write)
        self._held = b""
        """The beginning of an escape whose rest may still come."""

    def feed(self, piece: bytes) -> None:
        data = self._held + piece
        escape = data.rfind(b"\\", max(0, len(data) - _LONGEST_ESCAPE + 1))
        self._held = b"" if escape < 0 else data[escape:]
        self._decoder.feed(_unescape(data if escape < 0 else data[:escape]))

    def finish(self) -> Content:
        self._decoder.feed(_unescape(self._held))
        self._decoder.finish()
        self._file.flush()
        disk = Disk(os.dup(self._file.fileno()))
        self._file.close()
        return disk

    def close(self) -> None:
        self._file.close()


def _unescape(data: bytes) -> bytes:
    """JSON's escapes of what base64 has: a slash, line ends, and anything as some programs write it (`\\u002B`)."""
    if b"\\" not in data:
        return data
    for escape, meant in _SHORT_ESCAPES:
        data = data.replace(escape, meant)
    return _UNICODE_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), data)


class _Decoder:
    """Decodes base64 of either alphabet as it comes."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._rest = b""
        self._begun = False
        self._padded = False

    def feed(self, data: bytes) -> None:
        if not self._begun and data:
            self._begun = True
            data = _without_scheme(data)
        data = self._rest + data.translate(_BOTH_ALPHABETS, _SPACE)
        whole = len(data) - len(data) % 4
        self._rest = data[whole:]
        if self._padded and data:
            raise FileFault(UNREADABLE)  # more after the end
        if whole:
            self._padded = data[whole - 1] == ord("=")
            self._decode(data[:whole])

    def finish(self) -> None:
        if self._rest:
            self._decode(self._rest + b"=" * (4 - len(self._rest)))  # some programs leave the padding out

    def _decode(self, data: bytes) -> None:
        try:
            self._write(binascii.a2b_base64(data, strict_mode=True))
        except binascii.Error as error:
            raise FileFault(UNREADABLE) from error


def _without_scheme(data: bytes) -> bytes:
    """The content of a data URL."""
    if not data.startswith(b"data:"):
        return data
    head, comma, rest = data[:_MAX_SCHEME].partition(b",")
    if not comma or not head.endswith(b";base64"):
        raise FileFault(UNREADABLE)
    return rest + data[_MAX_SCHEME:]
