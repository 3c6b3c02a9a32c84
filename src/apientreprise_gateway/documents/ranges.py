"""Range requests and their conditions (RFC 9110, sections 13 and 14)."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

_SINGLE: Final = re.compile(rb"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)

_TAG: Final = re.compile(rb'[ \t,]*(?:W/)?("[^"]*")[ \t]*(?:,|$)')
_ANY: Final = b"*"


class Range(NamedTuple):
    """Bytes of a document, from `start` up to but not including `stop`."""

    start: int
    stop: int


class UnsatisfiableError(Exception):
    """The document has none of the bytes asked for."""


def read_range(header: bytes | None, size: int) -> Range | None:
    """The range that a `Range` header asks for; None if the whole document is to be sent.

    An invalid header, or one with several ranges, is ignored, as RFC 9110 allows.

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
            return None  # an invalid range
    if start >= size or start >= stop:
        raise UnsatisfiableError
    return Range(start, stop)


def part_of(headers: Iterable[tuple[bytes, bytes]], tag: bytes, size: int) -> Range | None:
    """The range that the headers of a GET ask for; None if the whole document is to be sent.

    `If-Range` compares strongly: a weak tag never matches, nor does a date, as our documents have none.

    Raises:
        UnsatisfiableError: the document has none of these bytes.
    """
    asked = values(headers, b"range")
    conditions = values(headers, b"if-range")
    if len(asked) != 1 or any(each.strip() != tag for each in conditions):
        return None
    return read_range(asked[0], size)


def knows(given: Iterable[bytes], tag: bytes) -> bool:
    """Whether lines of `If-None-Match` name this tag, weak or strong, or any tag (`*`)."""
    return any(line.strip() == _ANY or tag in _tags(line) for line in given)


def _tags(line: bytes) -> list[bytes]:
    """The tags of a list, up to the first that is malformed."""
    found, at = [], 0
    while (tag := _TAG.match(line, at)) is not None:
        found.append(tag[1])
        at = tag.end()
    return found


def values(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> list[bytes]:
    """The values of all lines of a header."""
    return [value for name, value in headers if name == wanted]
