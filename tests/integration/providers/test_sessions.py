"""TLS sessions: who is spared a full handshake, and who is not."""

import asyncio
import ssl
from pathlib import Path

import pytest

from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.pool import Pool
from apientreprise_gateway.upstream.sessions import GIVEN_UP_SECONDS, VERIFIED_SECONDS, Sessions, resume_in
from apientreprise_gateway.upstream.tls import client_context
from support.certificates import Authority, Signed
from support.site import LONG
from support.stub import Stub, answer, stub

pytestmark = pytest.mark.uvloop

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class Handshakes:
    """A handler that notes of each call whether its connection resumed a session."""

    def __init__(self) -> None:
        self.resumed: list[bool] = []

    async def __call__(self, _target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer."""
        self.resumed.append(writer.get_extra_info("ssl_object").session_reused)
        writer.write(answer(b"{}"))


class Clock:
    """A clock that is set."""

    now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(ca: Authority) -> Signed:
    """The certificate of the provider."""
    return ca.sign("server")


async def _call(provider: Stub, tls: ssl.SSLContext, *, times: int = 1) -> None:
    """Make calls, each on a connection of its own."""
    for _ in range(times):
        pool = Pool(provider.url, timeout=LONG, max_body=1000, user_agent="tests", tls=tls)
        try:
            assert (await pool.get("/", request_id="r")).status == 200
        finally:
            pool.close()


@pytest.mark.parametrize("version", VERSIONS)
async def test_further_connections_resume(ca: Authority, server: Signed, version: ssl.TLSVersion) -> None:
    """Only the first connection to a provider makes a full handshake."""
    context, seen = server.server_context(), Handshakes()
    context.maximum_version = version
    with stub(seen, tls=context) as provider:
        await _call(provider, client_context(ca=ca.file), times=4)
    assert seen.resumed == [False, True, True, True]


async def test_other_credentials_resume_nothing(ca: Authority, server: Signed, tmp_path: Path) -> None:
    """A session is not used with another client certificate, nor with other authorities."""
    seen, mine, other = Handshakes(), ca.sign("mine"), ca.sign("other")
    second = tmp_path / "both.pem"
    second.write_bytes(ca.file.read_bytes() + Authority(tmp_path, "second").file.read_bytes())
    with stub(seen, tls=server.server_context(clients=ca.file)) as provider:
        for certificate, authorities in [(mine, ca.file), (other, ca.file), (mine, second)]:
            tls = client_context(ca=authorities, certificate=certificate.certificate, key=certificate.key)
            await _call(provider, tls, times=2)
    assert seen.resumed == [False, True] * 3


async def test_files_replaced_in_their_place(ca: Authority, server: Signed, tmp_path: Path) -> None:
    """A provider of the authority that was replaced is not trusted any more, though it still knows our session."""
    file, seen = tmp_path / "trusted.pem", Handshakes()
    file.write_bytes(ca.file.read_bytes())
    with stub(seen, tls=server.server_context()) as provider:
        await _call(provider, client_context(ca=file), times=2)
        file.write_bytes(Authority(tmp_path, "next").file.read_bytes())
        with pytest.raises(CallError) as caught:
            await _call(provider, client_context(ca=file))
    assert caught.value.fault is Fault.CERTIFICATE
    assert seen.resumed == [False, True]


async def test_the_certificate_is_looked_at_again(ca: Authority, server: Signed) -> None:
    """After a while a connection makes a full handshake, whose session is then resumed."""
    clock, seen = Clock(), Handshakes()
    tls = resume_in(client_context(ca=ca.file), Sessions(clock=clock))
    with stub(seen, tls=server.server_context()) as provider:
        for clock.now in (0, VERIFIED_SECONDS - 1, VERIFIED_SECONDS, VERIFIED_SECONDS + 1):
            await _call(provider, tls)
    assert seen.resumed == [False, True, False, True]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_server_that_breaks_off(ca: Authority, server: Signed, version: ssl.TLSVersion) -> None:
    """A server that refuses to resume gets a full handshake in the same call, and no session for long."""
    context, seen, clock, breaks_off = server.server_context(), Handshakes(), Clock(), [False, True]
    context.maximum_version = version

    def greeted(*_: object) -> int | None:
        return ssl.AlertDescription.ALERT_DESCRIPTION_HANDSHAKE_FAILURE if breaks_off and breaks_off.pop(0) else None

    context.sni_callback = greeted
    tls = resume_in(client_context(ca=ca.file), Sessions(clock=clock))
    with stub(seen, tls=context) as provider:
        await _call(provider, tls, times=3)
        clock.now = GIVEN_UP_SECONDS
        await _call(provider, tls, times=2)
    assert seen.resumed == [False, False, False, False, True]


async def test_a_ticket_of_another_key(ca: Authority, server: Signed) -> None:
    """A provider that has been restarted knows no ticket of before, and all goes on."""
    seen, tls = Handshakes(), client_context(ca=ca.file)
    with stub(seen, tls=server.server_context()) as provider:
        await _call(provider, tls)
    with stub(seen, tls=server.server_context()) as provider:
        await _call(provider, tls, times=2)
    assert seen.resumed == [False, False, True]
