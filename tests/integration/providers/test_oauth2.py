"""Calls to a provider with tokens of a token server."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from apientreprise_gateway.upstream import oauth2, token_endpoint
from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.oauth2 import ClientCredentials
from apientreprise_gateway.upstream.pool import Pool
from apientreprise_gateway.upstream.tls import client_context
from apientreprise_gateway.upstream.token_endpoint import TokenEndpoint
from support.certificates import Authority
from support.proxy import proxy
from support.site import LONG
from support.stores import free_port
from support.stub import Stub, answer, stub
from support.token_server import CLIENT_SECRET, TokenServer, token_server

pytestmark = pytest.mark.uvloop


@pytest.fixture
def server() -> Iterator[TokenServer]:
    """A token server."""
    with token_server() as started:
        yield started


def _in_time() -> float:
    return asyncio.get_running_loop().time() + LONG


async def _line(credentials: ClientCredentials) -> str:
    return (await credentials.headers(_in_time())).decode()


async def _fault(credentials: ClientCredentials) -> tuple[Fault, str]:
    with pytest.raises(CallError) as caught:
        await credentials.headers(_in_time())
    return caught.value.fault, str(caught.value)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG):
        while not holds():
            await asyncio.sleep(0.001)


def _line_of(number: int) -> str:
    return f"Authorization: Bearer token-{number}\r\n"


@pytest.mark.parametrize("by", ["basic", "post"])
async def test_what_is_asked_for(server: TokenServer, by: Any) -> None:
    """A token is asked for once, by the client that we are, with scope and audience where they are given."""
    plain = ClientCredentials(TokenEndpoint(**server.given, client_auth=by))
    assert [await _line(plain) for _ in range(3)] == [_line_of(1)] * 3
    await _line(ClientCredentials(TokenEndpoint(**server.given, client_auth=by, scope="a b", audience="https://x")))
    who = {"grant_type": "client_credentials", "client": "the-client", "secret": CLIENT_SECRET, "by": by}
    assert server.forms == [who, who | {"scope": "a b", "audience": "https://x"}]


async def test_one_fetch_for_all_that_wait(server: TokenServer) -> None:
    """Fifty calls that need a token at once share one fetch."""
    credentials = ClientCredentials(TokenEndpoint(**server.given))
    server.open.clear()
    calls = [asyncio.create_task(_line(credentials)) for _ in range(50)]
    await _until(lambda: bool(server.forms))
    server.open.set()
    assert await asyncio.gather(*calls) == [_line_of(1)] * 50
    assert len(server.forms) == 1


async def test_a_token_is_renewed_before_its_end(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a new token is fetched the old one is sent, and no call waits."""
    monkeypatch.setattr(oauth2, "RENEWAL", 0)
    credentials = ClientCredentials(TokenEndpoint(**server.given))
    assert await _line(credentials) == _line_of(1)
    server.open.clear()
    assert [await _line(credentials) for _ in range(20)] == [_line_of(1)] * 20
    await _until(lambda: len(server.forms) == 2)
    assert [await _line(credentials) for _ in range(20)] == [_line_of(1)] * 20
    assert len(server.forms) == 2
    monkeypatch.setattr(oauth2, "RENEWAL", 1)
    server.open.set()
    async with asyncio.timeout(LONG):
        while await _line(credentials) != _line_of(2):
            await asyncio.sleep(0.001)
    credentials.close()


