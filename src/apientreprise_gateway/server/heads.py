"""The limits of the head of a request, and the error codes of heads that the parser refuses.

The rule: a head is refused as soon as it exceeds a limit, before more of it is read. Everything here is pure:
`request_parser` feeds the parser, and reads the target.
"""

import re
from typing import Final

MAX_TARGET_BYTES: Final = 32 * 1024
"""Bytes of the longest target. The data plane has a lower limit for calls, so that it can count them by address."""
MAX_HEADERS: Final = 100
"""Number of headers of a request at most, trailers included."""
MAX_HEADER_BYTES: Final = 64 * 1024
"""Weight in bytes of the headers of a request at most, trailers included."""
HEADER_WEIGHT: Final = 32
"""Bytes that a header counts in addition to its name and value, for the objects that hold them."""
MAX_FRAMING_BYTES: Final = 128 * 1024
"""Bytes of a request at most without its body: its head, the lines around chunks, its trailers. The parser copies what
it holds back, such as an unfinished value, again at each read: without a limit the cost would be quadratic."""
VERSIONS: Final = frozenset({"1.0", "1.1"})
"""Accepted versions. A request line without one is HTTP/0.9, whose end a proxy in front may see elsewhere."""
_OLD: Final = "0.9"
_NO_VERSIONS: Final = frozenset({"0.0", _OLD})
"""Versions that the parser reports until it has read one."""
_BLANK: Final = b"\r\n" * 8
"""Empty lines that may come before a request line (RFC 9112, section 2.2, asks to ignore at least one)."""

_IN_A_QUERY: Final = ("Invalid char in url query", "Invalid characters in url")
"""The parser's messages for a byte that is not allowed in a query."""
_NO_VERSION: Final = "Expected HTTP/"
"""The beginning of its message if a blank ends the target too early."""
_BLANKS: Final = re.compile(rb"[\t\f]")


def blank_before(seen: bytes, data: bytes) -> tuple[bytes, bytes] | None:
    """Skip the empty lines before a request line.

    Args:
        seen: the bytes skipped before.
        data: the bytes that have come since.

    Returns:
        All skipped bytes, and what follows; None if the skipped bytes are not a few whole lines.
    """
    rest = data.lstrip(b"\r\n")
    seen += data[: len(data) - len(rest)]
    whole = not rest or seen.endswith(b"\n")
    return (seen, rest) if whole and _BLANK.startswith(seen) else None


def lacks_version(version: str, method: bytes, target: bytes, data: bytes) -> bool:
    """Whether the request line of a head that has not ended yet has ended without a version.

    Args:
        version: the version that the parser reports; until it has read one, that of the previous request.
        method: method of the request.
        target: the part of the target that has come.
        data: the bytes that have come last.
    """
    if not data.endswith((b"\r", b"\n")):
        return version == _OLD
    return version in _NO_VERSIONS or data.rstrip(b"\r\n").rpartition(b"\n")[2] == b"%b %b" % (method, target)


def code_of(reason: str, target: bytes, data: bytes) -> str:
    """The error code of a request that the parser refuses.

    Args:
        reason: the parser's message.
        target: the part of the target that it has read.
        data: the bytes that it was reading.
    """
    unread = _BLANKS.split(data, maxsplit=1)[0]
    in_query = reason == _IN_A_QUERY[0] or (reason == _IN_A_QUERY[1] and b"?" in target + unread)
    # While the end of the line has not come, assume a blank that was not encoded, the most frequent error.
    cut_short = reason.startswith(_NO_VERSION) and b"?" in target and (b" HTTP/1." in data or b"\n" not in data)
    return "00909" if in_query or cut_short else "00401"
