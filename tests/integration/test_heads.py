"""The heads of requests: what they may cost, where they end, whom they name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.site import ROOMY, UNITE_LEGALE, VIGILANCE, Site, fresh
from support.site import site as started
from support.wire import request, wire

LINE = b"GET /v4/x HTTP/1.1\r\nHost: x\r\n"
TOO_MUCH = {
    "101 headers": b"".join(b"x-%d: y\r\n" % number for number in range(100)),
    "60,000 empty headers": b"a:\r\n" * 60_000,
    "headers of one byte": b"a:b\r\n" * 20_000,
    "the same header": b"cookie: a=b\r\n" * 200,
    "64 kB in a few": b"".join(b"x-%d: %b\r\n" % (number, b"y" * 8000) for number in range(9)),
    "long names": b"".join(b"%b: y\r\n" % (b"x" * 9000) for _ in range(8)),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_heads_that_cost_too_much(site: Site, name: str) -> None:
    """Too many headers, however small, are refused like too long ones, and the connection is closed."""
    with wire(site.program.port) as line:
        line.send(LINE + TOO_MUCH[name] + b"\r\n")
        got = line.answer()
        assert (got.status, got.codes, got.headers["connection"]) == (431, ["00407"], "close")
        assert line.some() == b""


def test_a_hundred_headers(site: Site) -> None:
    """That many are read."""
    headers = {f"X-{number}": "y" for number in range(98)}
    with wire(site.program.port) as line:
        line.send(request(token=fresh(), headers=headers))
        assert line.answer().status == 200


def test_heads_that_come_again(site: Site) -> None:
    """On one connection each request is answered by its own head and target, however much it is like the one before."""
    one, other = fresh(), fresh()
    good, spoilt = request(token=one), request(token=one[:-2] + ("aa" if one[-2:] != "aa" else "bb"))
    with wire(site.program.port) as line:
        for data, status in (
            (good, 200),
            (good, 200),
            (request(token=one, path="/v4/nothing"), 404),
            (request(token=one, query={}), 422),
            (spoilt, 401),
            (spoilt, 401),
            (good, 200),
            (request(token=other), 200),
            (request(), 401),
            (good[:-2] + b"content-length: 5\r\n\r\nhello", 200),
            (good, 200),
        ):
            line.send(data)
            assert line.answer().status == status
        line.send(good + spoilt + good)
        assert [line.answer().status for _ in range(3)] == [200, 401, 200]


@pytest.mark.parametrize("what", ["headers", "query"])
def test_refused_heads_count_for_their_address(tmp_path: Path, what: str) -> None:
    """What is refused so early counts like any other call, and is banned in the end."""
    data = LINE + TOO_MUCH["60,000 empty headers"] if what == "headers" else "GET /?é HTTP/1.1\r\n\r\n".encode()
    with started(tmp_path, limit_ip="3") as guard:
        answers = [_says(guard, data, "127.7.7.7") for _ in range(5)]
    assert [answer[:13] for answer in answers[:3]] == [b"HTTP/1.1 431 " if what == "headers" else b"HTTP/1.1 400 "] * 3
    assert answers[3:] == [b"", b""]


def _says(site: Site, data: bytes, source: str = "127.0.0.1") -> bytes:
    with wire(site.program.port, source=source) as line:
        line.send(data)
        return line.some()


BARE = [
    b"GET /x\n",
    b"GET /x\n\n",
    b"GET /x\nHost: x\r\n\r\n",
    b"GET /x\nHost: x\n\n",
    b"GET /x?a=b\n\r\n",
    b"GET /x \n\n",
    b"GET /x HTTP/1.1\n\n",
    b"GET /x HTTP/1.1\nHost: x\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: x\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: x\r\n\n",
    b"GET /x HTTP/1.1\r\nHost: x\r\nA:\nb\r\n\r\n",
    b"GET http://h/x\n\r\n",
    b"\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\n\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\rGET /x HTTP/1.1\r\nHost: x\r\n\r\n",
]
OLD = [
    b"GET /x\r\n\r\n",
    b"GET /x\r\n",
    b"GET /x\r\nHost: x\r\n\r\n",
    b"GET /x HTTP/0.9\r\n\r\n",
    b"GET /x HTTP/1.2\r\n\r\n",
    b"GET /x HTTP/2.0\r\nHost: x\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    b"GET /x HTTP/1.1\r\n Host: x\r\n\r\n",
    b"\r\n" * 1000,
]


@pytest.mark.parametrize("pieces", [1, 2, 1000])
@pytest.mark.parametrize("data", [*BARE, *OLD])
def test_lines_that_two_readers_may_end_otherwise(site: Site, data: bytes, pieces: int) -> None:
    """Bare line feeds, request lines without our versions, folded headers: 400 at once, and the connection ends."""
    size = -(-len(data) // pieces)
    with wire(site.program.port) as line:
        for start in range(0, len(data), size):
            line.send(data[start : start + size])
        got = line.answer()
        assert (got.status, got.codes, got.headers["connection"]) == (400, ["00401"], "close")
        assert line.some() == b""


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("data", [b"GET /x\n", b"GET /x\r\n\r\n"])
def test_such_a_line_behind_a_request(site: Site, data: bytes, kept: bool) -> None:
    """It is refused on a connection that has been answered as well, and ends one that is being answered."""
    with wire(site.program.port) as line:
        line.send(request(path="/nowhere") + (b"" if kept else data))
        assert line.answer().status == 404
        if kept:
            line.send(data)
            assert line.answer().status == 400
        assert line.some() == b""


QUERIES = {
    "an accent": "object=é".encode(),
    "an accent in Latin-1": "object=é".encode("latin-1"),
    "a typographic apostrophe": "object=l’aide".encode(),
    "an emoji": "object=😀".encode(),
    "Greek": "context=Ελλάδα&object=x".encode(),
    "in a name": "é=1".encode(),
    "a blank": b"object=a b",
    "a tabulator": b"object=a\tb",
    "a NUL": b"object=\x00",
}


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("name", QUERIES)
def test_bytes_that_a_query_must_encode(site: Site, name: str, absolute: bool) -> None:
    """A query with raw bytes gets an error that says so, and how to write them."""
    target = (b"http://api.example.org" if absolute else b"") + UNITE_LEGALE.encode() + b"?" + QUERIES[name]
    with wire(site.program.port) as line:
        line.send(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        got = line.answer()
    assert (got.status, got.codes) == (400, ["00909"])
    assert "%C3%A9" in got.json["errors"][0]["detail"]


# Whom a request names.


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that has no setting for its own address, behind a proxy at 127.0.0.5."""
    with started(tmp_path_factory.mktemp("linked"), **ROOMY, trusted_proxies="127.0.0.5") as own:
        yield own


