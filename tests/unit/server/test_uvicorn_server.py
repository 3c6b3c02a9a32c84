"""Tests of what our server does otherwise than uvicorn's."""

import asyncio
from typing import Any

import pytest

from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.process.runner import listen
from apientreprise_gateway.server import uvicorn_server as module
from apientreprise_gateway.server.uvicorn_server import Server, config
from contract.shared import PATIENCE


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "lifespan"
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})


def _server() -> tuple[Server, Any]:
    at = listen("127.0.0.1", 0)
    return Server(config(_app, host=at.host, port=at.port)), at.socket  # type: ignore[arg-type]  # no call is made


@pytest.mark.parametrize("apart", [False, True])
async def test_it_stops_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch, apart: bool) -> None:
    """It does not wait until it would look again, also if another thread tells it."""
    monkeypatch.setattr(module, "DATE_SECONDS", 24 * 3600)
    server, socket = _server()
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    async with asyncio.timeout(PATIENCE):
        while not server.started:
            await asyncio.sleep(0.01)
        assert not server.should_exit
        if apart:
            await asyncio.to_thread(setattr, server, "should_exit", True)
        else:
            server.should_exit = True
        await serving


async def test_the_date_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The date that answers show is that of the clock, as often as it is to be looked at."""
    monkeypatch.setattr(module, "DATE_SECONDS", 0.01)
    server, socket = _server()
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    seen: set[bytes] = set()
    async with asyncio.timeout(PATIENCE):
        while len(seen) < 3:
            seen.update(value for name, value in server.server_state.default_headers if name == b"date")
            await asyncio.sleep(0.05)
        server.should_exit = True
        await serving
