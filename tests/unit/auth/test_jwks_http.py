"""Tests of fetches of key sets, with the issuer's answers made at the HTTP client."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import respx
from structlog.testing import capture_logs

from apientreprise_gateway.auth import jwks as module
from apientreprise_gateway.auth.jwks import FetchError, RemoteKeySet, fetch
from support.issuer import Issuer

URL = "https://issuer.test/certs"


@pytest.fixture
def server() -> Iterator[respx.Route]:
    """The issuer; whoever asks anybody else fails."""
    with respx.mock(assert_all_called=False) as router:
        yield router.get(URL)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that last fetches are judged by; in Unix time."""
    now = [1_800_000_000.0]
    monkeypatch.setattr("apientreprise_gateway.auth.fetch_lock.time.time", lambda: now[0])
    return now


async def _refused() -> str:
    with pytest.raises(FetchError) as caught:
        await fetch(URL)
    return str(caught.value)


async def _look(keys: RemoteKeySet) -> None:
    """Follow the changes until a fetch has been made."""
    keys._renewing = None
    watch = asyncio.create_task(keys.watch())
    async with asyncio.timeout(20):
        while keys._renewing is None or not keys._renewing.done():
            await asyncio.sleep(0)
    watch.cancel()
    await asyncio.wait([watch])


async def test_a_plain_answer(server: respx.Route) -> None:
    """The body of a 200 is taken as it is, whatever it is called."""
    server.return_value = httpx.Response(200, content=b"\xffbytes", headers={"Content-Type": "text/html"})
    assert await fetch(URL) == b"\xffbytes"
    assert server.calls.last.request.headers["accept-encoding"] == "identity"
    assert "authorization" not in server.calls.last.request.headers


@pytest.mark.parametrize("status", [201, 204, 206, 301, 304, 307, 400, 401, 403, 404, 429, 500, 502, 503])
async def test_statuses_that_are_refused(server: respx.Route, status: int) -> None:
    """Only a 200 brings a key set."""
    server.return_value = httpx.Response(status, content=Issuer().published("one"))
    assert await _refused() == f"{URL} answers {status}, not 200"


async def test_a_redirection_is_not_followed(server: respx.Route) -> None:
    """Keys come from where the settings say, and from nowhere that an answer names."""
    elsewhere = respx.get("https://elsewhere.test/").mock(httpx.Response(200, content=Issuer().published("foreign")))
    for status in (301, 302, 303, 307, 308):
        server.return_value = httpx.Response(status, headers={"Location": "https://elsewhere.test/"})
        assert await _refused() == f"{URL} answers {status}, not 200"
    assert not elsewhere.called


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectTimeout("connecting"),
        httpx.ReadTimeout("reading"),
        httpx.PoolTimeout("waiting"),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("no HTTP"),
        httpx.ReadError("reset"),
        httpx.InvalidURL("no URL"),
        OSError("no certificate"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_breaks_on_the_way(server: respx.Route, error: Exception) -> None:
    """Whatever ends a fetch early is one error, which says what it was."""
    server.side_effect = error
    assert await _refused() == f"{URL} cannot be fetched ({type(error).__name__}: {error})"


async def test_an_issuer_that_does_not_answer(server: respx.Route, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch ends by itself, also where the HTTP client does not end it."""
    monkeypatch.setattr(module, "FETCH_SECONDS", 0.05)

    async def hang(_request: httpx.Request) -> httpx.Response:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    server.side_effect = hang
    assert await _refused() == f"{URL} did not answer within 0.05 s"


async def test_a_body_without_end(server: respx.Route) -> None:
    """No more of a body is read than a key set may have."""
    parts = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal parts
        while True:
            parts += 1
            yield b" " * 1024

    server.return_value = httpx.Response(200, content=endless())
    assert await _refused() == f"{URL} gives more than {module.MAX_BYTES} bytes"
    assert parts <= module.MAX_BYTES // 1024 + 64


@pytest.mark.parametrize("size", [module.MAX_BYTES, module.MAX_BYTES + 1])
async def test_the_largest_body(server: respx.Route, size: int) -> None:
    """A body of the largest size is taken, one byte more is not."""
    server.return_value = httpx.Response(200, content=b"x" * size)
    if size <= module.MAX_BYTES:
        assert len(await fetch(URL)) == size
    else:
        assert "more than" in await _refused()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"keys": {}}',
        b'{"keys": ["VERY-SECRET"]}',
        b"<html>VERY-SECRET</html>",
    ],
)
async def test_what_is_no_key_set(server: respx.Route, body: bytes) -> None:
    """What cannot be read is told of in one line that shows nothing of it, and no key comes of it."""
    server.return_value = httpx.Response(200, content=body)
    fetches: list[bool] = []
    keys = RemoteKeySet(URL, copy=None, every=3600, on_fetch=fetches.append)
    with capture_logs() as logs:
        await keys.start()
    assert (keys.keys, fetches) == ([], [False])
    assert [(line["event"], line["effect"]) for line in logs] == [
        ("jwks_unreadable", "tokens that need its keys are refused")
    ]
    assert "VERY-SECRET" not in repr(logs)


async def test_a_password_of_a_proxy_is_not_shown(server: respx.Route, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment that cannot be used is told of without its address, which may hold a password."""
    monkeypatch.setenv("HTTPS_PROXY", "ftp://user:VERY-SECRET@proxy.test:x")
    keys = RemoteKeySet(URL, copy=None, every=3600)
    with capture_logs() as logs:
        await keys.start()
    assert [line["event"] for line in logs] == ["jwks_unreadable"]
    assert "VERY-SECRET" not in repr(logs)
    assert not server.called


async def test_retries_follow_the_clock(server: respx.Route, now: list[float]) -> None:
    """A fetch that failed is tried again after 5 s as long as there are no keys, then after 30 s, then in its hour."""
    server.side_effect = httpx.ConnectTimeout("connecting")
    keys = RemoteKeySet(URL, copy=None, every=3600)
    await keys.start()
    assert (server.call_count, keys._pause()) == (1, module.FIRST_RETRY_SECONDS)
    now[0] += module.FIRST_RETRY_SECONDS
    await _look(keys)
    assert server.call_count == 2
    server.side_effect = None
    server.return_value = httpx.Response(200, content=Issuer().published("one"))
    now[0] += module.FIRST_RETRY_SECONDS
    await _look(keys)
    assert ([key.kid for key in keys.keys], keys._pause()) == (["one"], 3600)
    server.return_value = httpx.Response(503)
    now[0] += 3600
    await _look(keys)
    assert ([key.kid for key in keys.keys], keys._pause()) == (["one"], module.RETRY_SECONDS)
    assert server.call_count == 4


async def test_unknown_keys_follow_the_clock(server: respx.Route, now: list[float]) -> None:
    """However many tokens name unknown keys, the issuer is asked once a minute."""
    server.return_value = httpx.Response(200, content=Issuer().published("one"))
    keys = RemoteKeySet(URL, copy=None, every=3600)
    await keys.start()
    for seconds, asked in ((0, 1), (module.UNKNOWN_KEY_SECONDS - 1, 1), (1, 2), (59, 2), (1, 3)):
        now[0] += seconds
        await asyncio.gather(*(keys.renew() for _ in range(20)))
        assert server.call_count == asked
