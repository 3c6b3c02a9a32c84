"""How TLS begins on a connection that is made."""

import asyncio
import ssl
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, Final, TypeVar

_SHUTDOWN_SECONDS: Final = 600.0
"""The longest that TLS may take to hand over its last bytes; who takes none of them is let go long before."""
_T = TypeVar("_T")


class TlsStart:
    """The start of TLS on the server's side."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext,
        *,
        handshake_seconds: float,
    ) -> None:
        """Begin at once: uvloop reads from the end of `connection_made` on, and what comes must find TLS in place."""
        starting = loop.start_tls(
            transport,
            protocol,
            context,
            server_side=True,
            ssl_handshake_timeout=handshake_seconds,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        self._rest: Awaitable[asyncio.Transport | None] = _RestOf(starting, starting.send(None))

    async def secured(self) -> asyncio.Transport | None:
        """The transport to go on with; None if the client has gone before the end of the handshake.

        Raises:
            ssl.SSLError: the two ends do not agree.
        """
        try:
            return await self._rest
        except ssl.SSLError:
            raise
        except OSError:
            return None


class _RestOf(Awaitable[_T]):
    """What is left of a coroutine whose first step has been made."""

    def __init__(self, begun: Coroutine[Any, Any, _T], waits_for: Any) -> None:
        self._begun = begun
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, _T]:
        begun, waits_for = self._begun, self._waits_for
        try:
            while True:
                try:
                    given = yield waits_for
                except BaseException as error:
                    waits_for = begun.throw(error)
                else:
                    waits_for = begun.send(given)
        except StopIteration as end:
            result: _T = end.value
            return result
