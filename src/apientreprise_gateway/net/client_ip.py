"""The client's address: whose calls are counted, and whose are banned.

The peer of the connection, unless that is a trusted proxy: then the rightmost address of `X-Forwarded-For` that is
not one. What stands further left was written by whoever sent it.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_network
from typing import Final

from apientreprise_gateway.net.addresses import TRANSLATED_LOCALLY, Address, Network, address, is_in

UNKNOWN: Final = "unknown"
"""Stands for a peer without an address (a Unix socket) or a header that cannot be read."""
_COUNTED_IPV6_PREFIX: Final = 64
_REMEMBERED: Final = 4096
"""Addresses kept in each of the three caches of what was read; an entry takes a quarter of a kilobyte."""


def parse(text: str) -> Address | None:
    """Read an address as proxies write it: with a port, in brackets, with a zone, IPv4 within IPv6."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return address(text.partition("%")[0])
    except ValueError:
        return None


@lru_cache(_REMEMBERED)
def counted(text: str) -> str:
    """The name under which an address is counted and banned: itself, or its /64 for IPv6.

    One subscriber holds at least a /64, so its addresses are one client. Addresses that a local translator makes of
    IPv4 (RFC 8215) are one client each.
    """
    found = parse(text)
    if isinstance(found, IPv6Address) and found not in TRANSLATED_LOCALLY:
        return str(ip_network((found, _COUNTED_IPV6_PREFIX), strict=False))
    return text if found is None else str(found)


class ClientIp:
    """Finds the client's address of a request."""

    def __init__(self, *, trusted_proxies: tuple[Network, ...] = (), allowlist: tuple[Network, ...] = ()) -> None:
        """Trust some proxies, and exempt some clients.

        Args:
            trusted_proxies: networks of the proxies whose `X-Forwarded-For` is believed.
            allowlist: networks of the clients that are exempt from ceiling and bans.
        """
        self._trusted = trusted_proxies
        self._allowed = allowlist
        self.is_trusted = lru_cache(maxsize=1024)(self._find_trusted)
        self.of_direct = lru_cache(_REMEMBERED)(self._find_direct)
        """The address of a peer that is the client itself; None for a proxy, which speaks for others."""
        self.is_exempt = lru_cache(_REMEMBERED)(self._find_exempt)

    def of(self, peer: str | None, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The client's address.

        Args:
            peer: the other end of the connection; None for a Unix socket.
            headers: of the request, names in lower case.
        """
        if peer is None:
            return UNKNOWN
        direct = self.of_direct(peer)
        if direct is not None:
            return direct
        chain = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
        return self._rightmost_untrusted(chain) or _plain(peer)

    def _rightmost_untrusted(self, chain: str) -> str | None:
        farthest = None
        for text in reversed(chain.split(",")):
            if not text.strip():
                continue  # an empty element says nothing (RFC 9110, section 5.6.1)
            found = parse(text)
            if found is None:
                # Entries to the left of one that cannot be read cannot be trusted.
                return farthest
            farthest = str(found)
            if not is_in(found, self._trusted):
                return farthest
        return farthest

    def _find_trusted(self, peer: str) -> bool:
        found = parse(peer)
        return found is not None and is_in(found, self._trusted)

    def _find_direct(self, peer: str) -> str | None:
        return None if self._trusted and self.is_trusted(peer) else _plain(peer)

    def _find_exempt(self, client: str) -> bool:
        """Whether a client is exempt from the ceiling and from bans."""
        found = parse(client)
        return found is not None and is_in(found, self._allowed)


def _plain(peer: str) -> str:
    found = parse(peer)
    return peer if found is None else str(found)
