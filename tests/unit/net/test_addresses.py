"""Tests of the reading of addresses and networks."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.net.addresses import address, is_in, network

PREFIXES = {"::ffff:0:0": 0xFFFF << 32, "64:ff9b::": 0x64FF9B << 96}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("192.0.2.1", "192.0.2.1/32"),
        (" 192.0.2.1 ", "192.0.2.1/32"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:a00:0/104", "10.0.0.0/8"),
        ("0:0:0:0:0:FFFF:0A00:0000/104", "10.0.0.0/8"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("::ffff:a00:1/128", "10.0.0.1/32"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::ffff:128.0.0.0/97", "128.0.0.0/1"),
        ("64:ff9b::10.0.0.0/104", "10.0.0.0/8"),
        ("64:ff9b::a00:1", "10.0.0.1/32"),
        ("64:ff9b::/96", "0.0.0.0/0"),
        ("64:ff9b:1::/48", "64:ff9b:1::/48"),
        ("64:ff9b:1::/96", "64:ff9b:1::/96"),
        ("::/0", "::/0"),
        ("::1", "::1/128"),
        ("::/96", "::/96"),
        ("fd00::/8", "fd00::/8"),
    ],
)
def test_networks(text: str, plain: str) -> None:
    """A network of IPv4 in the form of IPv6 is that network of IPv4."""
    assert network(text, strict=True) == ip_network(plain)


@pytest.mark.parametrize(
    "text", ["::/64", "::ffff:0:0/95", "::ffff:0:0/80", "::/1", "64:ff9b::/95", "64:ff9b::/64", "64:ff9b::/32"]
)
def test_networks_of_both_families(text: str) -> None:
    """A network that holds IPv4 besides addresses of IPv6 would match only the latter, and is refused with a remedy."""
    with pytest.raises(ValueError, match="name networks of IPv4 and of IPv6 apart"):
        network(text)


@pytest.mark.parametrize(
    "text", ["", "x", "10.0.0.0/33", "::ffff:10.0.0.0/129", "::ffff:10.0.0", "1.2.3.4.5", "/8", "::g"]
)
def test_what_is_no_network(text: str) -> None:
    """What is neither an address nor a CIDR is refused."""
    with pytest.raises(ValueError, match=r".+"):
        network(text)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "::ffff:10.0.0.1/104", "64:ff9b::10.0.0.1/104", "2001:db8::1/32"])
def test_bits_beyond_the_prefix(text: str) -> None:
    """They are an error where it is strict, else they do not count."""
    with pytest.raises(ValueError, match="host bits"):
        network(text, strict=True)
    assert network(text).prefixlen in (8, 32)


@given(
    prefix=st.sampled_from(sorted(PREFIXES)),
    four=st.integers(0, 2**32 - 1).map(IPv4Address),
    one=st.integers(0, 2**32 - 1).map(IPv4Address),
    length=st.integers(0, 32),
)
def test_an_address_is_in_a_network_in_whatever_form(
    prefix: str, four: IPv4Address, one: IPv4Address, length: int
) -> None:
    """Both may be written in any form: what counts is the address of IPv4."""
    expected = four in ip_network((one, length), strict=False)
    for own, its in (("", ""), (prefix, ""), ("", prefix), (prefix, prefix)):
        net = network(_written(its, one) + f"/{length + (96 if its else 0)}")
        assert is_in(address(_written(own, four)), [net]) == expected


def _written(prefix: str, four: IPv4Address) -> str:
    return str(IPv6Address(PREFIXES[prefix] + int(four))) if prefix else str(four)


@given(six=st.integers(0, 2**128 - 1).map(IPv6Address))
def test_other_addresses_are_themselves(six: IPv6Address) -> None:
    """An address of IPv6 that holds none of IPv4 is what it is."""
    if not any(six in IPv6Network(f"{prefix}/96") for prefix in PREFIXES):
        assert address(str(six)) == six
