"""Tests of the start of TLS, with a loop that does as it is told."""

import asyncio
import ssl
from typing import Any

import pytest

from apientreprise_gateway.server.tls_start import TlsStart
from support.fake_connection import FakeTransport


class Loop:
    """A loop whose handshakes last until they are told how they end."""

    def __init__(self) -> None:
        self.began: dict[str, Any] = {}
        self.end: asyncio.Future[asyncio.Transport | None] = asyncio.get_running_loop().create_future()

    async def start_tls(self, *_: Any, **given: Any) -> asyncio.Transport | None:
        """Begin."""
        self.began = given
        return await self.end


def begin(loop: Any) -> TlsStart:
    """A start of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    return TlsStart(loop, FakeTransport(), asyncio.Protocol(), context, handshake_seconds=7)


async def test_it_begins_at_once() -> None:
    """The loop is asked before anybody waits, so that the first bytes of the client find TLS in place."""
    loop = Loop()
    start = begin(loop)
    assert (loop.began["server_side"], loop.began["ssl_handshake_timeout"]) == (True, 7)
    loop.end.set_result(None)
    assert await start.secured() is None


async def test_it_ends_with_what_goes_on_in_tls() -> None:
    """Who waits for the handshake gets the transport that it ends with."""
    loop, secured = Loop(), FakeTransport()
    waiting = asyncio.create_task(begin(loop).secured())
    await asyncio.sleep(0)
    assert not waiting.done()
    loop.end.set_result(secured)
    assert await waiting is secured


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError()])
async def test_a_client_that_goes(error: OSError) -> None:
    """It is no fault that a client goes, or says nothing."""
    loop = Loop()
    start = begin(loop)
    loop.end.set_exception(error)
    assert await start.secured() is None


async def test_two_ends_that_do_not_agree() -> None:
    """Their disagreement is told."""
    loop = Loop()
    start = begin(loop)
    loop.end.set_exception(ssl.SSLError("no shared cipher"))
    with pytest.raises(ssl.SSLError):
        await start.secured()


async def test_a_handshake_that_is_cancelled() -> None:
    """Who is cancelled while waiting cancels the handshake."""
    loop = Loop()
    waiting = asyncio.create_task(begin(loop).secured())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert loop.end.cancelled()
