"""Making of connections to one server, directly or through a proxy."""

import asyncio
import base64
import socket
import ssl
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import httptools

from apientreprise_gateway.providers.faults import CallError, Fault

NAME_SECONDS: Final = 30.0
"""How long the addresses of a name are remembered."""
_MAX_HEAD_BYTES: Final = 64 * 1024
_PROXY_PORT: Final = 3128
_P = TypeVar("_P", bound=asyncio.Protocol)


class Proxy(NamedTuple):
    """An HTTP proxy."""

    host: str
    port: int
    authorization: bytes = b""
    """A header line with its CRLF, or nothing."""

    def __repr__(self) -> str:
        """Without the password."""
        return f"Proxy({self.host}:{self.port})"


def parse_proxy(url: str) -> Proxy:
    """Read `http://[user:password@]host[:port]`.

    Raises:
        ValueError: it is something else; the text repeats nothing of it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PROXY_PORT
    except ValueError:
        raise ValueError("a proxy is given as http://[user:password@]host:port") from None
    if parts.scheme != "http" or not host or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("a proxy is given as http://[user:password@]host:port")
    if parts.username is None:
        return Proxy(host, port)
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(host, port, b"Proxy-Authorization: Basic %b\r\n" % base64.b64encode(user.encode()))


class Dialer:
    """The way to one server."""

    def __init__(self, host: str, port: int, *, tls: ssl.SSLContext | None, proxy: Proxy | None) -> None:
        """Resolve no name yet.

        Args:
            host: name or address of the server.
            port: of the server.
            tls: how to check and be checked; None for a connection without TLS.
            proxy: what to go through; a connection without TLS then ends there.
        """
        self._host = host
        self._port = port
        self._tls = tls
        self._proxy = proxy
        self._addresses: list[Any] = []
        self._addresses_until = 0.0
        self._resolving: asyncio.Task[list[Any]] | None = None

    async def connect(self, protocol: _P, deadline: float) -> _P:
        """Connect a protocol.

        Args:
            protocol: told of the connection once it is ready to carry calls.
            deadline: of the whole, in the time of the loop.

        Raises:
            CallError: no connection came about.
        """
        try:
            async with asyncio.timeout_at(deadline):
                if self._proxy is None:
                    await self._connect_directly(protocol)
                else:
                    await self._connect_through(self._proxy, protocol)
        except TimeoutError:
            raise CallError(Fault.TIMEOUT) from None
        except ssl.SSLError as error:
            raise CallError(tls_fault(error), _words(error)) from error
        except OSError as error:
            raise CallError(Fault.NETWORK, _words(error)) from error
        return protocol

    def close(self) -> None:
        """Ask for no address any more."""
        if self._resolving is not None:
            self._resolving.cancel()

    async def _connect_directly(self, protocol: asyncio.Protocol) -> None:
        try:
            await self._connect_to_any(protocol, tls=self._tls)
        except socket.gaierror as error:
            raise CallError(Fault.NAME) from error
        except ConnectionRefusedError as error:
            raise CallError(Fault.REFUSED) from error

    async def _connect_through(self, proxy: Proxy, protocol: asyncio.Protocol) -> None:
        try:
            if self._tls is None:
                await self._connect_to_any(protocol)
                return
            tunnel = _Tunnel()
            await self._connect_to_any(tunnel)
        except OSError as error:
            raise CallError(Fault.NETWORK, f"no connection to the proxy: {_words(error)}") from error
        try:
            transport = await tunnel.open(f"[{self._host}]" if ":" in self._host else self._host, self._port, proxy)
            inner = await asyncio.get_running_loop().start_tls(
                transport, protocol, self._tls, server_hostname=self._host
            )
        except BaseException:
            tunnel.abort()
            raise
        if inner is None:  # the connection ended during the handshake
            raise CallError(Fault.NETWORK, "the proxy closed the tunnel")
        protocol.connection_made(inner)

    async def _connect_to_any(self, protocol: asyncio.Protocol, *, tls: ssl.SSLContext | None = None) -> None:
        loop = asyncio.get_running_loop()
        failure: OSError = ConnectionError("the name has no address")
        for _, _, _, _, address in await self._resolve():
            try:
                await loop.create_connection(
                    lambda: protocol,
                    address[0],
                    address[1],
                    ssl=tls,
                    server_hostname=self._host if tls else None,
                )
            except TimeoutError:
                raise
            except OSError as error:
                failure = error
            else:
                return
        raise failure

    async def _resolve(self) -> list[Any]:
        """The addresses to connect to; calls that come meanwhile wait for the same answer."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._addresses_until:
            return self._addresses
        if self._resolving is None or self._resolving.done():
            self._resolving = loop.create_task(self._look_up())
        return await asyncio.shield(self._resolving)

    async def _look_up(self) -> list[Any]:
        loop = asyncio.get_running_loop()
        host, port = (self._host, self._port) if self._proxy is None else self._proxy[:2]
        found: list[Any] = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        self._addresses, self._addresses_until = found, loop.time() + NAME_SECONDS
        return found


class _Tunnel(asyncio.Protocol):
    """A connection to a proxy, until it leads to the server."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._bytes = 0

    async def open(self, host: str, port: int, proxy: Proxy) -> asyncio.Transport:
        """Ask the proxy to connect us; the connection through it.

        Raises:
            CallError: it does not.
        """
        assert self._transport is not None, "connected"  # noqa: S101 - for mypy
        target = f"{host}:{port}".encode("ascii")
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

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("it closed the connection")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status == 407:
            self._fail("it refuses our credentials (407)")
        elif not 200 <= status < 300:
            self._fail(f"it answered {status}")
        elif not self._opened.done():
            self._opened.set_result(None)

    def on_body(self, body: bytes) -> None:
        # Whoever speaks before our TLS greeting is not the server.
        self._fail("it sent more than its answer")

    def _fail(self, why: str) -> None:
        if not self._opened.done():
            self._opened.set_exception(CallError(Fault.NETWORK, f"the proxy did not connect us: {why}"))


def tls_fault(error: ssl.SSLError) -> Fault:
    """What a failure of TLS means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fault.CERTIFICATE
    return Fault.NETWORK


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__
