"""A gateway in a thread of the test's process, for products that only the test has."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from apientreprise_gateway.gateway.app import Gateway
from apientreprise_gateway.gateway.settings import load
from apientreprise_gateway.process.runner import Listener, listen
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.server.uvicorn_server import Server, config
from support.site import wait_until
from support.tokens import SECRET


@contextmanager
def gateway_of(products: tuple[Product, ...], **settings: Any) -> Iterator[str]:
    """Serve these products until the end of the block; yields the URL."""
    gateway = Gateway(load(products, **({"jwt_secrets": SECRET} | settings)), products=products)
    at = listen("127.0.0.1", 0)
    server = Server(config(gateway, host=at.host, port=at.port))
    thread = threading.Thread(target=_run, args=(server, at), daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield at.url
    finally:
        server.should_exit = True
        thread.join()


def _run(server: Server, at: Listener) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(sockets=[at.socket]))