def _base(site: Site, target: str, *, source: str = "127.0.0.1", **headers: str) -> str:
    """The scheme and host of the link in an answer."""
    with wire(site.program.port, source=source) as line:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        line.send(request(path=target + VIGILANCE, token=fresh(), headers=named))
        got = line.answer()
    assert got.status == 200
    address: str = got.json["data"]["document_url"]
    return address.partition("/documents/")[0]


def test_the_host_of_an_absolute_target(linked: Site) -> None:
    """It counts in place of `Host`, which anything between may have taken from elsewhere."""
    assert _base(linked, "http://api.example.fr", Host="other.example") == "http://api.example.fr"
    assert _base(linked, "HTTP://api.example.fr:8443", Host="other.example") == "http://api.example.fr:8443"
    assert _base(linked, "http://api.example.fr:", Host="other.example") == "http://api.example.fr"
    assert _base(linked, "http://[::1]:80", Host="other.example") == "http://[::1]:80"
    assert _base(linked, "https://api.example.fr", Host="x") == "http://api.example.fr"  # nobody has said it in TLS


def test_a_trusted_proxy_still_names_the_host(linked: Site) -> None:
    """What a trusted proxy says of the host that was asked for stands above both."""
    base = _base(
        linked, "http://a.example", source="127.0.0.5", Host="b", X_Forwarded_Host="api.fr", X_Forwarded_Proto="https"
    )
    assert base == "https://api.fr"
    assert _base(linked, "http://a.example", source="127.0.0.5", Host="b") == "http://a.example"


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (b"GET http://example.org", 404, "00404"),
        (b"GET http://example.org?a=b", 404, "00404"),
        (b"GET HTTPS://example.org:443", 404, "00404"),
        (b"OPTIONS *", 405, "00405"),
        (b"OPTIONS http://example.org", 405, "00405"),
        (b"OPTIONS /nowhere", 404, "00404"),
        (b"GET *", 400, "00401"),
        (b"GET example.org:80", 400, "00401"),
        (b"CONNECT example.org:80", 400, "00401"),
        (b"GET http://user@example.org/", 400, "00401"),
        (b"GET http://user:secret@example.org", 400, "00401"),
        (b"GET http://example.org:65536/", 400, "00401"),
        (b"GET http://example.org:0/", 400, "00401"),
        (b"GET http://example.org:8a/", 400, "00401"),
        (b"GET http:///livez", 400, "00401"),
        (b"GET ftp://example.org/livez", 400, "00401"),
    ],
)
def test_forms_of_targets(site: Site, line: bytes, status: int, code: str) -> None:
    """Each form of a target has one meaning, or none."""
    with wire(site.program.port) as connection:
        connection.send(line + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        got = connection.answer()
    assert (got.status, got.codes) == (status, [code])
    assert (got.headers.get("allow") == "GET, HEAD") is (status == 405)


def test_the_control_plane_by_an_absolute_target(site: Site) -> None:
    """It is found by its path, whatever the form of the target."""
    with wire(site.program.port) as line:
        line.send(b"GET http://example.org/livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.answer().json == {"status": "ok"}
        line.send(b"GET http://api.example.org:8080/pings HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.answer().json[0]["url"].startswith("http://api.example.org:8080/ping/")
