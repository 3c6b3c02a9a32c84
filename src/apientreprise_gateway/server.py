"""The HTTP server's side of the contract: what only the connection can do.

uvicorn's httptools protocol, with four things more: a connection can be closed without a byte, a call is cancelled
when its client goes away, heads are bounded, and what is not HTTP gets a coded answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from apientreprise_gateway.errors import GATEWAY_ERRORS

CONNECTION: Final = "gateway.connection"
"""Key of the ASGI scope under which an application finds its `Connection`."""
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than the 60 s of the usual load balancers, which must be the ones that close."""
BACKLOG: Final = 4096
"""Connections that may wait to be accepted."""
OnBadRequest = Callable[[str | None, str], Awaitable[tuple[int, bytes] | None]]
"""Given the peer and the code of what is wrong: status and body to answer, or None to close without a byte."""
_MAX_URL_BYTES: Final = 128 * 1024
_MAX_HEADER_BYTES: Final = 64 * 1024


class Connection(Protocol):
    """What an application may do with the connection of a call."""

    waiting: "asyncio.Task[Any] | None"
    """The task to cancel if the client goes away."""
    lost: bool

    @property
    def closing(self) -> bool:
        """Whether the connection is closed, or about to be."""

    def drop(self) -> None:
        """Close the connection without writing anything more."""


class _HeadTooLargeError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class GatewayProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: asyncio.Task[Any] | None = None
        self.lost = False
        self._current: RequestResponseCycle | None = None
        self._header_bytes = 0
        self._bad_code = "00401"

    @property
    def closing(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self.lost or self.transport.is_closing()

    def drop(self) -> None:
        """Close the connection without writing anything more."""
        # `self.cycle` is the last request that was read; with pipelining, an earlier one may be the one answered now.
        if self._current is not None:
            self._current.disconnected = True
        self.pipeline.clear()
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._current = cycle
        super()._start_asgi_task(cycle, app)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Close at once the connection of a banned peer."""
        super().connection_made(transport)
        drops_peer: Callable[[str], bool] | None = getattr(self.app, "drops_peer", None)
        if drops_peer is not None and self.client is not None and drops_peer(self.client[0]):
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the call that the client no longer waits for."""
        self.lost = True
        if self._current is not None and not self._current.response_complete:
            self._current.disconnected = True
        super().connection_lost(exc)
        if self.waiting is not None:
            self.waiting.cancel()

    def on_message_begin(self) -> None:
        """Give the call its connection."""
        super().on_message_begin()
        self.scope[CONNECTION] = self  # type: ignore[typeddict-unknown-key]  # ASGI allows servers their own keys
        self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Bound the request line."""
        super().on_url(url)
        if len(self.url) > _MAX_URL_BYTES:
            self._refuse_head("00406")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Bound the headers."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _MAX_HEADER_BYTES:
            self._refuse_head("00407")
        super().on_header(name, value)

    def _refuse_head(self, code: str) -> None:
        self._bad_code = code
        raise _HeadTooLargeError(code)  # the parser turns it into the error that ends in send_400_response

    def send_400_response(self, msg: str) -> None:
        """Answer what is not an acceptable HTTP request, and close."""
        del msg  # uvicorn's text, in English
        self.transport.pause_reading()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False  # a call came before it: the connection ends with that one's answer
            return
        task = self.loop.create_task(self._answer_bad_request())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer_bad_request(self) -> None:
        on_bad_request: OnBadRequest | None = getattr(self.app, "on_bad_request", None)
        answer: tuple[int, bytes] | None = (GATEWAY_ERRORS[self._bad_code].status, b"")
        if on_bad_request is not None:
            answer = await on_bad_request(self.client[0] if self.client else None, self._bad_code)
        if answer is not None and not self.transport.is_closing():
            status, body = answer
            head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()


def config(app: Any, *, host: str, port: int, **more: Any) -> uvicorn.Config:
    """The server's configuration for an ASGI application, or for the name of what makes one."""
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
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=30,
        timeout_worker_healthcheck=30,  # a busy machine's workers are slow, not dead
        **more,
    )
