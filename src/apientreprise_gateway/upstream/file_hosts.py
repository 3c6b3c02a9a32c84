"""Checks the URLs that a provider gives for its files, and holds the connections to their hosts.

These URLs are not trusted: only the provider's own server and the hosts in its settings are called. No redirection is
followed, and credentials are sent to the provider's server alone.
"""

import ssl
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from apientreprise_gateway import __version__
from apientreprise_gateway.upstream.pool import MAX_FILE_BYTES, Pool

MAX_ADDRESS: Final = 2048
"""Characters of the longest URL that is called."""
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
_AS_WRITTEN: Final = "%/:=&?~+!$,;'@()*-._"
"""Characters that a path and query keep as they are; others are percent-encoded."""
_SOME_BYTES: Final = 64 * 1024


class BadAddressError(Exception):
    """A URL is malformed, or leads to a server that may not be called."""


class Origin(NamedTuple):
    """The scheme, host and port of a URL."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """Its URL, without a default port: signatures of addresses cover how the host is written."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


class FileLocation(NamedTuple):
    """A checked URL of a file."""

    origin: Origin
    target: str
    """Path and query, encoded."""
    own: str | None
    """The target below the provider's base URL; None if it is elsewhere."""


class FileHosts:
    """The servers from which files of one provider may be downloaded."""

    def __init__(
        self,
        base_url: str,
        *,
        hosts: Collection[str] = (),
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
        timeout: float,
        max_file: int = MAX_FILE_BYTES,
    ) -> None:
        """Open no connection yet.

        Args:
            base_url: of the provider.
            hosts: further hosts that may be called, over HTTPS: `host` or `host:port`.
            tls: for the provider's own server; the system's authorities by default.
            proxy: to go through.
            timeout: seconds that a download may take, unless it comes with a deadline.
            max_file: bytes that a file may have.

        Raises:
            ValueError: one of the hosts is none.
        """
        own = urlsplit(base_url)
        self._own = _origin(own)
        self._prefix = own.path.rstrip("/")
        self._others = frozenset(map(host_origin, hosts))
        self._tls = tls
        self._proxy = proxy
        self._timeout = timeout
        self._max_file = max_file
        self._pools: dict[Origin, Pool] = {}

    def locate(self, address: str) -> FileLocation:
        """Check a URL and split it.

        Raises:
            BadAddressError: it is malformed, or leads to another server.
        """
        try:
            parts = urlsplit(address)
            origin = _origin(parts)
        except ValueError as error:
            raise BadAddressError from error
        if len(address) > MAX_ADDRESS or not address.isprintable() or parts.username is not None:
            raise BadAddressError
        if origin != self._own and origin not in self._others:
            raise BadAddressError
        target = quote(parts.path or "/", safe=_AS_WRITTEN)
        if parts.query:
            target += f"?{quote(parts.query, safe=_AS_WRITTEN)}"
        is_own = origin == self._own and target.startswith(f"{self._prefix}/")
        return FileLocation(origin, target, target.removeprefix(self._prefix) if is_own else None)

    def pool(self, origin: Origin) -> Pool:
        """The pool of connections to one of the servers, without credentials."""
        if origin not in self._pools:
            self._pools[origin] = Pool(
                origin.url,
                timeout=self._timeout,
                max_body=_SOME_BYTES,
                max_file=self._max_file,
                user_agent=f"apientreprise-gateway/{__version__}",
                tls=self._tls if origin == self._own else None,
                proxy=self._proxy,
            )
        return self._pools[origin]

    def close(self) -> None:
        """Close the idle connections."""
        for pool in self._pools.values():
            pool.close()


def host_origin(host: str) -> Origin:
    """The server that `host` or `host:port` names.

    Raises:
        ValueError: it names none.
    """
    parts = urlsplit(f"https://{host}")
    if parts.username is not None or parts.path or parts.query or parts.fragment or not host.isprintable():
        raise ValueError(f"{host} is neither a host nor a host and a port")
    return _origin(parts)


def _origin(parts: SplitResult) -> Origin:
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("this is no address of HTTP")
    return Origin(parts.scheme, parts.hostname, _PORTS[parts.scheme] if parts.port is None else parts.port)
