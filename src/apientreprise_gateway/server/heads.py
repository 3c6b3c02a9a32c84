"""What the head of a request may cost, and what is wrong with one that the parser refuses.

The rule: a head is refused as soon as it passes a bound, before more of it is read. Only what is pure is here:
`request_parser` feeds the parser, and reads the target.
"""

import re
from typing import Final

MAX_TARGET_BYTES: Final = 32 * 1024
"""Longest target of a request. That of a call is shorter still: the data plane refuses it, for the right address."""
MAX_HEADERS: Final = 100
"""Most headers of a request, trailers included."""
MAX_HEADER_BYTES: Final = 64 * 1024
"""Most that the headers of a request may weigh, trailers included."""
HEADER_WEIGHT: Final = 32
"""What a header weighs besides the bytes of its name and value: an object each, and a pair of them."""
MAX_FRAMING_BYTES: Final = 128 * 1024
"""Most that a request may have besides its body: its head, the lines around the chunks of its body, its trailers. The
parser joins what it holds back, such as a value that does not end, anew with each read: without a bound that costs the
square of what is sent."""
VERSIONS: Final = frozenset({"1.0", "1.1"})
"""A request line without a version is HTTP/0.9, which no proxy in front would end where the parser does."""
_OLD: Final = "0.9"
_NO_VERSIONS: Final = frozenset({"0.0", _OLD})
"""What the parser says until it has read a version, and where none comes."""
_BLANK: Final = b"\r\n" * 8
"""Empty lines that may come before a request line (RFC 9112, section 2.2, wants one to be passed over)."""

_IN_A_QUERY: Final = ("Invalid char in url query", "Invalid characters in url")
"""What the parser says of a byte that must not stand in a query."""
_NO_VERSION: Final = "Expected HTTP/"
"""What it says where a blank in the target ends it too early."""
_BLANKS: Final = re.compile(rb"[\t\f]")


def blank_before(seen: bytes, data: bytes) -> tuple[bytes, bytes] | None:
    """Pass over the empty lines before a request line.

    Args:
        seen: what was passed over already.
        data: what has come since.

    Returns:
        All that was passed over, and what comes after it; None if these are not a few whole lines.
    """
    rest = data.lstrip(b"\r\n")
    seen += data[: len(data) - len(rest)]
    whole = not rest or seen.endswith(b"\n")
    return (seen, rest) if whole and _BLANK.startswith(seen) else None


def lacks_version(version: str, method: bytes, target: bytes, data: bytes) -> bool:
    """Whether the request line of a head that has not ended yet has ended without a version.

    Args:
        version: what the parser says; of the request before, if there was one, until it has read this one's.
        method: of the request.
        target: what has come of the target.
        data: what has come last.
    """
    if not data.endswith((b"\r", b"\n")):
        return version == _OLD
    return version in _NO_VERSIONS or data.rstrip(b"\r\n").rpartition(b"\n")[2] == b"%b %b" % (method, target)


def code_of(reason: str, target: bytes, data: bytes) -> str:
    """The error code of what the parser refuses.

    Args:
        reason: what it says.
        target: what it has taken of the target.
        data: what it was reading.
    """
    unread = _BLANKS.split(data, maxsplit=1)[0]
    in_query = reason == _IN_A_QUERY[0] or (reason == _IN_A_QUERY[1] and b"?" in target + unread)
    # Where the end of the line has not come yet, a blank is what most have forgotten to encode.
    cut_short = reason.startswith(_NO_VERSION) and b"?" in target and (b" HTTP/1." in data or b"\n" not in data)
    return "00909" if in_query or cut_short else "00401"
