"""Decodes base64 files as providers write them, in parts of any length.

It accepts both alphabets, with or without padding, with blanks and line ends anywhere, after a byte-order mark, or as a
data URL (RFC 2397) in upper or lower case and possibly percent-encoded. The same rules hold whatever the size.
"""

import binascii
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_to_bytes

from apientreprise_gateway.documents.files import UNREADABLE, FileFault, kind_of

LOOKED_AT: Final = 4096
"""Bytes at the start of a text that decide whether it is a file, without blanks."""
BLANKS: Final = b" \t\r\n"
_BEFORE: Final = BLANKS + "\N{BYTE ORDER MARK}".encode()
_SCHEME: Final = b"data:"
_MAX_HEAD: Final = 1024
"""Bytes that a data URL may have at most before its data."""
_HEAD: Final = re.compile(rb"data:[^,]*;base64,", re.IGNORECASE)
_BOTH_ALPHABETS: Final = bytes.maketrans(b"-_", b"+/")
_ALPHABET: Final = re.compile(rb"[A-Za-z0-9+/]*")
_SIGN_BYTES: Final = 3
"""Bytes of a percent-encoded character."""


def looks_encoded(text: bytes) -> bool:
    """Whether the start of a text shows that it is a file in base64, rather than an address."""
    start = _trimmed(text.translate(None, BLANKS)[:LOOKED_AT])
    if start[: len(_SCHEME)].lower() == _SCHEME:
        return True
    found = _ALPHABET.match(start.translate(_BOTH_ALPHABETS, BLANKS))
    signs = b"" if found is None else found[0]
    signs = signs[: len(signs) - (len(signs) % 4 == 1)]
    return kind_of(binascii.a2b_base64(signs + b"=" * (-len(signs) % 4))) is not None


def _trimmed(start: bytes) -> bytes:
    return start.lstrip(_BEFORE)


class Decoder:
    """Decodes one base64 text (UTF-8) that comes in parts."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Begin a text; `write` is called with the decoded bytes."""
        self._write = write
        self._start: bytes | None = b""
        """The text so far, while it may still be the head of a data URL; None afterwards."""
        self._is_url = False
        self._sign = b""
        """The start of a percent-encoded character whose rest may still come."""
        self._rest = b""
        self._padded = False

    def feed(self, data: bytes) -> None:
        """Decode the next part of the text.

        Raises:
            FileFault: it is not base64.
        """
        data = data.translate(None, BLANKS)
        if self._start is None:
            self._read(data)
            return
        self._start = _trimmed(self._start + data)
        if len(self._start) >= _MAX_HEAD:
            self._begin(self._start)

    def finish(self) -> None:
        """End the text.

        Raises:
            FileFault: the text is incomplete or not base64.
        """
        if self._start is not None:
            self._begin(self._start)
        self._decode(self._cleaned(self._sign))
        if self._rest:
            self._write_decoded(self._rest + b"=" * (4 - len(self._rest)))  # some programs leave the padding out

    def _begin(self, start: bytes) -> None:
        """Skip the head of a data URL, if there is one, and read the data after it."""
        self._start = None
        if start[: len(_SCHEME)].lower() == _SCHEME:
            head = _HEAD.match(start[:_MAX_HEAD])
            if head is None:
                raise FileFault(UNREADABLE)
            self._is_url = True
            start = start[head.end() :]
        self._read(start)

    def _read(self, data: bytes) -> None:
        if self._is_url:
            data = self._sign + data
            sign = data.rfind(b"%", max(0, len(data) - _SIGN_BYTES + 1))
            self._sign = b"" if sign < 0 else data[sign:]
            data = unquote_to_bytes(data if sign < 0 else data[:sign])
        self._decode(self._cleaned(data))

    @staticmethod
    def _cleaned(data: bytes) -> bytes:
        return data.translate(_BOTH_ALPHABETS, BLANKS)

    def _decode(self, data: bytes) -> None:
        if self._padded and data:
            raise FileFault(UNREADABLE)  # data after the padding
        data = self._rest + data
        whole = len(data) - len(data) % 4
        self._rest = data[whole:]
        if whole:
            self._padded = data[whole - 1] == ord("=")
            self._write_decoded(data[:whole])
        if self._padded and self._rest:
            raise FileFault(UNREADABLE)

    def _write_decoded(self, data: bytes) -> None:
        try:
            self._write(binascii.a2b_base64(data, strict_mode=True))
        except binascii.Error as error:
            raise FileFault(UNREADABLE) from error
