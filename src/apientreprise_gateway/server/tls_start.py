"""Starts TLS on a connection that a client has made."""

import asyncio
import ssl
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, Final, TypeVar

_SHUTDOWN_SECONDS: Final = 600.0
"""Seconds that TLS may take to send its last bytes; a client that takes none is closed long before."""
_T = TypeVar("_T")


class TlsStart:
    """The TLS handshake on the server's side."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext,
        *,
        handshake_seconds: float,
    ) -> None:
        """Begin at once: uvloop reads after `connection_made` returns, and TLS must be in place by then."""
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
        """The TLS transport, after the handshake; None if the client left before its end.

        Raises:
            ssl.SSLError: the handshake failed.
        """
        try:
            return await self._rest
        except ssl.SSLError:
            raise
        except OSError:
            return None


class _RestOf(Awaitable[_T]):
    """The rest of a coroutine whose first step has run already."""

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
