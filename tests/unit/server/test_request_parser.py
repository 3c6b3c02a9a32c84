"""Tests of the parser of requests, fed with bytes alone."""

from collections.abc import Iterable

import pytest

from apientreprise_gateway.net.asgi import Header
from apientreprise_gateway.server.heads import MAX_FRAMING_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from apientreprise_gateway.server.request_parser import BadRequestError, EndlessRequestError, RequestParser, Target

GET = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2\r\nde\r\n0\r\nauthorization: Bearer x\r\n\r\n"
)
OLD = b"GET /old HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"


class Heard:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Target, list[Header], bool]] = []
        self.bodies: list[bytes] = []
        self.ended = 0

    def request_begun(self, method: str, target: Target, headers: list[Header], *, keep_alive: bool) -> None:
        """Note a head."""
        self.requests.append((method, target, headers, keep_alive))
        self.bodies.append(b"")

    def body_received(self, data: bytes) -> None:
        """Note a part of a body."""
        self.bodies[-1] += data

    def request_ended(self) -> None:
        """Note an end."""
        self.ended += 1


def fed(*pieces: bytes) -> tuple[RequestParser, Heard]:
    """A parser that was given pieces, and what it has told."""
    heard = Heard()
    parser = RequestParser(heard)
    for piece in pieces:
        parser.feed(piece)
    return parser, heard


def refused(pieces: Iterable[bytes]) -> BadRequestError:
    """How pieces are refused."""
    with pytest.raises(BadRequestError) as caught:
        fed(*pieces)
    return caught.value


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_requests_are_read_in_whatever_pieces_they_come(size: int) -> None:
    """A stream of requests is told alike, whole and byte by byte."""
    stream = GET + POST + CHUNKED + OLD
    parser, heard = fed(*(stream[start : start + size] for start in range(0, len(stream), size)))
    assert heard.requests == [
        ("GET", Target(b"/a", b"b=c"), [(b"host", b"x"), (b"x-a", b"1")], True),
        ("POST", Target(b"/p", b""), [(b"host", b"x"), (b"content-length", b"5")], True),
        ("POST", Target(b"/c", b""), [(b"host", b"x"), (b"transfer-encoding", b"chunked")], True),
        ("GET", Target(b"/old", b""), [(b"connection", b"keep-alive")], False),
    ]
    assert heard.bodies == [b"", b"hello", b"abcde", b""]
    assert heard.ended == 4
    assert (parser.reads_head, parser.reads_request) == (False, False)


def test_where_a_request_stands() -> None:
    """It is known whether a head is coming in, or the rest of its request."""
    heard = Heard()
    parser = RequestParser(heard)
    found = []
    for piece in (POST[:20], POST[20:-3], POST[-3:]):
        parser.feed(piece)
        found.append((parser.reads_head, parser.reads_request))
    assert found == [(True, True), (False, True), (False, False)]


def test_trailing_bytes_are_another_request() -> None:
    """What comes behind a request and is none is refused, once the request has been told."""
    heard = Heard()
    parser = RequestParser(heard)
    with pytest.raises(BadRequestError) as caught:
        parser.feed(GET + b"no HTTP\r\n\r\n")
    assert (len(heard.requests), heard.ended, caught.value.code) == (1, 1, "00401")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET /a HTTP/2.0\r\n\r\n", "00401"),
        (b"GET /a\r\n", "00401"),
        (b"GET nowhere HTTP/1.1\r\n\r\n", "00401"),
        (b"GET /a HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", "00401"),
        (b"GET /a?b=c d HTTP/1.1\r\n\r\n", "00909"),
        (b"GET /%b HTTP/1.1\r\n\r\n" % (b"a" * MAX_TARGET_BYTES), "00406"),
        (b"GET /a HTTP/1.1\r\n" + b"a: b\r\n" * (MAX_HEADERS + 2), "00407"),
        (b"GET /a HTTP/1.1\r\na: %b\r\na: b\r\n" % (b"b" * 64 * 1024), "00407"),
    ],
)
def test_what_is_no_request_has_a_code(data: bytes, code: str) -> None:
    """Each kind of refusal carries its own error code, in whatever pieces it comes."""
    assert refused([data]).code == code
    assert refused(data[start : start + 1000] for start in range(0, len(data), 1000)).code == code


@pytest.mark.parametrize("begin", [b"GET /a HTTP/1.1\r\nx-a: ", CHUNKED.partition(b"3\r\n")[0] + b"1;a="])
def test_a_request_without_an_end(begin: bytes) -> None:
    """A request that has ever more besides its body is refused, before it weighs much more than it may."""
    heard = Heard()
    parser = RequestParser(heard)
    parser.feed(begin)
    while parser.framing_bytes <= MAX_FRAMING_BYTES - 1000:
        parser.feed(b"a" * 1000)
    with pytest.raises(EndlessRequestError) as caught:
        parser.feed(b"a" * 1000)
    assert caught.value.code == "00407"


def test_a_body_is_no_framing() -> None:
    """The bytes of a body do not count for what a request may have besides."""
    parser, heard = fed(b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (4 * MAX_FRAMING_BYTES))
    for _ in range(4):
        parser.feed(bytes(MAX_FRAMING_BYTES))
    assert heard.ended == 1


def test_an_offer_of_another_protocol() -> None:
    """It is read as the HTTP/1.1 that it is, unless it has a body, which the parser would skip."""
    offer = b"GET /%d HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n"
    _, heard = fed(offer % 1 + b"\r\n" + GET)
    assert [target.path for _, target, _, _ in heard.requests] == [b"/1", b"/a"]
    assert refused([offer % 2 + b"content-length: 5\r\n\r\nhello"]).code == "00401"


def test_empty_lines_before_a_request() -> None:
    """A few are passed over, in whatever pieces they come; many are refused."""
    parser, _ = fed()
    assert parser.pass_over_blank(b"\r") == b""
    assert parser.blank == b"\r"
    assert parser.pass_over_blank(b"\n" + GET) == GET
    parser.feed(GET)
    assert parser.blank == b""
    with pytest.raises(BadRequestError):
        parser.pass_over_blank(b"\r\n" * 100)


def test_nothing_is_held_of_a_head_that_was_told() -> None:
    """The list of headers is the listener's alone, and what they weigh is still known."""
    parser, heard = fed(GET)
    assert heard.requests[0][2] is not parser._headers
    assert not parser._headers
    assert parser.head_bytes == len(b"/a?b=c") + len(b"hostxx-a1") + 2 * 32
