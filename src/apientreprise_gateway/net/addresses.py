"""Addresses and networks, read in one way wherever they come from.

IPv4 may be written as IPv6: mapped (`::ffff:192.0.2.1`), or by a translator (NAT64, `64:ff9b::192.0.2.1`). Such an
address is the IPv4 address that it holds, and a network of them a network of IPv4: one client has one name, in counts,
bans, lists and log lines.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_IPV4_BITS: Final = 32
_PREFIX_LENGTH: Final = 96
_HOLDS_IPV4: Final = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
_PREFIXES: Final = frozenset(int(each.network_address) >> _IPV4_BITS for each in _HOLDS_IPV4)
TRANSLATED_LOCALLY: Final = IPv6Network("64:ff9b:1::/48")
"""Addresses made by local translators (RFC 8215). Where the IPv4 address stands in them is up to the translator, so
they are kept as they are; each is one client, not a subscriber's network."""


def plain(address: Address) -> Address:
    """The IPv4 address that an address holds, or else the address itself."""
    if isinstance(address, IPv6Address) and int(address) >> _IPV4_BITS in _PREFIXES:
        return IPv4Address(int(address) & (1 << _IPV4_BITS) - 1)
    return address


def address(text: str) -> Address:
    """Read an address.

    Raises:
        ValueError: the text is no address.
    """
    return plain(ip_address(text))


def network(text: str, *, strict: bool = False) -> Network:
    """Read an address or a CIDR.

    Args:
        text: an address or a CIDR of either family.
        strict: whether bits beyond the prefix are an error.

    Raises:
        ValueError: it is neither, or it holds addresses of both families: it would match only half of what it says.
    """
    found = ip_network(text.strip(), strict=strict)
    if isinstance(found, IPv4Network):
        return found
    if found.prefixlen >= _PREFIX_LENGTH:
        inside = plain(found.network_address)
        if isinstance(inside, IPv4Address):
            return IPv4Network((inside, found.prefixlen - _PREFIX_LENGTH))
        return found
    held = next((each for each in _HOLDS_IPV4 if each.subnet_of(found)), None)
    if held is not None and found.prefixlen > 0:  # `::/0` is known to be all of IPv6, and no more
        raise ValueError(f"{text} holds {held}, which is IPv4: name networks of IPv4 and of IPv6 apart")
    return found


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses and CIDRs.

    Raises:
        ValueError: one of them is neither, see `network`.
    """
    return tuple(network(text) for text in texts)


def is_in(one: Address, nets: Iterable[Network]) -> bool:
    """Whether an address belongs to one of the networks."""
    return any(one in net for net in nets)
