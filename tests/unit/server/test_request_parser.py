"""Tests of the parser of requests, fed with bytes alone."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


# Heads that come again.

REST = b" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer abc\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
FIRST = b"GET /a?b=c" + REST
AGAIN = b"GET /v4/d%20e?f=g+h" + REST
BODY = REST[:-2] + b"content-length: 5\r\n\r\n"
OTHERS = {
    "again": AGAIN,
    "no query": b"GET /" + REST,
    "empty query": b"GET /?" + REST,
    "questions in the query": b"GET /a??b=/?" + REST,
    "another token": AGAIN.replace(b"abc", b"abd"),
    "another case": AGAIN.replace(b"Host", b"host"),
    "another end": AGAIN[:-4] + b"2\r\n\r\n",
    "one header more": b"GET /a" + BODY.replace(b"content-length: 5", b"x-a: 5"),
    "one header less": AGAIN.replace(b"X-Forwarded-For: 192.0.2.1\r\n", b""),
    "a second host": b"GET /a HTTP/1.1\r\nHost: y" + REST[len(b" HTTP/1.1") :],
    "a body": b"GET /a" + BODY + b"hello",
    "a body that is another": b"GET /a" + BODY + b"GET /b" + REST,
    "a body that is cut": b"GET /a" + BODY + b"hel",
    "no body": b"GET /a" + BODY.replace(b"5", b"0"),
    "chunks": b"GET /a HTTP/1.1\r\ntransfer-encoding: chunked\r\nA: GET /b" + REST,
    "both lengths": b"GET /a HTTP/1.1\r\ncontent-length: 9\r\ntransfer-encoding: chunked" + REST[len(b" HTTP/1.1") :],
    "a folded line": b"GET /a HTTP/1.1\r\nA: b\r\n" + REST,
    "two": AGAIN + b"GET /b" + REST,
    "two with one head": b"GET /a HTTP/1.1\r\n\r\nGET /b" + REST,
    "a line in the target": b"GET /a HTTP/1.1\r\nX-A: " + REST,
    "a blank in the target": b"GET /a b" + REST,
    "a tab in the target": b"GET /a\tb" + REST,
    "an end of line in the target": b"GET /a\nb" + REST,
    "a zero in the target": b"GET /a\0b" + REST,
    "a high byte in the target": b"GET /a\xe9b" + REST,
    "a quote in the target": b'GET /a"b' + REST,
    "a fragment": b"GET /a?b#c" + REST,
    "another host in the target": b"GET http://y/a" + REST,
    "another authority": b"GET //y/a" + REST,
    "no path": b"GET a" + REST,
    "no target": b"GET " + REST,
    "nothing": b"GET" + REST,
    "the server": b"OPTIONS *" + REST,
    "another method": b"HEAD /a" + REST,
    "no method": b"get /a" + REST,
    "two blanks": b"GET  /a" + REST,
    "the old version": AGAIN.replace(b"1.1\r", b"1.0\r"),
    "the last": AGAIN[:-2] + b"connection: close\r\n\r\n",
    "an offer": AGAIN[:-2] + b"connection: upgrade\r\nupgrade: h2c\r\n\r\n",
    "blank lines behind": AGAIN + b"\r\n\r\n",
    "half": AGAIN[: len(AGAIN) // 2],
    "rubbish behind": AGAIN + b"no HTTP\r\n\r\n",
    "the end alone": REST,
    "a long target": b"GET /" + b"a" * (MAX_TARGET_BYTES + 1) + REST,
}


class Reader:
    """A parser, and all that is known of what it has read."""

    def __init__(self, *, forgets: bool) -> None:
        """Remember the last head, or forget it each time."""
        self.heard = Heard()
        self.parser = RequestParser(self.heard)
        self.forgets = forgets
        self.code: str | None = None

    def read(self, data: bytes) -> None:
        """Parse what has come, unless something before was refused."""
        if self.forgets:
            self.parser.forget()
        if self.code is None:
            try:
                self.parser.feed(data)
            except BadRequestError as error:
                self.code = error.code

    @property
    def found(self) -> tuple[object, ...]:
        """What was told, and how the parser stands."""
        parser, heard = self.parser, self.heard
        held = (parser.reads_head, parser.reads_request, parser.framing_bytes, parser.head_bytes, parser.blank)
        return self.code, heard.requests, heard.bodies, heard.ended, held


def read_alike(*pieces: bytes) -> None:
    """Have pieces read with a head that is remembered, and with none; nothing must differ."""
    one, other = Reader(forgets=False), Reader(forgets=True)
    for piece in pieces:
        one.read(piece)
        other.read(piece)
        assert one.found == other.found


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(
    "first", [FIRST, b"GET /a HTTP/1.1\r\n\r\n", FIRST + b"\r\n", FIRST + FIRST, b"GET /a" + BODY + b"hello"]
)
def test_a_remembered_head_changes_nothing(first: bytes, name: str) -> None:
    """Whatever comes behind a request is read as it would be without it, in one piece or in two."""
    other = OTHERS[name]
    read_alike(first, other, FIRST, other, AGAIN)
    read_alike(first, other[:5], other[5:], AGAIN)
    read_alike(first, AGAIN, other[:-3], other[-3:], AGAIN)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"GET /", b"GET /a?b", b"HEAD /", b"GET ", b"\r\n", b""]),
            st.sampled_from([b"", b"a", b"?", b" ", b"%20", b"\r\n", b"\t", b"#", b":", b"\x80", b" HTTP/1.1\r\nA: "]),
            st.sampled_from(
                [REST, BODY, b" HTTP/1.1\r\n\r\n", REST + FIRST, REST[:-2], REST[:-1], b"\r\n", b"hello", b""]
            ),
        ).map(b"".join),
        max_size=6,
    )
)
def test_a_remembered_head_changes_nothing_ever(pieces: list[bytes]) -> None:
    """Any reads in a row are told alike, whether heads are remembered or not."""
    read_alike(FIRST, *pieces)


def test_a_head_that_comes_again_is_not_parsed() -> None:
    """A request with the last head is known at sight, whatever its target; its headers are its listener's alone."""
    parser, heard = fed(FIRST)
    parser._parser = None
    parser.feed(AGAIN)
    parser.feed(FIRST)
    assert [request[1] for request in heard.requests] == [
        Target(b"/a", b"b=c"),
        Target(b"/v4/d%20e", b"f=g+h"),
        Target(b"/a", b"b=c"),
    ]
    heard.requests[1][2].clear()
    assert heard.requests[0][2] == heard.requests[2][2] != []
    assert heard.ended == 3


@pytest.mark.parametrize(
    "data",
    [
        b"POST /a" + REST,
        b"GET /a" + BODY + b"hello",
        FIRST + AGAIN,
        FIRST[:-2] + b"connection: close\r\n\r\n",
        FIRST.replace(b"1.1\r", b"1.0\r"),
        FIRST[:-2] + b"connection: upgrade\r\nupgrade: h2c\r\n\r\n",
        FIRST[:-2] + b"a: %b\r\n\r\n" % (b"b" * 4096),
    ],
)
def test_a_head_that_is_not_remembered(data: bytes) -> None:
    """Of a head with a body, a large one, or the last on its connection nothing is held; nor of one forgotten."""
    assert fed(FIRST, data)[0]._known is None
    parser, _ = fed(FIRST)
    assert parser._known is not None
    parser.forget()
    assert parser._known is None


def test_a_remembered_head_has_no_target() -> None:
    """What is remembered begins behind the target, which may be about a person."""
    parser, _ = fed(FIRST)
    assert parser._known is not None
    assert parser._known.rest == REST
