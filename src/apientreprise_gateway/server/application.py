"""What the server and an application know of each other beyond ASGI.

The server asks for the hooks of its application whenever it needs one of them, and keeps none: an application that
replaces its hooks has them used from the next connection and the next call on.
"""

import ssl
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from apientreprise_gateway.contract.codes import GATEWAY_ERRORS
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.server.limits import Closing, ConnectionLimits

CONNECTION: Final = "gateway.connection"
"""Key of the ASGI scope under which an application finds its `Connection`."""
Respond = Callable[[int, bytes, bytes], Awaitable[None]]
"""Answers a call: status, header lines as `lines_of` makes them (the body's length not among them), body.

Raises a `ClientGoneError` if nobody is there to be answered."""


class ClientGoneError(Exception):
    """The connection on which a call is to be answered is closed, or about to be."""


class Connection(Protocol):
    """What an application may do with the connection of a call."""

    cancels: bool
    """Whether to cancel the call that is being answered if its client goes away; set until it is answered."""
    lost: bool

    @property
    def closing(self) -> bool:
        """Whether the connection is closed, or about to be."""

    def has_room(self, count: int) -> bool:
        """Whether an answer of so many bytes may be given, with all that others have not taken yet."""

    def drop(self) -> None:
        """Close the connection without writing anything more."""

    def cut(self, reason: Closing) -> None:
        """Close the connection at once, whatever its client has not taken yet; see `ConnectionLimits.on_closed`."""


def _takes_none(_path: str) -> bool:
    return False


async def _answers_none(_scope: Scope, _respond: Respond) -> None:
    raise NotImplementedError("an application that takes a call has to answer it")


def _drops_none(_peer: str) -> bool:
    return False


async def _answers_without_body(_peer: str | None, code: str) -> tuple[int, bytes]:
    return GATEWAY_ERRORS[code].status, b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionHooks:
    """What the server asks of an application beyond ASGI; the defaults are for one that knows ASGI alone."""

    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    """Asked for at the beginning of each connection, for the whole of it."""
    tls: ssl.SSLContext | None = None
    """What connections are secured with, as it is when they begin; None for connections in the clear."""
    drops_peer: Callable[[str], bool] = _drops_none
    """Whether connections of an address are closed as soon as they are made."""
    on_bad_request: Callable[[str | None, str], Awaitable[tuple[int, bytes] | None]] = _answers_without_body
    """Given the peer and the code of what is wrong: status and body to answer, or None to close without a byte."""
    takes: Callable[[str], object] = _takes_none
    """True of the paths whose calls are answered by `answer`; the others go the way of ASGI."""
    answer: Callable[[Scope, Respond], Coroutine[Any, Any, None]] = _answers_none
    """Answer a call, whose body is not read, without ASGI's messages: one call of `Respond`, and one write.

    The scope has ASGI's type, method, raw_path, query_string, headers, client, server and scheme, and the connection
    under `CONNECTION`."""


class Application(Protocol):
    """What the server serves: an ASGI application, and its hooks."""

    @property
    def hooks(self) -> ConnectionHooks:
        """What it does and allows besides ASGI."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None:
        """Answer by way of ASGI."""
