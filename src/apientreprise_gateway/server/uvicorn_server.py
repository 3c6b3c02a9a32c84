"""uvicorn's server with our protocol and state."""

from typing import Final

import uvicorn

from apientreprise_gateway.server.application import Application
from apientreprise_gateway.server.protocol import GatewayProtocol
from apientreprise_gateway.server.state import State

BACKLOG: Final = 4096
"""Connections that may wait to be accepted."""


class Server(uvicorn.Server):
    """uvicorn's server with our state."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state: State = State()


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
