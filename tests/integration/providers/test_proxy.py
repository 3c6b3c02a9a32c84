"""Calls to a provider through a proxy."""

import asyncio
import ssl
from collections.abc import Iterator

import pytest

from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.pool import Pool
from apientreprise_gateway.upstream.proxy import Proxy, parse_proxy
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.tls import client_context
from support.certificates import Authority
from support.proxy import proxy
from support.site import LONG, hang
from support.stores import free_port
from support.stub import Stub, always, answer, stub

pytestmark = pytest.mark.uvloop

ANSWER = always(answer(b"{}"))
SECRET = b"Authorization: Bearer of-the-provider\r\n"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def tls(ca: Authority) -> ssl.SSLContext:
    """Trust in it."""
    return client_context(ca=ca.file)


@pytest.fixture(params=["http", "https"])
def provider(request: pytest.FixtureRequest, ca: Authority) -> Iterator[Stub]:
    """A provider, in the clear or with TLS."""
    context = ca.sign("provider").server_context() if request.param == "https" else None
    with stub(ANSWER, tls=context) as started:
        yield started


async def _get(url: str, through: str, tls: ssl.SSLContext, *, times: int = 1, timeout: float = LONG) -> Response:
    pool = Pool(f"{url}/base", timeout=timeout, max_body=1000, user_agent="tests", tls=tls, proxy=through)
    try:
        for _ in range(times):
            response = await pool.get("/path?query=1", request_id="r", headers=SECRET)
        return response
    finally:
        pool.close()


async def _fails(url: str, through: str, tls: ssl.SSLContext, *, timeout: float = LONG) -> CallError:
    with pytest.raises(CallError) as caught:
        await _get(url, through, tls, timeout=timeout)
    return caught.value


@pytest.mark.parametrize("credentials", [None, "user:pass"])
async def test_both_ways_through(provider: Stub, tls: ssl.SSLContext, credentials: str | None) -> None:
    """A provider is reached through a proxy, in absolute form in the clear and in a tunnel with TLS."""
    with proxy(credentials=credentials) as between:
        assert (await _get(provider.url, between.url, tls, times=3)).status == 200
    host = provider.url.partition("//")[2]
    first = "CONNECT " + host if provider.tls else f"GET {provider.url}/base/path?query=1"
    assert between.heads[0].startswith(f"{first} HTTP/1.1\r\nHost: {host}\r\n")
    assert [head.split(" ")[1] for head in provider.requests] == ["/base/path?query=1"] * 3
    assert all("proxy-authorization" not in head.lower() for head in provider.requests)
    assert all("of-the-provider" in head for head in provider.requests)
    if provider.tls:
        assert (len(between.heads), provider.connections) == (1, 1), "the tunnel is kept"
        assert b"of-the-provider" not in between.carried
        assert "of-the-provider" not in "".join(between.heads)


async def test_a_password_with_special_characters(provider: Stub, tls: ssl.SSLContext) -> None:
    """User and password are written in the address as a URL has them."""
    with proxy(credentials="us@er:p:ä/ss") as between:
        url = between.url.replace("us@er:p:ä/ss", "us%40er:p:%C3%A4%2Fss")
        assert (await _get(provider.url, url, tls)).status == 200


async def test_a_name_that_only_the_proxy_knows(tls: ssl.SSLContext) -> None:
    """It is the proxy that resolves the provider's name."""
    with proxy(reply=answer(b"{}")) as between:
        assert (await _get("http://only-inside.invalid", between.url, tls)).status == 200
        assert "Host: only-inside.invalid\r\n" in between.heads[0]


async def test_the_certificate_is_the_providers(ca: Authority, tls: ssl.SSLContext) -> None:
    """Inside the tunnel it is the provider's name that its certificate must have."""
    other = ca.sign("other", names=("elsewhere.example",))
    with stub(ANSWER, tls=other.server_context()) as provider, proxy() as between:
        assert (await _fails(provider.url, between.url, tls)).fault is Fault.CERTIFICATE
        assert provider.requests == []


@pytest.mark.parametrize("credentials", ["other:pass", None])
async def test_a_proxy_that_refuses_us(provider: Stub, tls: ssl.SSLContext, credentials: str | None) -> None:
    """A proxy that wants other credentials is network trouble, without a word of those that it got."""
    with proxy(credentials="user:pass") as between:
        given = "" if credentials is None else f"{credentials}@"
        error = await _fails(provider.url, f"http://{given}127.0.0.1:{between.port}", tls)
    assert error.fault is Fault.NETWORK
    assert "407" in str(error)
    assert "other" not in str(error)
    assert provider.requests == []


async def test_a_proxy_that_is_down(provider: Stub, tls: ssl.SSLContext) -> None:
    """A proxy that refuses connections is network trouble: the provider may be well."""
    error = await _fails(provider.url, f"http://127.0.0.1:{free_port()}", tls)
    assert error.fault is Fault.NETWORK
    assert "proxy" in str(error)


async def test_a_proxy_without_an_address(provider: Stub, tls: ssl.SSLContext) -> None:
    """A proxy whose name does not resolve is network trouble, not a fault of the provider's name."""
    error = await _fails(provider.url, "http://nosuch.invalid:3128", tls)
    assert error.fault is Fault.NETWORK
    assert "proxy" in str(error)


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"no", status=502),
        answer(b"no", status=403),
        b"HTTP/1.1 302 Found\r\nlocation: http://login.example/\r\ncontent-length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
        b"HTTP/1.1 200 OK\r\n\r\nThis is no TLS at all, but what a captive portal may say",
    ],
    ids=["502", "403", "redirection", "not HTTP", "endless head", "no tunnel"],
)
async def test_a_tunnel_that_is_not_made(ca: Authority, tls: ssl.SSLContext, reply: bytes) -> None:
    """Whatever else a proxy answers than a tunnel is network trouble."""
    with stub(ANSWER, tls=ca.sign("provider").server_context()) as provider, proxy(reply=reply) as between:
        assert (await _fails(provider.url, between.url, tls, timeout=5)).fault is Fault.NETWORK


async def test_a_proxy_that_finds_no_provider(tls: ssl.SSLContext) -> None:
    """A proxy that cannot connect to the provider is network trouble: it does not say why."""
    with proxy() as between:
        assert (await _fails(f"https://127.0.0.1:{free_port()}", between.url, tls)).fault is Fault.NETWORK


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_proxy_that_hangs(ca: Authority, tls: ssl.SSLContext, reply: bytes) -> None:
    """The one deadline covers the tunnel and the handshake inside."""
    with stub(ANSWER, tls=ca.sign("provider").server_context()) as provider:

        async def silent(target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(reply)
            await hang(target, reader, writer)
            await reader.read()

        with stub(silent) as between:
            assert (await _fails(provider.url, between.url, tls, timeout=0.5)).fault is Fault.TIMEOUT
            assert await asyncio.to_thread(between.closed.wait, LONG)


@pytest.mark.parametrize(
    "url",
    [
        "https://h:1",
        "h:1",
        "//h:1",
        "http://:3128",
        "http://u:SECRET@h:99999",
        "http://u:SECRET@h/path",
        "http://h?SECRET",
    ],
)
def test_an_address_that_is_no_proxy(url: str) -> None:
    """What cannot be the address of a proxy is refused, and not repeated."""
    with pytest.raises(ValueError, match="http://") as caught:
        parse_proxy(url)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_password_is_not_shown() -> None:
    """No representation of a proxy has its password."""
    assert "SECRET" not in repr(parse_proxy("http://user:SECRET@host:3128"))
    assert parse_proxy("http://host") == Proxy("host", 3128)
