"""Opens connections to one server, directly or through a proxy."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final, TypeVar

import httptools

from apientreprise_gateway.upstream.faults import CallError, Fault, tls_fault, words
from apientreprise_gateway.upstream.proxy import PROXY_AUTHENTICATION_REQUIRED, Proxy
from apientreprise_gateway.upstream.resolver import Resolver
from apientreprise_gateway.upstream.sessions import sessions_of

_MAX_HEAD_BYTES: Final = 64 * 1024


class Abortable(asyncio.Protocol):
    """A protocol whose connection can be closed from outside."""

    __slots__ = ()

    def abort(self) -> None:
        """Close the connection at once, if there is one."""
        raise NotImplementedError


_P = TypeVar("_P", bound=Abortable)


class Dialer:
    """Makes connections to one server."""

    def __init__(self, host: str, port: int, *, tls: ssl.SSLContext | None, proxy: Proxy | None) -> None:
        """Configure it; no name is resolved yet.

        Args:
            host: name or address of the server.
            port: port of the server.
            tls: the TLS context; None for a connection without TLS.
            proxy: the proxy to use; without TLS the connection goes to the proxy itself, with TLS through a tunnel.
        """
        self._host = host
        self._port = port
        self._tls = tls
        self._sessions = None if tls is None else sessions_of(tls)
        self._proxy = proxy
        self._resolver = Resolver(host, port) if proxy is None else Resolver(proxy.host, proxy.port)

    async def connect(self, make: Callable[[], _P], deadline: float) -> _P:
        """Connect a protocol.

        Args:
            make: makes protocols; the one that is returned is ready for calls.
            deadline: deadline of the whole, in seconds of the loop's clock.

        Raises:
            CallError: no connection could be made.
        """
        resumes = self._sessions is not None and self._sessions.of(self._host) is not None
        try:
            return await self._attempt(make, deadline)
        except TimeoutError:
            self._resolver.doubt()
            raise CallError(Fault.TIMEOUT) from None
        except OSError as error:
            if resumes and self._sessions is not None and isinstance(error, (ssl.SSLError, ConnectionResetError)):
                self._sessions.give_up(self._host)
                return await self.connect(make, deadline)
            if isinstance(error, ssl.SSLError):
                raise CallError(tls_fault(error), words(error)) from error
            self._resolver.doubt()
            fault = Fault.REFUSED if isinstance(error, ConnectionRefusedError) else Fault.NETWORK
            raise CallError(fault, words(error)) from error

    async def _attempt(self, make: Callable[[], _P], deadline: float) -> _P:
        if self._proxy is None:
            addresses = await self._resolver.addresses(deadline)
            return await _connect_to_any(addresses, make, deadline, tls=self._tls, host=self._host)
        if self._tls is None:
            return await self._connect_to_proxy(make, deadline)
        return await self._connect_through(self._proxy, self._tls, make(), deadline)

    def close(self) -> None:
        """Stop looking up addresses."""
        self._resolver.close()

    async def _connect_through(self, proxy: Proxy, tls: ssl.SSLContext, protocol: _P, deadline: float) -> _P:
        tunnel = await self._connect_to_proxy(_Tunnel, deadline)
        try:
            async with asyncio.timeout_at(deadline):
                transport = await tunnel.open(self._host, self._port, proxy)
                inner = await asyncio.get_running_loop().start_tls(transport, protocol, tls, server_hostname=self._host)
        except BaseException:
            tunnel.abort()
            raise
        if inner is None:
            raise ConnectionResetError("the connection ended during the handshake")
        protocol.connection_made(inner)
        return protocol

    async def _connect_to_proxy(self, make: Callable[[], _P], deadline: float) -> _P:
        try:
            addresses = await self._resolver.addresses(deadline)
            return await _connect_to_any(addresses, make, deadline)
        except TimeoutError:
            raise
        except (CallError, OSError) as error:
            # Not the provider's fault: for its own name, or its own refusal, there are other codes.
            why = words(error) if isinstance(error, OSError) else str(error)
            raise CallError(Fault.NETWORK, f"no connection to the proxy: {why}") from error


async def _connect_to_any(
    addresses: list[Any],
    make: Callable[[], _P],
    deadline: float,
    *,
    tls: ssl.SSLContext | None = None,
    host: str | None = None,
) -> _P:
    """Connect to the first address that accepts; each gets its share of the time that is left.

    Raises:
        OSError: none accepts; the error of the last one, a TimeoutError if it did not answer.
    """
    loop = asyncio.get_running_loop()
    failure = OSError("the name has no address")
    for tried, (_, _, _, _, address) in enumerate(addresses):
        now = loop.time()
        protocol = make()
        try:
            async with asyncio.timeout_at(now + (deadline - now) / (len(addresses) - tried)):
                await loop.create_connection(
                    lambda protocol=protocol: protocol,
                    address[0],
                    address[1],
                    ssl=tls,
                    server_hostname=host if tls else None,
                )
        except OSError as error:
            protocol.abort()
            failure = error
        except BaseException:
            # If it is cancelled as the handshake ends, uvloop's TLS goes on using a connection that uvloop has closed.
            protocol.abort()
            raise
        else:
            return protocol
    raise failure


class _Tunnel(Abortable):
    """A connection to a proxy that is asked to forward it to the server (CONNECT)."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._bytes = 0
        self._head_read = False

    async def open(self, host: str, port: int, proxy: Proxy) -> asyncio.Transport:
        """Ask the proxy for a tunnel to a server; returns the transport of the tunnel.

        Raises:
            CallError: the proxy refuses, or does not answer properly.
        """
        assert self._transport is not None, "connected"  # noqa: S101 - for mypy
        target = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode("ascii")
        self._transport.write(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (target, target, proxy.authorization))
        await self._opened
        return self._transport

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP gives no less
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("it does not speak HTTP")
        if self._bytes > _MAX_HEAD_BYTES:
            self._fail("its answer is too long")
        if self._head_read and not self._opened.done():
            self._opened.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("it closed the connection")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status == PROXY_AUTHENTICATION_REQUIRED:
            self._fail("it refuses our credentials (407)")
        elif not 200 <= status < 300:
            self._fail(f"it answered {status}")
        self._head_read = True

    def on_body(self, body: bytes) -> None:
        # The server sends nothing before our TLS handshake, so this body is the proxy's own.
        self._fail("it answered itself")

    def _fail(self, why: str) -> None:
        if not self._opened.done():
            self._opened.set_exception(CallError(Fault.NETWORK, f"the proxy did not connect us: {why}"))