async def test_a_token_that_has_ended_is_not_sent(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token at its end is replaced before the call."""
    monkeypatch.setattr(oauth2, "END", 0)
    credentials = ClientCredentials(TokenEndpoint(**server.given))
    assert [await _line(credentials) for _ in range(3)] == [_line_of(1), _line_of(2), _line_of(3)]


@pytest.mark.parametrize(
    ("told", "renewed", "ended"),
    [
        (3600, 2880, 3420),
        ("3600", 2880, 3420),
        (None, 240, 285),
        (True, 240, 285),
        ("soon", 240, 285),
        (0, 4, 4.75),
        (-1, 4, 4.75),
        (10**9, 69_120, 82_080),
        (1e300, 69_120, 82_080),
    ],
)
def test_lifetimes(told: object, renewed: float, ended: float) -> None:
    """A token is renewed at four fifths of its life, which is limited whatever the server says."""
    seconds = token_endpoint._lifetime(told)
    assert (oauth2.RENEWAL * seconds, oauth2.END * seconds) == pytest.approx((renewed, ended))


async def test_a_failed_renewal_keeps_the_token(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token in force is sent as long as it is valid, and its server is not asked again for each call."""
    monkeypatch.setattr(oauth2, "RENEWAL", 0)
    monkeypatch.setattr(oauth2, "FIRST_PAUSE", 1000.0)
    credentials = ClientCredentials(TokenEndpoint(**server.given))
    assert await _line(credentials) == _line_of(1)
    server.raw = answer(b"out of order", status=503)
    with structlog.testing.capture_logs() as told:
        async with asyncio.timeout(LONG):
            while not told:
                assert await _line(credentials) == _line_of(1)
                await asyncio.sleep(0.001)
        for _ in range(50):
            assert await _line(credentials) == _line_of(1)
    assert [line["event"] for line in told] == ["token_not_fetched"]
    assert told[0]["server"] == server.url
    assert "503" in told[0]["reason"]
    assert len(server.forms) == 2


WRONG: dict[str, tuple[bytes, Fault, str]] = {
    "invalid client": (answer(b'{"error":"invalid_client"}', status=401), Fault.CREDENTIALS, "401 (invalid_client)"),
    "bad request": (answer(b"<html>", status=400), Fault.CREDENTIALS, "400"),
    "an error that is no code": (answer(b'{"error":"<b>Boom"}', status=400), Fault.CREDENTIALS, "400"),
    "out of order": (answer(b"{}", status=500), Fault.NO_CREDENTIALS, "500"),
    "elsewhere": (b"HTTP/1.1 302 Found\r\nlocation: http://x.invalid/\r\n\r\n", Fault.NO_CREDENTIALS, "302"),
    "HTML": (answer(b"<html>"), Fault.NO_CREDENTIALS, "not a bearer token"),
    "no token": (answer(b'{"token_type":"bearer"}'), Fault.NO_CREDENTIALS, "not a bearer token"),
    "a list": (answer(b"[]"), Fault.NO_CREDENTIALS, "not a bearer token"),
    "another kind": (
        answer(b'{"access_token":"t","token_type":"mac"}'),
        Fault.NO_CREDENTIALS,
        "not a bearer token",
    ),
    "a number": (answer(b'{"access_token":5}'), Fault.NO_CREDENTIALS, "not a bearer token"),
    "an injection": (answer(b'{"access_token":"t\\r\\nHost: x"}'), Fault.NO_CREDENTIALS, "header"),
    "an empty token": (answer(b'{"access_token":""}'), Fault.NO_CREDENTIALS, "header"),
    "compressed": (
        answer(b"\x1f\x8b\x08").replace(b"\r\n", b"\r\ncontent-encoding: gzip\r\n", 1),
        Fault.NO_CREDENTIALS,
        "not a bearer token",
    ),
    "too much": (answer(b" " * 10_000_000), Fault.NO_CREDENTIALS, "too long"),
    "a short body": (answer(b"{}").replace(b": 2", b": 200"), Fault.NO_CREDENTIALS, ""),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", Fault.NO_CREDENTIALS, ""),
    "nothing": (b"", Fault.NO_CREDENTIALS, ""),
}


@pytest.mark.parametrize("name", WRONG)
async def test_no_token(server: TokenServer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a token server does wrong has its fault, is asked again after a pause only, and shows no secret."""
    monkeypatch.setattr(oauth2, "FIRST_PAUSE", 1000.0)
    server.raw, fault, words = WRONG[name]
    credentials = ClientCredentials(TokenEndpoint(**server.given))
    with structlog.testing.capture_logs() as told:
        results = [await _fault(credentials) for _ in range(5)]
    assert {given for given, _ in results} == {fault}
    assert words in results[0][1]
    assert len(told) == 1
    _assert_no_secret(results, told, credentials, credentials._token, credentials._failure)
    assert len(server.forms) == 1


def _assert_no_secret(*shown: object) -> None:
    assert CLIENT_SECRET not in repr(shown)
    assert "the+secret+of" not in repr(shown)
    assert "token-1" not in repr(shown)


async def test_secrets_are_not_shown(server: TokenServer) -> None:
    """No representation of credentials or of a pool that has them shows a secret."""
    credentials = ClientCredentials(TokenEndpoint(**server.given, proxy="http://user:the+secret+of@127.0.0.1:1"))
    own = ClientCredentials(TokenEndpoint(**server.given))
    await _line(own)
    pool = Pool("http://127.0.0.1", timeout=1, max_body=1, user_agent="tests", credentials=own)
    _assert_no_secret(await _fault(credentials), credentials, own, pool)


async def test_recovery(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the pause the token server is asked again, and what it gives is told of once."""
    monkeypatch.setattr(oauth2, "FIRST_PAUSE", 0.0)
    credentials = ClientCredentials(TokenEndpoint(**server.given))
    server.raw = answer(b"{}", status=500)
    with structlog.testing.capture_logs() as told:
        for _ in range(3):
            await _fault(credentials)
        server.raw = None
        assert await _line(credentials) == _line_of(4)
    assert [line["event"] for line in told] == ["token_not_fetched", "token_fetched"]
    _assert_no_secret(told)


async def test_pauses_become_longer(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause between fetches that fail doubles, up to a limit, and begins anew after one that does not."""
    monkeypatch.setattr(oauth2, "FIRST_PAUSE", 1.0)
    credentials = ClientCredentials(TokenEndpoint(**server.given))
    server.raw = answer(b"{}", status=500)
    pauses = []
    for _ in range(8):
        await credentials._fetch_once()
        pauses.append(round(credentials._retry_at - asyncio.get_running_loop().time()))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    server.raw = None
    await credentials._fetch_once()
    server.raw = answer(b"{}", status=500)
    await credentials._fetch_once()
    assert round(credentials._retry_at - asyncio.get_running_loop().time()) == 1


async def test_a_token_server_that_is_down() -> None:
    """A token server that refuses connections, or has no address, gives no token."""
    for url in (f"http://127.0.0.1:{free_port()}/", "http://nosuch.invalid/", "https://127.0.0.1:1/?q=s"):
        credentials = ClientCredentials(TokenEndpoint(token_url=url, client_id="x", client_secret="y"))
        assert (await _fault(credentials))[0] is Fault.NO_CREDENTIALS


@pytest.mark.parametrize("drips", [False, True])
async def test_a_fetch_has_an_end(server: TokenServer, drips: bool) -> None:
    """A token server that hangs or drips is given up after the time that a fetch may take."""
    server.drips = drips
    if not drips:
        server.open.clear()
    credentials = ClientCredentials(TokenEndpoint(**server.given, timeout=0.3))
    fault, text = await _fault(credentials)
    assert fault is Fault.NO_CREDENTIALS
    assert "0.3 s" in text


async def test_no_call_waits_beyond_its_deadline(server: TokenServer) -> None:
    """A call gives up waiting at its own deadline, and the fetch goes on for those that have more time."""
    credentials = ClientCredentials(TokenEndpoint(**server.given))
    server.open.clear()
    patient = asyncio.create_task(_line(credentials))
    await _until(lambda: bool(server.forms))
    with pytest.raises(CallError) as caught:
        await credentials.headers(asyncio.get_running_loop().time() + 0.1)
    assert caught.value.fault is Fault.TIMEOUT
    cancelled = asyncio.create_task(_line(credentials))
    await asyncio.sleep(0)
    cancelled.cancel()
    server.open.set()
    assert await patient == _line_of(1)
    assert len(server.forms) == 1


async def test_the_way_to_a_token_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A token server is reached with an authority of its own, with our certificate, through a proxy."""
    ca = Authority(tmp_path_factory.mktemp("ca"))
    ours = ca.sign("ours")
    trusting = client_context(ca=ca.file)
    showing = client_context(ca=ca.file, certificate=ours.certificate, key=ours.key)

    async def main(server: TokenServer, through: str) -> None:
        for tls, well in ((showing, True), (trusting, False), (None, False)):
            credentials = ClientCredentials(TokenEndpoint(**server.given, tls=tls, proxy=through))
            if well:
                assert await _line(credentials) == _line_of(1)
            else:
                assert (await _fault(credentials))[0] is Fault.NO_CREDENTIALS

    context = ca.sign("server").server_context(clients=ca.file)
    with token_server(tls=context) as server, proxy(credentials="user:pass") as between:
        await main(server, between.url)
        assert all(head.startswith("CONNECT ") for head in between.heads)
        assert b"the-client" not in between.carried
    assert len(server.forms) == 1


async def test_the_environment_names_no_proxy(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the settings say what fetches go through."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    assert await _line(ClientCredentials(TokenEndpoint(**server.given))) == _line_of(1)


# Calls that carry tokens.


@contextmanager
def _provider(valid: Callable[[], int]) -> Iterator[Stub]:
    """A provider that accepts one token, by its number."""

    async def handler(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        good = _line_of(valid()) in started.requests[-1]
        writer.write(answer(b"{}") if good else answer(b"?" * 100_000, status=401))

    with stub(handler) as started:
        yield started


@contextmanager
def _calls(provider: Stub, server: TokenServer) -> Iterator[Pool]:
    pool = Pool(
        provider.url,
        timeout=LONG,
        max_body=1_000_000,
        user_agent="tests",
        credentials=ClientCredentials(TokenEndpoint(**server.given)),
    )
    yield pool
    pool.close()


async def test_calls_carry_the_token(server: TokenServer) -> None:
    """Each call has the token, among its other headers, and one connection is enough."""
    with _provider(lambda: 1) as provider:
        with _calls(provider, server) as pool:
            for _ in range(3):
                response = await pool.get("/path", request_id="r", headers=b"X-Other: 1\r\n")
                assert response.status == 200
        assert provider.connections == 1
        assert all(head.endswith("X-Other: 1\r\n" + _line_of(1) + "\r\n") for head in provider.requests)


async def test_a_refused_token_is_replaced(server: TokenServer) -> None:
    """A call whose token the provider does not know any more is made again with a new one, in the same deadline."""
    valid = 1
    with _provider(lambda: valid) as provider:
        with _calls(provider, server) as pool:
            assert (await pool.get("/", request_id="r")).status == 200
            valid = 2
            assert (await pool.get("/", request_id="r")).status == 200
            assert (await pool.get("/", request_id="r")).status == 200
        assert (len(provider.requests), len(server.forms)) == (4, 2)


async def test_one_fetch_for_all_that_are_refused(server: TokenServer) -> None:
    """Fifty calls refused at once cause one fetch, and all are answered."""
    valid = 1
    with _provider(lambda: valid) as provider:
        with _calls(provider, server) as pool:
            assert (await pool.get("/", request_id="r")).status == 200
            valid = 2
            answers = await asyncio.gather(*(pool.get("/", request_id="r") for _ in range(50)))
            assert {response.status for response in answers} == {200}
        assert len(server.forms) == 2


async def test_a_provider_that_refuses_every_token(server: TokenServer) -> None:
    """A provider that refuses new tokens too is asked twice once, then once per call, and no token is fetched again."""
    with _provider(lambda: 0) as provider:
        with _calls(provider, server) as pool:
            for _ in range(10):
                assert (await pool.get("/", request_id="r")).status == 401
        assert (len(provider.requests), len(server.forms)) == (11, 2)


async def test_a_refusal_while_the_token_server_is_down(server: TokenServer) -> None:
    """Where no other token can be had the provider's refusal stands."""
    with _provider(lambda: 0) as provider, _calls(provider, server) as pool:
        server.lifetime = 3600
        await pool.get("/", request_id="r")
        server.raw = answer(b"{}", status=500)
        assert (await pool.get("/", request_id="r")).status == 401


async def test_calls_that_wait_for_a_token_are_under_way(server: TokenServer) -> None:
    """They count for the cap, so that a token server that hangs does not gather calls without end."""
    with _provider(lambda: 1) as provider:
        credentials = ClientCredentials(TokenEndpoint(**server.given))
        given: dict[str, Any] = {"timeout": LONG, "max_body": 1000, "user_agent": "tests", "max_calls": 3}
        pool = Pool(provider.url, **given, credentials=credentials)
        server.open.clear()
        waiting = [asyncio.create_task(pool.get("/", request_id="r")) for _ in range(3)]
        await _until(lambda: bool(server.forms))
        with pytest.raises(CallError) as caught:
            await pool.get("/", request_id="r")
        assert caught.value.fault is Fault.BUSY
        server.open.set()
        assert {response.status for response in await asyncio.gather(*waiting)} == {200}
        pool.close()


async def test_the_end_of_a_gateway_ends_its_fetch(server: TokenServer) -> None:
    """A pool that is closed leaves no fetch under way."""
    credentials = ClientCredentials(TokenEndpoint(**server.given))
    server.open.clear()
    waiting = asyncio.create_task(_line(credentials))
    await _until(lambda: bool(server.forms))
    pool = Pool("http://127.0.0.1", timeout=1, max_body=1, user_agent="tests", credentials=credentials)
    pool.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert asyncio.all_tasks() == {asyncio.current_task()}
