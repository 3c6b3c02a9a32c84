"""What the head of a request may say."""

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.server.heads import Target, blank_before, code_of, lacks_version, split_target, with_host

PATHS = st.binary(max_size=30).map(lambda noise: b"/" + noise.replace(b"\x00", b"?"))


@given(PATHS)
def test_paths_are_split_as_the_parser_splits_them(target: bytes) -> None:
    """What a request's line may hold is split like httptools would."""
    read: list[bytes] = []

    class Reader:
        def on_url(self, url: bytes) -> None:
            read.append(url)

    try:
        httptools.HttpRequestParser(Reader()).feed_data(b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % target)
    except httptools.HttpParserError:
        return
    target = b"".join(read)
    parsed = httptools.parse_url(target)
    assert split_target(target) == (parsed.path, parsed.query or b"", None)


@pytest.mark.parametrize(
    ("target", "read"),
    [
        (b"http://h", Target(b"/", b"", b"h")),
        (b"http://h/", Target(b"/", b"", b"h")),
        (b"HTTP://Example.ORG?a=b", Target(b"/", b"a=b", b"Example.ORG")),
        (b"hTTps://h:8443/x/y?a=http://other/&b=?", Target(b"/x/y", b"a=http://other/&b=?", b"h:8443")),
        (b"http://h:/x", Target(b"/x", b"", b"h")),
        (b"http://h:00080/x", Target(b"/x", b"", b"h:80")),
        (b"http://h:65535", Target(b"/", b"", b"h:65535")),
        (b"http://[::1]:8080/x", Target(b"/x", b"", b"[::1]:8080")),
        (b"http://h//x", Target(b"//x", b"", b"h")),
        (b"http://h/a@b:c", Target(b"/a@b:c", b"", b"h")),
        (b"http://h/x?a@b", Target(b"/x", b"a@b", b"h")),
        (b"http://h/x#f", Target(b"/x", b"", b"h")),
    ],
)
def test_the_absolute_form(target: bytes, read: Target) -> None:
    """An absolute target is its path, `/` if that is empty, and its host and port."""
    assert split_target(target) == read


@pytest.mark.parametrize(
    "target",
    [
        b"", b"*", b"x", b"h:443", b"ftp://h/x", b"http:/x", b"http://", b"http:///x", b"http://?x", b"http://u@h/",
        b"http://u:p@h/", b"http://@h/", b"http://h:65536/", b"http://h:0/", b"http://h:00/", b"http://h:a/",
        b"http://h:-1/", b"http://h:80:80/", b"http://h:" + b"1" * 5000 + b"/", b"http://[::1/", b"http://::1/",
        b"http://[x]/", b"http://h\\@x/", b"http://h\x00/", b"http://h\r\nx: y/", b"http://h h/", b"httpx://h/",
        b"http://\xc3\xa9/",
    ],
)  # fmt: skip
def test_targets_that_are_refused(target: bytes) -> None:
    """Users, ports that there are not, other schemes and hosts that are none are refused."""
    with pytest.raises(httptools.HttpParserInvalidURLError):
        split_target(target)


@given(st.binary(max_size=40).map(lambda noise: b"http://" + noise))
def test_a_host_that_is_read_can_stand_in_a_header(target: bytes) -> None:
    """Whatever is taken for a host has no user, no blank and no line break."""
    try:
        found = split_target(target)
    except httptools.HttpParserInvalidURLError:
        return
    assert found.host is not None
    assert not set(found.host) & set(b"@ \t\r\n\x00/?#\\")
    assert found.path.startswith(b"/")


def test_a_request_about_the_server() -> None:
    """OPTIONS may be about the server as such, in both forms."""
    assert split_target(b"*", "OPTIONS") == (b"*", b"", None)
    assert split_target(b"http://h", "OPTIONS") == (b"*", b"", b"h")
    assert split_target(b"http://h/", "OPTIONS") == (b"/", b"", b"h")
    assert split_target(b"http://h?", "OPTIONS") == (b"/", b"", b"h")


def test_the_host_of_the_target_counts() -> None:
    """It takes the place of `Host`, and stands where none was."""
    assert with_host([(b"a", b"b"), (b"host", b"x")], b"h") == [(b"host", b"h"), (b"a", b"b")]
    assert with_host([], b"h") == [(b"host", b"h")]


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
