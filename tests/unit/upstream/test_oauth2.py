"""Tests of tokens for providers, with the token server's answers made at the HTTP client."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx
from structlog.testing import capture_logs

from apientreprise_gateway.upstream import oauth2
from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.oauth2 import ClientCredentials
from apientreprise_gateway.upstream.token_endpoint import MAX_ANSWER_BYTES, TokenEndpoint

URL = "https://tokens.test/oauth/token"
SECRET = "the-secret-of-the-client"
GIVEN: dict[str, Any] = {"token_url": URL, "client_id": "the-client", "client_secret": SECRET}
LONG = 20.0


class Clock:
    """The time of the running loop, put forward by hand."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._real = loop.time
        self.ahead = 0.0

    def __call__(self) -> float:
        """Seconds, from an instant of the past."""
        return self._real() + self.ahead


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the test's loop."""
    loop = asyncio.get_running_loop()
    clock = Clock(loop)
    monkeypatch.setattr(loop, "time", clock)
    return clock


@pytest.fixture
def server() -> Iterator[respx.Route]:
    """The token server; whoever asks anybody else fails."""
    with respx.mock(assert_all_called=False) as router:
        yield router.post(URL)


def _token(name: str, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"access_token": name, "token_type": "Bearer", **more})


async def _line(credentials: ClientCredentials) -> bytes:
    return await credentials.headers(asyncio.get_running_loop().time() + LONG)


async def _fault(credentials: ClientCredentials) -> tuple[Fault, str]:
    with pytest.raises(CallError) as caught:
        await _line(credentials)
    return caught.value.fault, str(caught.value).removeprefix(f"{caught.value.fault.value}: ")


async def test_the_form_of_a_request(server: respx.Route) -> None:
    """A token is asked for in a form, with the grant and no more than was given; the secret goes in a header."""
    server.return_value = _token("one")
    assert await _line(ClientCredentials(TokenEndpoint(**GIVEN, scope="a b"))) == b"Authorization: Bearer one\r\n"
    request = server.calls.last.request
    assert parse_qs(request.content.decode()) == {"grant_type": ["client_credentials"], "scope": ["a b"]}
    assert request.headers["authorization"].startswith("Basic ")
    assert request.headers["accept-encoding"] == "identity"
    assert SECRET not in request.content.decode()


@pytest.mark.parametrize("status", [200, 201, 203])
async def test_statuses_that_bring_a_token(server: respx.Route, status: int) -> None:
    """A token counts with every status that says that all went well."""
    server.return_value = httpx.Response(status, json={"access_token": "one"})
    assert await _line(ClientCredentials(TokenEndpoint(**GIVEN))) == b"Authorization: Bearer one\r\n"


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (301, Fault.NO_CREDENTIALS),
        (307, Fault.NO_CREDENTIALS),
        (400, Fault.CREDENTIALS),
        (401, Fault.CREDENTIALS),
        (403, Fault.CREDENTIALS),
        (404, Fault.NO_CREDENTIALS),
        (408, Fault.NO_CREDENTIALS),
        (429, Fault.NO_CREDENTIALS),
        (500, Fault.NO_CREDENTIALS),
        (503, Fault.NO_CREDENTIALS),
    ],
)
async def test_statuses_that_bring_none(server: respx.Route, status: int, fault: Fault) -> None:
    """A token in an answer that says that something went wrong is not used; only refusals blame our credentials."""
    server.return_value = httpx.Response(status, json={"access_token": "one", "error": "invalid_client"})
    assert await _fault(ClientCredentials(TokenEndpoint(**GIVEN))) == (fault, f"it answered {status} (invalid_client)")


