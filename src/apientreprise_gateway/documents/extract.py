"""Takes long base64 values out of a JSON answer while it is read, so that it is never in memory as a whole.

The answer is read once, in parts that take about a millisecond each; the caller may stop between two parts. A long
string is decoded into a temporary file as it is read, and a token that cannot be guessed replaces it. What is left is
short and is parsed as usual.
"""

import json
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import orjson

from apientreprise_gateway.documents.encoded import BLANKS, LOOKED_AT, Decoder, looks_encoded
from apientreprise_gateway.documents.files import UNREADABLE, Content, Disk, FileFault, Memory, OpenFile, write_all

LONG_BYTES: Final = 64 * 1024
"""Bytes beyond which a string is taken for a file; no other field of the catalogue comes near."""
MAX_REST: Final = 1024 * 1024
"""Bytes that an answer may have without its files."""
MAX_FILES: Final = 100
"""Files that one answer may hold."""
_PART_BYTES: Final = LONG_BYTES // 2
"""Bytes read at once; not more than a string may have that is left in place."""
_QUOTE: Final = 0x22
# Atomic groups, for groups with possessive quantifiers match wrongly before Python 3.11.5 (gh-106052).
_INSIDE: Final = rb'(?>[^"\\]*+(?:\\.[^"\\]*+)*)'
_IN_STRING: Final = re.compile(_INSIDE, re.DOTALL)
_STRINGS: Final = re.compile(rb'(?>(?:[^"]*+"%b")*)[^"]*+' % _INSIDE, re.DOTALL)
"""Matches text outside of strings, and whole strings."""
_LONGEST_ESCAPE: Final = 6


class NotJsonError(Exception):
    """An answer is not JSON, or is too large."""


class Found(NamedTuple):
    """A long string that was taken out of an answer."""

    content: Content | FileFault
    """The file, or what is wrong with it."""
    looks_encoded: bool
    """Whether it looked like a file, rather than an address."""


class Extraction(NamedTuple):
    """An answer without its files."""

    rest: Any
    """The parsed answer, with a token in place of each file."""
    files: dict[str, Found]
    """The files that were taken out, by their tokens."""


class Extractor:
    """Takes the files out of an answer; it reads and writes files, so run it in a thread, one step at a time."""

    def __init__(self, content: Content, folder: Path | None) -> None:
        """Configure it; nothing is read before `step`.

        Args:
            content: JSON.
            folder: where temporary files are made; the system's own folder if None.
        """
        self._content = content
        self._scanner = _Scanner(folder)
        self._at = 0

    def step(self) -> bool:
        """Read the next part; return whether there is more.

        Raises:
            NotJsonError: it is not an answer that can be read.
        """
        self._scanner.feed(self._content.read(self._at, _PART_BYTES))
        self._at += _PART_BYTES
        return self._at < self._content.size

    def finish(self) -> Extraction:
        """The answer without its files, after the last step.

        Raises:
            NotJsonError: it is not an answer that can be read.
        """
        return Extraction(_parsed(bytes(self._scanner.rest)), self._scanner.files)


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        # Some programs write unescaped line ends into strings. They are accepted in long strings too.
        return json.loads(text.decode(), strict=False, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NotJsonError from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def decode(text: str) -> Content:
    """Decode a short base64 text, in memory.

    Raises:
        FileFault: it is not base64.
    """
    parts: list[bytes] = []
    decoder = Decoder(parts.append)
    decoder.feed(text.encode(errors="replace"))
    decoder.finish()
    return Memory(b"".join(parts))


class _Scanner:
    """Reads JSON part by part; keeps what is short, and passes long strings on to an `_EncodedFile`."""

    def __init__(self, folder: Path | None) -> None:
        self.rest = bytearray()
        self.files: dict[str, Found] = {}
        self._folder = folder
        self._secret = secrets.token_hex(16)
        self._in_string = False
        self._begin = 0
        self._odd = False
        """Whether the previous part ended, within a string, with a backslash that escapes the next character."""
        self._file: _EncodedFile | None = None

    def feed(self, part: bytes) -> None:
        """Read the next part."""
        at = self._string(part, 0) if self._in_string and part else 0
        if at < len(part):
            self._between(part, at)
        if len(self.rest) > MAX_REST or len(self.files) > MAX_FILES:
            raise NotJsonError

    def _between(self, part: bytes, at: int) -> None:
        """Read text outside of strings, whole strings, and the start of a string that the part does not finish."""
        whole = _STRINGS.match(part, at)
        end = at if whole is None else whole.end()
        self.rest += part[at : end + 1]  # with the quote that begins a string, if there is one
        if end < len(part):
            self._in_string, self._begin, self._odd = True, len(self.rest), False
            self._string(part, end + 1)

    def _string(self, part: bytes, at: int) -> int:
        """Continue a string; return the position after its closing quote, or the length of the part."""
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

    def _end_of_string(self, part: bytes, at: int) -> int:
        """Position of the closing quote; -1 if it is not in this part."""
        inside = _IN_STRING.match(part, at + self._odd)
        end = len(part) if inside is None else inside.end()
        if end < len(part) and part[end] == _QUOTE:
            return end
        self._odd = end < len(part)  # a backslash is left
        return -1

    def _end(self) -> None:
        if self._file is not None:
            token = f"{self._secret}-{len(self.files)}"
            self.files[token] = self._file.finish()
            self._file = None
            self.rest += token.encode("ascii")
        self.rest += b'"'
        self._in_string = False


class _EncodedFile:
    """A base64 file within a JSON string, decoded into a temporary file."""

    def __init__(self, folder: Path | None) -> None:
        with tempfile.TemporaryFile(dir=folder) as file:
            self._file = OpenFile(os.dup(file.fileno()))
        self._decoder = Decoder(lambda data: write_all(self._file.fd, data))
        self._held = b""
        """The start of an escape sequence whose rest may still come."""
        self._start = b""
        self._fault: FileFault | None = None

    def feed(self, piece: bytes) -> None:
        """Decode a part of the string; the first fault is kept for `finish`, and the rest is ignored."""
        if self._fault is not None:
            return
        data = self._held + piece.translate(None, BLANKS)
        whole = _whole_escapes(data)
        self._held = data[whole:]
        self._decode(data[:whole])

    def finish(self) -> Found:
        """End the string; return its file, or the fault that was found."""
        if self._fault is None:
            self._decode(self._held)
        try:
            if self._fault is None:
                self._decoder.finish()
        except FileFault as fault:
            self._fault = fault
        return Found(self._fault or Disk(self._file), looks_encoded(self._start))

    def _decode(self, data: bytes) -> None:
        try:
            text = _unescaped(data)
            self._start = self._start or text.translate(None, BLANKS)[:LOOKED_AT]
            self._decoder.feed(text)
        except FileFault as fault:
            self._fault = fault


def _whole_escapes(data: bytes) -> int:
    """Length of a part of a string without an escape sequence that is cut off at its end."""
    last = data.rfind(b"\\", max(0, len(data) - _LONGEST_ESCAPE + 1))
    if last < 0:
        return len(data)
    run = last + 1 - len(data[: last + 1].rstrip(b"\\"))
    return last if run % 2 else len(data)


def _unescaped(data: bytes) -> bytes:
    """A part of a JSON string with its escape sequences decoded."""
    if b"\\" not in data:
        return data
    try:
        text: str = orjson.loads(b'"%b"' % data)
    except orjson.JSONDecodeError as error:
        raise FileFault(UNREADABLE) from error  # an invalid or cut escape sequence, which base64 never has
    return text.encode()
