"""uvicorn's server with our protocol and state."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import uvicorn

from apientreprise_gateway.server.application import Application
from apientreprise_gateway.server.protocol import GatewayProtocol
from apientreprise_gateway.server.state import State

BACKLOG: Final = 4096
"""Connections that may wait to be accepted."""
DATE_SECONDS: Final = 1.0
"""Seconds after which the date that answers show is renewed."""


class Server(uvicorn.Server):
    """uvicorn's server with our state; it wakes a quiet worker once a second, where uvicorn's does ten times."""

    def __init__(self, config: uvicorn.Config) -> None:
        self._should_exit = False
        self._wake: Callable[[], object] | None = None
        super().__init__(config)
        self.server_state: State = State()

    @property
    def should_exit(self) -> bool:
        """Whether to stop; it stops as soon as this is set, in whatever thread."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        if value and self._wake is not None:
            with suppress(RuntimeError):  # the loop is over
                self._wake()

    async def main_loop(self) -> None:
        """Renew the date of answers until it is to exit."""
        woken = asyncio.Event()
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, woken.set)
        try:
            while not await self.on_tick(0):
                with suppress(TimeoutError):
                    async with asyncio.timeout(DATE_SECONDS):
                        await woken.wait()
                woken.clear()
        finally:
            self._wake = None


def config(app: Application, *, host: str, port: int) -> uvicorn.Config:
    """uvicorn's configuration to serve an application."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=GatewayProtocol,
        ws="none",
        loop="uvloop",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
    )
