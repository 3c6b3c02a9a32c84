"""Bad input: whatever comes, the answer is a coded error with a body, and the gateway goes on."""

import base64
import time
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from support import tokens
from support.site import ENTREPRISE_V2, GOOD_BODY, LONG, UNITE_LEGALE, Gate, Site, codes, fresh
from support.wire import Answer, request, wire

NOW = int(time.time())
PREFIX = "/v4/insee/sirene/unites_legales/"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unsigned() -> str:
    return jwt.encode(tokens.claims(), "", algorithm="none")


def _flipped(token: str) -> str:
    head, payload, signature = token.split(".")
    return f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


BAD_TOKENS = {
    "garbage": ("garbage", "00101"),
    "dots": ("..", "00101"),
    "three parts": ("a.b.c", "00101"),
    "not base64": ("é.é.é".encode().decode("latin-1"), "00101"),
    "endless nesting": (f"{_part(b'[' * 5000)}.{_part(b'{}')}.{_part(b'x' * 32)}", "00101"),
    "8 kB": ("x" * 8192, "00101"),
    "10 kB": (f"{'x' * 10_000}", "00101"),
    "unsigned": (_unsigned(), "00101"),
    "unsigned, with a signature": (_unsigned() + _part(b"x" * 32), "00101"),
    "another secret": (tokens.token(secret="another-secret-that-is-long-enough-too"), "00101"),
    "another algorithm": (jwt.encode(tokens.claims(), tokens.SECRET * 2, algorithm="HS512"), "00101"),
    "a changed signature": (_flipped(fresh()), "00101"),
    "no signature": (fresh().rpartition(".")[0] + ".", "00101"),
    "claims that are a list": (jwt.PyJWS().encode(b"[1]", tokens.SECRET), "00101"),
    "claims that are not JSON": (jwt.PyJWS().encode(b"{", tokens.SECRET), "00101"),
    "no jti": (tokens.token(jti=None), "00101"),
    "jti that is no uuid": (tokens.token(jti="1"), "00101"),
    "jti that is a number": (tokens.token(jti=1), "00101"),
    "no uid": (tokens.token(uid=None), "00101"),
    "no scopes": (tokens.token(scopes=None), "00101"),
    "scopes that are a text": (tokens.token(scopes="entreprises"), "00101"),
    "exp that is a text": (tokens.token(exp="tomorrow"), "00101"),
    "iat to come": (fresh(iat=NOW + 3600), "00101"),
    "nbf to come": (fresh(nbf=NOW + 3600), "00101"),
    "expired": (fresh(exp=NOW - 1), "00103"),
    "expired, badly signed": (_flipped(fresh(exp=NOW - 1)), "00101"),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_bad_tokens_in_the_header(site: Site, name: str) -> None:
    """A token that is not one of ours is 401, expired ones with a code of their own."""
    token, code = BAD_TOKENS[name]
    with wire(site.program.port) as line:
        line.send(request(token=token))
        got = line.answer()
    assert (got.status, got.codes) == (401, [code])
    assert not site.provider.requests


@pytest.mark.parametrize("name", [name for name in BAD_TOKENS if "8 kB" not in name and "10 kB" not in name])
def test_bad_tokens_in_the_query(site: Site, name: str) -> None:
    """A token in the query is judged like one in the header."""
    token, code = BAD_TOKENS[name]
    response = site.call(f"{UNITE_LEGALE}?token={quote(token)}", token=None)
    assert (response.status_code, codes(response)) == (401, [code])


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Token {token}", "{token}", "Bearer {token} x", "Bearer: {token}",
     "Bearer {token},Bearer {token}"],
)  # fmt: skip
def test_headers_without_a_token(site: Site, header: str) -> None:
    """An `Authorization` header of another form holds no token."""
    with wire(site.program.port) as line:
        line.send(request(headers={"Authorization": header.format(token=fresh())}))
        got = line.answer()
    assert (got.status, got.codes) == (401, ["00101"])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_has_no_case(site: Site, scheme: str) -> None:
    """The word before the token is read without regard to case (RFC 7235)."""
    assert site.call(token=None, headers={"Authorization": f"{scheme} {fresh()}"}).status_code == 200


