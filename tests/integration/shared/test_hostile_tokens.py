"""Tokens that are none, in front of a gateway with secrets and public keys: refused, counted, and nothing fails."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.fleet import Gateway, gateway
from support.issuer import Issuer, publishing
from support.site import fresh
from support.stores import Server, until
from support.stub import Stub
from support.wire import request, wire


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


HEADERS = [
    b'{"alg":["x"]}',
    b'{"alg":{}}',
    b'{"alg":{"a":[["x"]]},"kid":{}}',
    b'{"alg":' + b"9" * 4000 + b"}",
    b'{"alg":null,"kid":null}',
    b'{"alg":true}',
    b'{"alg":' + b"[" * 2800,
    b'{"a":' * 900,
    b'{"alg":"ES256","kid":["one"]}',
    b'{"alg":"ES256","kid":1e400}',
    b'{"alg":"ES256","kid":"\\ud800"}',
    b'{"alg":"ES256\x00"}',
    b'{"alg":"none","alg":"ES256"}',
    b'{"alg":"HS256","crit":{"b64":1},"b64":false}',
    b'{"alg":"EdDSA","b64":false,"crit":["b64"]}',
    b'{"alg":"HS256","zip":"DEF"}',
    b'{"alg":"RSA-OAEP","enc":"A256GCM"}',
    b"\xff\xfe",
    b"",
]
TOKENS = [
    *(f"{_part(header)}.{_part(b'{}')}.{_part(b'x' * 64)}" for header in HEADERS),
    f"{_part(HEADERS[0])}..",
    f"{_part(HEADERS[0])}.a.b.c.d",
    "é.\x80.\xff",
    "." * 5000,
    "a" * 20_000,
]


@pytest.fixture
def member(tmp_path: Path, store: Server, provider: Stub) -> Iterator[Gateway]:
    """Two workers with secrets and a key set, whose ceiling is as many calls as there are tokens."""
    issuer = Issuer()
    settings = {"redis_url": store.url, "limit_ip": str(len(TOKENS))}
    with (
        publishing(issuer.published("one")) as keys,
        gateway(tmp_path, 2, upstream=provider.url, jwks=keys.url, **settings) as both,
    ):
        yield both


def _is_dropped(member: Gateway, source: str) -> bool:
    return member.says(request(token=fresh()), source=source) == b""


def test_each_is_refused_and_counted(member: Gateway) -> None:
    """Each is 401 `00101` and counts for its address, which the first one too many bans; no trace is written."""
    for token in TOKENS:
        answer = member.ask(token=token, source="127.0.0.2")
        assert (answer.status, answer.codes) == (401, ["00101"]), token[:80]
    assert member.says(request(token=TOKENS[0]), source="127.0.0.2") == b""
    assert _is_dropped(member, "127.0.0.2")
    assert member.ask(token=fresh()).status == 200
    assert "Traceback" not in member.all_logged()
    assert not member.logged("call_failed")


def test_megabytes_are_refused(member: Gateway) -> None:
    """A token of several megabytes is refused before it is read, and the gateway goes on."""
    with wire(member.port) as line:
        line.send(request(token="a" * 5_000_000))
        assert line.some().startswith(b"HTTP/1.1 4")
    assert member.ask(token=fresh()).status == 200


@pytest.mark.parametrize("path", ["/privileges", "/v2/privileges"])
@pytest.mark.parametrize("host", ["test", "[::1", "a:b:c", "é", "%zz", "[", "]["])
def test_the_control_plane_refuses_them_as_well(shared: Gateway, path: str, host: str) -> None:
    """`/privileges` refuses any token with 401, and takes a good one, whatever the `Host`."""
    for token in TOKENS[:12]:
        answer = shared.ask(token=token, path=path, headers={"Host": host})
        assert answer.status == 401, token[:80]
    assert shared.ask(token=fresh(), path=path, headers={"Host": host}).status == 200
    assert "Traceback" not in shared.all_logged()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, provider: Stub) -> Iterator[Gateway]:
    """A gateway that the tests of this module share."""
    with gateway(tmp_path_factory.mktemp("shared"), upstream=provider.url) as only:
        yield only


SPOILT = """
from apientreprise_gateway.auth.token import TokenVerifier
from apientreprise_gateway.dataplane import downloads


def fail(*_):
    raise LookupError("a fault\\nof ours" * 1000)


TokenVerifier.verify = fail
downloads.read_path = fail
"""
"""A program that is read at the start of Python, and has each call fail in check 3, and each download."""


def test_a_fault_in_a_check_counts_for_the_address(
    tmp_path: Path, provider: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that fails is 500 `00500`, counts for its address up to the ban, and leaves one line for all of them."""
    (tmp_path / "sitecustomize.py").write_text(SPOILT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with gateway(tmp_path, upstream=provider.url, limit_ip="20") as only:
        for _ in range(20):
            answer = only.ask(token=fresh(), source="127.0.0.2")
            assert (answer.status, answer.codes) == (500, ["00500"])
        assert only.says(request(token=fresh()), source="127.0.0.2") == b""
        until(lambda: len(only.logged("address_banned")) == 1, "it is not banned")
        (line,) = only.logged("call_failed", count=1)
        assert len(json.dumps(line)) < 1000
        assert "registry" not in line["reason"]
        assert line["at"].endswith(" authenticate")
        for path in ("/privileges", "/v2/privileges", "/documents/x"):
            for _ in range(5):
                answer = only.ask(token=fresh(), path=path, source="127.0.0.3")
                assert answer.status == 500
                assert "00500" in answer.body.decode() or path == "/v2/privileges"
        assert {line["status"] for line in only.access_lines(count=5, event="download")} == {500}
        for _ in range(15):
            assert only.ask(token=None, path="/documents/x", source="127.0.0.3").status == 500
        assert only.says(request(path="/documents/x"), source="127.0.0.3") == b"", "faults of downloads count as well"
        assert "Traceback" not in only.all_logged()
        assert len(only.logged("call_failed")) <= 5