async def test_a_redirection_is_not_followed(server: respx.Route) -> None:
    """The secret is not carried to where the token server points."""
    elsewhere = respx.post("https://elsewhere.test/").mock(_token("stolen"))
    for status in (301, 302, 303, 307, 308):
        server.return_value = httpx.Response(status, headers={"Location": "https://elsewhere.test/"})
        assert await _fault(ClientCredentials(TokenEndpoint(**GIVEN))) == (
            Fault.NO_CREDENTIALS,
            f"it answered {status}",
        )
    assert not elsewhere.called


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectTimeout("connecting"),
        httpx.ReadTimeout("reading"),
        httpx.WriteTimeout("writing"),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("no HTTP"),
        httpx.ReadError("reset"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_breaks_on_the_way(server: respx.Route, error: httpx.HTTPError) -> None:
    """Whatever ends a request early is named, once in the logs, and without the secret."""
    server.side_effect = error
    credentials = ClientCredentials(TokenEndpoint(**GIVEN))
    with capture_logs() as logs:
        faults = [await _fault(credentials) for _ in range(3)]
    assert faults == [(Fault.NO_CREDENTIALS, f"{type(error).__name__}: {error}")] * 3
    assert [(line["event"], line["server"], line["effect"]) for line in logs] == [
        ("token_not_fetched", URL, "calls are refused")
    ]
    assert server.call_count == 1
    assert SECRET not in repr((faults, logs))


async def test_a_server_that_does_not_answer(server: respx.Route) -> None:
    """A fetch ends by itself, also where the HTTP client does not end it."""

    async def hang(_request: httpx.Request) -> httpx.Response:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    server.side_effect = hang
    assert await _fault(ClientCredentials(TokenEndpoint(**GIVEN, timeout=0.05))) == (
        Fault.NO_CREDENTIALS,
        "no answer within 0.05 s",
    )


async def test_a_body_without_end(server: respx.Route) -> None:
    """No more of an answer is read than it may have."""
    parts = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal parts
        while True:
            parts += 1
            yield b" " * 1024

    server.return_value = httpx.Response(200, content=endless())
    assert await _fault(ClientCredentials(TokenEndpoint(**GIVEN))) == (Fault.NO_CREDENTIALS, "its answer is too long")
    assert parts <= MAX_ANSWER_BYTES // 1024 + 64


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"token"', b"\xff\xfe", b'{"access_token": null}', b'{"access_token": {"a": 1}}'],
)
async def test_what_is_no_token(server: respx.Route, body: bytes) -> None:
    """An answer without a token in it is told as such, whatever it is."""
    server.return_value = httpx.Response(200, content=body)
    assert await _fault(ClientCredentials(TokenEndpoint(**GIVEN))) == (
        Fault.NO_CREDENTIALS,
        "its answer is not a bearer token",
    )


async def test_the_content_type_does_not_matter(server: respx.Route) -> None:
    """JSON is read under whatever name it comes."""
    server.return_value = httpx.Response(200, content=b'{"access_token": "one"}', headers={"Content-Type": "text/html"})
    assert await _line(ClientCredentials(TokenEndpoint(**GIVEN))) == b"Authorization: Bearer one\r\n"


async def test_retries_follow_the_clock(server: respx.Route, clock: Clock) -> None:
    """After a failure nobody asks before the pause is over; each pause is twice the one before, a minute at most."""
    server.side_effect = httpx.ConnectTimeout("connecting")
    credentials = ClientCredentials(TokenEndpoint(**GIVEN))
    asked = 0
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        await _fault(credentials)
        asked += 1
        clock.ahead += pause * 0.9
        await _fault(credentials)
        assert server.call_count == asked, "the pause is not over"
        clock.ahead += pause * 0.1
    server.side_effect = None
    server.return_value = _token("one")
    assert await _line(credentials) == b"Authorization: Bearer one\r\n"
    assert server.call_count == asked + 1


async def test_a_token_in_use_follows_the_clock(server: respx.Route, clock: Clock) -> None:
    """A token is renewed in the background after four fifths of its lifetime, and not sent in its last twentieth."""
    server.side_effect = [_token(name, expires_in=1000) for name in ("one", "two", "three")]
    credentials = ClientCredentials(TokenEndpoint(**GIVEN))
    assert await _line(credentials) == b"Authorization: Bearer one\r\n"
    clock.ahead += 790
    assert await _line(credentials) == b"Authorization: Bearer one\r\n"
    assert server.call_count == 1
    clock.ahead += 20
    assert await _line(credentials) == b"Authorization: Bearer one\r\n", "nobody waits for the new one"
    assert credentials._fetching is not None
    await credentials._fetching
    assert await _line(credentials) == b"Authorization: Bearer two\r\n"
    clock.ahead += 960
    assert await _line(credentials) == b"Authorization: Bearer three\r\n", "the one in force has all but ended"
    assert server.call_count == 3


async def test_a_refused_token_is_replaced_once_a_minute(server: respx.Route, clock: Clock) -> None:
    """A provider that refuses every token does not make us ask for one with each call."""
    server.side_effect = [_token(f"{number}") for number in range(3)]
    credentials = ClientCredentials(TokenEndpoint(**GIVEN))
    line = await _line(credentials)
    for asked in (2, 3):
        for _ in range(3):
            line = await credentials.headers(clock() + LONG, refused=line)
        assert server.call_count == asked
        clock.ahead += oauth2.REFUSAL_PAUSE


async def test_no_line_shows_a_secret(server: respx.Route) -> None:
    """Neither the secret of the client nor a token is in a line or in a fault, in good times and in bad."""
    credentials = ClientCredentials(TokenEndpoint(**GIVEN, client_auth="post"))
    with capture_logs() as logs:
        server.return_value = httpx.Response(401, json={"error": SECRET, "error_description": SECRET})
        faults = [await _fault(credentials)]
        credentials._retry_at = 0.0
        server.return_value = _token("a-token", token_type=SECRET)
        faults.append(await _fault(credentials))
        credentials._retry_at = 0.0
        server.return_value = _token("a-token")
        await _line(credentials)
    assert [line["event"] for line in logs] == ["token_not_fetched", "token_fetched"]
    assert SECRET not in repr((faults, logs))
    assert "a-token" not in repr((faults, logs))
