"""Headers as the lines that they are sent as, and back."""

from collections.abc import Sequence

from apientreprise_gateway.net.asgi import Header


def lines_of(headers: Sequence[Header]) -> bytes:
    """Headers as lines, each with its CRLF.

    Raises:
        RuntimeError: a value has a line break, and would thus be more than one header.
    """
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if not lines.count(b"\n") == lines.count(b"\r") == len(headers):
        raise RuntimeError("a header's value has a line break")
    return lines


def headers_of(lines: bytes) -> list[Header]:
    """The headers in lines that `lines_of` made."""
    headers = []
    for line in lines.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        headers.append((name, value))
    return headers