@pytest.mark.parametrize("path", [UNITE_LEGALE, ENTREPRISE_V2])
def test_a_token_in_the_query(site: Site, path: str) -> None:
    """A token in the query is accepted on every version."""
    assert site.call(f"{path}?token={fresh()}", token=None).status_code == 200


def test_the_header_wins_over_the_query(site: Site) -> None:
    """With a token in both places the header's is judged, the good one and the bad one alike."""
    assert site.call(f"{UNITE_LEGALE}?token=bad", token=fresh()).status_code == 200
    assert site.call(f"{UNITE_LEGALE}?token={fresh()}", token="bad").status_code == 401


def test_small_differences_of_clocks_are_forgiven(site: Site) -> None:
    """A token issued by a clock that is 2 s ahead is valid."""
    now = int(time.time())
    assert site.call(token=fresh(iat=now + 2, nbf=now + 2)).status_code == 200


def test_tokens_of_the_first_years(site: Site) -> None:
    """Tokens with `roles` in place of `scopes`, or without `exp`, are valid."""
    assert site.call(token=fresh(scopes=None, roles=["entreprises"])).status_code == 200
    assert site.call(token=fresh(exp=None, iat=None)).status_code == 200


@pytest.mark.parametrize("value", ["", "%20", "%09%0A", "+", "%C2%A0", "%ff", "%ED%A0%80", "%E2%80"])
@pytest.mark.parametrize(("name", "code"), [("context", "00201"), ("object", "00202"), ("recipient", "00203")])
def test_blank_parameters(site: Site, name: str, code: str, value: str) -> None:
    """A traceability parameter that is blank, or no text at all, is missing."""
    left_out: dict[str, Any] = {name: None}
    response = site.call(f"{UNITE_LEGALE}?{name}={value}", token=fresh(), **left_out)
    assert (response.status_code, codes(response)) == (422, [code])
    assert response.json()["errors"][0]["source"] == {"parameter": name}


@pytest.mark.parametrize("value", ["%00", "%zz", "%", "a%0Ab", "%F0%9F%98%80", "a;b", "a=b", "'", "x" * 8000])
def test_strange_parameters(site: Site, value: str) -> None:
    """A context that is strange but not blank is accepted."""
    with wire(site.program.port) as line:
        line.send(request(token=fresh()).replace(b"context=tests", f"context={value}".encode()))
        assert line.answer().status == 200


def test_of_a_repeated_parameter_the_last_counts(site: Site) -> None:
    """A parameter that is given twice has its last value, in the check and in the trace."""
    name = {"X-Request-Id": "repeated"}
    response = site.call(f"{UNITE_LEGALE}?context=first&context=", token=fresh(), context=None)
    assert (response.status_code, codes(response)) == (422, ["00201"])
    response = site.call(f"{UNITE_LEGALE}?context=&context=last", token=fresh(), context=None, headers=name)
    assert response.status_code == 200
    assert site.line("repeated")["context"] == "last"


@pytest.mark.parametrize(
    "recipient",
    ["x", "13002526500014", "1300252650001", "130025265000130", "130 025 265 00013", "１３００２５２６５０００１３"],
)
def test_a_recipient_that_is_no_siret(site: Site, recipient: str) -> None:
    """From v3 on a recipient that is no SIRET is refused with its own code."""
    response = site.call(token=fresh(), recipient=recipient)
    assert (response.status_code, codes(response)) == (422, ["00210"])


