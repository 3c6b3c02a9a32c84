"""What the head of a request may say."""

import httptools
import pytest

from apientreprise_gateway.server.heads import blank_before, code_of, lacks_version


@pytest.mark.parametrize(
    ("seen", "data", "passed"),
    [
        (b"", b"\r\nGET", (b"\r\n", b"GET")),
        (b"", b"\r\n\r\n", (b"\r\n\r\n", b"")),
        (b"", b"\r", (b"\r", b"")),
        (b"\r", b"\nGET", (b"\r\n", b"GET")),
        (b"", b"\nGET", None),
        (b"", b"\rGET", None),
        (b"\r", b"GET", None),
        (b"\r\n", b"GET", (b"\r\n", b"GET")),
        (b"\r\n", b"\nGET", None),
        (b"", b"\r\n\nGET", None),
        (b"", b"\r\n" * 8 + b"GET", (b"\r\n" * 8, b"GET")),
        (b"", b"\r\n" * 9, None),
        (b"\r\n" * 8, b"\r", None),
    ],
)
def test_empty_lines_before_a_request(seen: bytes, data: bytes, passed: tuple[bytes, bytes] | None) -> None:
    """A few whole lines are passed over; a bare line feed, a bare carriage return and many lines are not."""
    assert blank_before(seen, data) == passed


@pytest.mark.parametrize(
    ("version", "data", "lacks"),
    [
        ("0.0", b"GET /x\n", True),
        ("0.0", b"GET /x\r", True),
        ("0.0", b"\n", True),
        ("0.0", b"GET /x", False),
        ("0.0", b"GET /x ", False),
        ("0.9", b"GET /x\nH", True),
        ("1.1", b"GET /x\r\n", True),
        ("1.1", b"\r\n\r\nGET /x\n", True),
        ("1.1", b"GET /x HTTP/1.1\r\n", False),
        ("1.1", b"\r\n", False),
        ("1.1", b"a: /x\r\n", False),
    ],
)
def test_a_request_line_without_a_version(version: str, data: bytes, lacks: bool) -> None:
    """It is known as soon as it ends, or at the next byte where a request came before it."""
    assert lacks_version(version, b"GET", b"/x", data) is lacks


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("GET /x?object=été HTTP/1.1\r\n".encode(), "00909"),
        ("GET /x?object=été HTTP/1.1\r\n".encode("latin-1"), "00909"),
        ("GET /x?😀 HTTP/1.1\r\n".encode(), "00909"),
        ("GET http://h/x?a=é HTTP/1.1\r\n".encode(), "00909"),
        (b"GET /x?a=b c HTTP/1.1\r\n", "00909"),
        (b"GET /x?a=b\tc HTTP/1.1\r\n", "00909"),
        (b"GET /x?a=\x00 HTTP/1.1\r\n", "00909"),
        ("GET /é HTTP/1.1\r\n".encode(), "00401"),
        ("GET /é?a=b HTTP/1.1\r\n".encode(), "00401"),
        (b"GET /a b HTTP/1.1\r\n", "00401"),
        (b"GET /a\tb?x HTTP/1.1\r\n", "00401"),
        (b"GET /x?a=b\n", "00401"),
        (b"EHLO x?y\r\n", "00401"),
    ],
)
@pytest.mark.parametrize("pieces", [1, 2, 100])
def test_what_a_query_may_not_hold(line: bytes, code: str, pieces: int) -> None:
    """Bytes that a query must have encoded get a code of their own, in whatever pieces they come."""
    taken: list[bytes] = []

    class Reader:
        def on_url(self, url: bytes) -> None:
            taken.append(url)

    parser = httptools.HttpRequestParser(Reader())
    size = -(-len(line) // pieces)
    for start in range(0, len(line), size):
        piece = line[start : start + size]
        try:
            parser.feed_data(piece)
        except httptools.HttpParserError as error:
            found = code_of(str(error), b"".join(taken), piece)
            break
    else:
        found = "00401"  # a line that ends without a version: the parser does not mind
    assert found == code
