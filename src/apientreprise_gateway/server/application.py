"""The interface between the server and an application, beyond ASGI.

The server reads the hooks of its application each time that it needs one: new hooks apply from the next connection and
the next call on.
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

Raises a `ClientGoneError` if the client has gone."""


class ClientGoneError(Exception):
    """The connection on which a call is to be answered is closed, or about to be."""


class Connection(Protocol):
    """The connection of a call, as an application may use it."""

    cancels: bool
    """Whether to cancel the call that is being answered if its client goes away; set until it is answered."""
    lost: bool

    @property
    def closing(self) -> bool:
        """Whether the connection is closed, or about to be."""

    def has_room(self, count: int) -> bool:
        """Whether an answer of so many bytes fits in the memory for answers that clients have not taken."""

    def forget_head(self) -> None:
        """Forget the head of the last request, which is remembered for the next one."""

    def drop(self) -> None:
        """Close the connection without writing anything more."""

    def cut(self, reason: Closing) -> None:
        """Close the connection at once, even with untaken bytes; see `ConnectionLimits.on_closed`."""


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
    """What an application gives to the server beyond ASGI; the defaults are for a plain ASGI application."""

    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    """The limits of connections, read at the beginning of each."""
    tls: ssl.SSLContext | None = None
    """The TLS context of connections, read at the beginning of each; None without TLS."""
    drops_peer: Callable[[str], bool] = _drops_none
    """Whether connections of an address are closed as soon as they are made."""
    on_bad_request: Callable[[str | None, str], Awaitable[tuple[int, bytes] | None]] = _answers_without_body
    """Given the peer and the code of what is wrong: status and body to answer, or None to close without a byte."""
    takes: Callable[[str], object] = _takes_none
    """Whether calls to a path are answered by `answer`; others are answered through ASGI."""
    answer: Callable[[Scope, Respond], Coroutine[Any, Any, None]] = _answers_none
    """Answer a call, whose body is not read, without ASGI's messages: one call of `Respond`, and one write.

    The scope has ASGI's type, method, raw_path, query_string, headers, client, server and scheme, and the connection
    under `CONNECTION`."""


class Application(Protocol):
    """What the server serves: an ASGI application, and its hooks."""

    @property
    def hooks(self) -> ConnectionHooks:
        """Its current hooks."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None:
        """Answer through ASGI."""