IDENTIFIERS = [
    "1", "130025266", "13002526", "1300252650", "abcdefghi", "13002526a", "130%20025265", "%20130025265",
    "130025265%20", "130025265%0A", "130025265%00", "%00", "", "+130025265", "-30025265", "1e8",
    quote("١٣٠٠٢٥٢٦٥"), quote("１３００２５２６５"), quote("²³0025265"), "%2F", "..%2F130025265", "%2e%2e%2f130025265",
    "130025265%2Fx", "130025265%3Fa=b", "130025265%23", "%zz", "%", "%ff", "'%20OR%201=1--", "%7B0%7D", "{0}",
    "{siren}", "130025265;x", "9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_bad_identifiers(site: Site, identifier: str) -> None:
    """What is not nine digits with their check digit is no SIREN, however it is written; no provider is asked."""
    with wire(site.program.port) as line:
        line.send(request(path=PREFIX + identifier, token=fresh()))
        got = line.answer()
    assert (got.status, got.codes) == (422, ["00301"])
    assert got.json["errors"][0]["detail"] == "Le numéro de siren n'est pas correctement formatté"
    assert not site.provider.requests


def test_an_encoded_digit_is_the_digit(site: Site) -> None:
    """Percent-encoding changes nothing about an identifier."""
    with wire(site.program.port) as line:
        line.send(request(path=PREFIX + "%3130025265", token=fresh()))
        assert line.answer().status == 200
    assert site.provider.requests[0].startswith(f"GET {UNITE_LEGALE} ")


@pytest.mark.parametrize(
    "path", [PREFIX + "../130025265", PREFIX + "130025265/../../x", "/../../etc/passwd", PREFIX + "a/b"]
)
def test_path_traversal(site: Site, path: str) -> None:
    """Dots in a path are not resolved; such a path is unknown."""
    with wire(site.program.port) as line:
        line.send(request(path=path, token=fresh()))
        got = line.answer()
    assert (got.status, got.codes) == (404, ["00404"])


LONG_HEADERS = {f"X-{number}": "a" * 1000 for number in range(100)}
REFUSED_HEADS = {
    "64 kB of query": (request(token=fresh(), path=UNITE_LEGALE, query={"x": "a" * 64_000}), 414, "00406"),
    "200 kB of query": (request(token=fresh(), query={"x": "a" * 200_000}), 414, "00406"),
    "5 MB of query": (request(token=fresh(), query={"x": "a" * 5_000_000}), 414, "00406"),
    "200 kB of path": (request(path="/" + "a" * 200_000), 414, "00406"),
    "100 kB of headers": (request(token=fresh(), headers=LONG_HEADERS), 431, "00407"),
    "a header of 100 kB": (request(token=fresh(), headers={"X": "a" * 100_000}), 431, "00407"),
    "not HTTP": (b"EHLO example.org\r\n\r\n", 400, "00401"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100, 400, "00401"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "00401"),
    "lower-case method": (request(method="get", token=fresh()), 400, "00401"),
    "an unknown method": (request(method="FETCH", token=fresh()), 400, "00401"),
    "a space in the target": (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "00401"),
    "bytes in the path": (b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", 400, "00401"),
    "a NUL in the path": (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "00401"),
    "a header without a name": (b"GET / HTTP/1.1\r\n: x\r\n\r\n", 400, "00401"),
    "a NUL in a header": (b"GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n", 400, "00401"),
    "two lengths": (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "00401"),
    "length and chunks": (
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "00401"),
    "a negative length": (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "00401"),
    "CONNECT": (b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "00401"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_HEADS)
def test_heads_that_cannot_be_accepted(site: Site, name: str) -> None:
    """What is too long, or no HTTP, has an answer with a coded body."""
    data, status, code = REFUSED_HEADS[name]
    with wire(site.program.port) as line:
        line.send(data)
        got = line.answer()
    assert (got.status, got.codes) == (status, [code])
    assert got.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("name", ["200 kB of query", "100 kB of headers", "not HTTP"])
def test_after_such_a_head_the_connection_is_closed(site: Site, name: str) -> None:
    """After a head that was not read to its end the gateway says that it closes, and does."""
    with wire(site.program.port) as line:
        line.send(REFUSED_HEADS[name][0])
        assert line.answer().headers["connection"] == "close"
        assert line.some() == b""


def test_a_long_honest_request(site: Site) -> None:
    """A token of nearly 8 kB passes, in the header and in the query."""
    token = fresh(scopes=["entreprises", *(f"scope_{number:04}" for number in range(400))])
    assert 7000 < len(token) < 8192
    assert site.call(token=token).status_code == 200
    assert site.call(f"{UNITE_LEGALE}?token={token}", token=None).status_code == 200


def test_http_1_0(site: Site) -> None:
    """A client of HTTP/1.0 is answered, then its connection is closed."""
    with wire(site.program.port) as line:
        line.send(request(token=fresh(), version="1.0"))
        got = line.answer()
        assert (got.status, got.body, got.headers["connection"]) == (200, GOOD_BODY, "close")
        assert line.some() == b""


def test_pipelined_requests(site: Site) -> None:
    """Requests that are sent without waiting are answered in their order."""
    token = fresh()
    paths = [UNITE_LEGALE, "/nowhere", PREFIX + "1", UNITE_LEGALE, ENTREPRISE_V2]
    with wire(site.program.port) as line:
        line.send(b"".join(request(path=path, token=token) for path in paths))
        assert [line.answer().status for _ in paths] == [200, 404, 422, 200, 200]


def test_garbage_behind_a_call_does_not_take_its_answer(site: Site) -> None:
    """What is no HTTP behind a call in flight is not answered in that call's place."""
    gate = Gate()
    site.provider.handler = gate
    with wire(site.program.port) as line:
        line.send(request(token=fresh()))
        assert gate.arrived.wait(LONG)
        line.send(b"garbage\r\n\r\n")
        gate.opened.set()
        data = line.some()
    assert data == b"" or data.startswith(b"HTTP/1.1 200 ")


def test_a_request_byte_by_byte(site: Site) -> None:
    """A request may come in any pieces."""
    with wire(site.program.port) as line:
        for byte in request(token=fresh()):
            line.send(bytes([byte]))
        assert line.answer().status == 200


def test_an_absolute_target(site: Site) -> None:
    """A target in absolute form, as proxies write it, is read as its path."""
    with wire(site.program.port) as line:
        line.send(request(path="http://api.example.org" + UNITE_LEGALE, token=fresh()))
        assert line.answer().status == 200


def test_a_chunked_body_of_a_get(site: Site) -> None:
    """A GET with a chunked body is answered, and its connection goes on."""
    token = fresh()
    data = request(token=token, headers={"Transfer-Encoding": "chunked"}) + b"5\r\nhello\r\n0\r\n\r\n"
    with wire(site.program.port) as line:
        for _ in range(3):
            line.send(data)
            assert line.answer().status == 200


def test_expect_100_continue(site: Site) -> None:
    """A client that asks before it sends a body gets the answer at once, or is told to go on first."""
    with wire(site.program.port) as line:
        line.send(request(token=fresh(), headers={"Expect": "100-continue", "Content-Length": "5"}))
        got = line.answer()
        if got.status == 100:
            got = line.answer()
        assert got.status == 200


def test_an_upgrade_is_ignored(site: Site) -> None:
    """A client that offers HTTP/2 or WebSocket is answered in HTTP/1.1, and its connection goes on."""
    token = fresh()
    with wire(site.program.port) as line:
        for protocol in ("h2c", "websocket"):
            line.send(request(token=token, headers={"Connection": "Upgrade", "Upgrade": protocol}))
            assert line.answer().status == 200


def test_a_pile_of_bad_calls_leaves_the_gateway_well(site: Site) -> None:
    """After all that the same process answers a good call."""
    for data, status, _ in [*REFUSED_HEADS.values()] * 3:
        with wire(site.program.port) as line:
            line.send(data)
            got: Answer = line.answer()
        assert got.status == status
        assert got.body
        assert b"Traceback" not in got.body
    assert site.call(token=fresh()).status_code == 200
    assert site.program.process.poll() is None
    errors = site.program.all_logged()
    assert "Traceback" not in errors, errors[errors.index("Traceback") - 500 :][:3000]
