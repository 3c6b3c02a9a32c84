"""Ranges of bytes that a client may ask for (RFC 9110, section 14)."""

import re
from typing import Final, NamedTuple

_SINGLE: Final = re.compile(rb"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


class Range(NamedTuple):
    """Bytes of a document, from `start` up to, and without, `stop`."""

    start: int
    stop: int


class UnsatisfiableError(Exception):
    """The document has none of the bytes asked for."""


def read_range(header: bytes | None, size: int) -> Range | None:
    """The range that a `Range` header asks for; None if the whole is to be sent.

    What cannot be read asks for the whole, and so do several ranges at once, which a server may ignore.

    Raises:
        UnsatisfiableError: the document has none of these bytes.
    """
    found = None if header is None else _SINGLE.fullmatch(header)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, stop = max(0, size - int(found[2])), size
    else:
        start, stop = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None  # no range at all
    if start >= size or start >= stop:
        raise UnsatisfiableError
    return Range(start, stop)
