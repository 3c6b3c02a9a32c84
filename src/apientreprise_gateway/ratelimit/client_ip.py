"""The client's address: whose calls are counted, and whose are banned.

The peer of the connection, unless that is a trusted proxy: then the rightmost address of `X-Forwarded-For` that is
not one. What stands further left was written by whoever sent it.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN: Final = "unknown"
"""Stands for a peer without an address (a Unix socket) or a header that cannot be read."""
_COUNTED_IPV6_PREFIX: Final = 64
_REMEMBERED: Final = 4096
"""Addresses that need not be read again; each is in three such memories, with a quarter of a kilobyte."""


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses and CIDRs.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ip_network(text.strip(), strict=False) for text in texts)


def parse(text: str) -> Address | None:
    """Read an address as proxies write it: with a port, in brackets, with a zone, IPv4 mapped into IPv6."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_in(address: Address, nets: Iterable[Network]) -> bool:
    """Whether an address belongs to one of the networks."""
    return any(address in net for net in nets)


@lru_cache(_REMEMBERED)
def counted(text: str) -> str:
    """The name under which an address is counted and banned: itself, or its /64 for IPv6.

    One subscriber holds at least a /64, so its addresses are one client.
    """
    address = parse(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _COUNTED_IPV6_PREFIX), strict=False))
    return text if address is None else str(address)


class ClientIp:
    """Finds the client's address of a request."""

    def __init__(self, *, trusted_proxies: tuple[Network, ...] = (), allowlist: tuple[Network, ...] = ()) -> None:
        """Take the proxies whose `X-Forwarded-For` is believed, and the clients exempt from ceiling and bans."""
        self._trusted = trusted_proxies
        self._allowed = allowlist
        self.is_trusted = lru_cache(maxsize=1024)(self._find_trusted)
        self.is_exempt = lru_cache(_REMEMBERED)(self._find_exempt)

    def of(self, peer: str | None, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The client's address.

        Args:
            peer: the other end of the connection; None for a Unix socket.
            headers: of the request, names in lower case.
        """
        if peer is None:
            return UNKNOWN
        if not self._trusted or not self.is_trusted(peer):
            return _plain(peer)
        chain = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
        return self._rightmost_untrusted(chain) or _plain(peer)

    def of_direct(self, peer: str) -> str | None:
        """The address of a peer that is the client itself; None for a proxy, which speaks for others."""
        return None if self._trusted and self.is_trusted(peer) else _plain(peer)

    def _rightmost_untrusted(self, chain: str) -> str | None:
        farthest = None
        for text in reversed(chain.split(",")):
            if not text.strip():
                continue  # an empty element says nothing (RFC 9110, section 5.6.1)
            address = parse(text)
            if address is None:
                # Nothing left of what cannot be read can be believed.
                return farthest
            farthest = str(address)
            if not is_in(address, self._trusted):
                return farthest
        return farthest

    def _find_trusted(self, peer: str) -> bool:
        address = parse(peer)
        return address is not None and is_in(address, self._trusted)

    def _find_exempt(self, client: str) -> bool:
        """Whether a client is exempt from the ceiling and from bans."""
        address = parse(client)
        return address is not None and is_in(address, self._allowed)


@lru_cache(_REMEMBERED)
def _plain(peer: str) -> str:
    address = parse(peer)
    return peer if address is None else str(address)
