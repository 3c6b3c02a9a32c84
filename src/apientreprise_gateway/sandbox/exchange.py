"""One call to the sandbox, with the means to answer it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, cast

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.server.application import CONNECTION, Connection

Sleep = Callable[[float], Awaitable[object]]
AsgiPage = Callable[[Scope, Receive, Send], Awaitable[None]]
"""Answers the calls to one path."""

JSON: Final = "application/json; charset=utf-8"
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Reply(NamedTuple):
    """The answer of a provider without a fault."""

    status: int
    body: bytes
    headers: Mapping[str, str] = NO_HEADERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A call, with the means to answer it correctly or with a fault."""

    scope: Scope
    receive: Receive
    send: Send
    sleep: Sleep
    provider: Provider
    """The provider that the sandbox stands in for."""

    async def start(
        self, status: int, length: int, *, content_type: str = JSON, headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        """Send the head of an answer."""
        await send_head(self.send, status, length, content_type=content_type, headers=headers)

    async def write(self, body: bytes, *, more: bool = False) -> None:
        """Send a part of the body; the last one unless `more` is set."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def respond(
        self, status: int, body: bytes, *, content_type: str = JSON, headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        """Send a whole answer."""
        await self.start(status, len(body), content_type=content_type, headers=headers)
        await self.write(body)

    async def pause(self, seconds: float) -> bool:
        """Wait so many seconds, or until the caller disconnects.

        Returns:
            False if the caller has disconnected.
        """
        sleeping = asyncio.ensure_future(self.sleep(seconds))
        leaving = asyncio.ensure_future(_left(self.receive))
        try:
            await asyncio.wait((sleeping, leaving), return_when=asyncio.FIRST_COMPLETED)
            return sleeping.done()
        finally:
            sleeping.cancel()
            leaving.cancel()

    def drop(self) -> None:
        """Close the connection at once, without writing anything more.

        Raises:
            RuntimeError: the server cannot do that; only the gateway's own server can.
        """
        connection = self.scope.get(CONNECTION)
        if connection is None:
            raise RuntimeError(f"this server cannot drop a connection: its scope has no {CONNECTION!r}")
        cast("Connection", connection).drop()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_head(
    send: Send, status: int, length: int, *, content_type: str = JSON, headers: Mapping[str, str] = NO_HEADERS
) -> None:
    """Send the head of an answer whose body has a known length."""
    pairs = {"content-type": content_type, "content-length": str(length), **headers}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
