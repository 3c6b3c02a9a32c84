"""Tests of the search for the client's address."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.net.addresses import networks
from apientreprise_gateway.net.client_ip import UNKNOWN, ClientIp, counted, parse

PEER = "10.0.0.1"
TRUSTED = networks(["10.0.0.0/8", "fd00::/8"])
CLIENT_IP = ClientIp(trusted_proxies=TRUSTED)


def headers(*lines: str) -> list[tuple[bytes, bytes]]:
    """The headers of a request with these lines of `X-Forwarded-For`, among others."""
    forwarded = [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]
    return [(b"host", b"gateway"), *forwarded, (b"x-real-ip", b"203.0.113.99"), (b"forwarded", b"for=203.0.113.98")]


@dataclass(frozen=True)
class Hop:
    """An element of the header, with what it means; None for garbage."""

    text: str
    address: IPv4Address | IPv6Address | None

    @property
    def trusted(self) -> bool:
        """Whether it is one of our proxies, by arithmetic."""
        match self.address:
            case IPv4Address():
                return int(self.address) >> 24 == 10
            case IPv6Address():
                return int(self.address) >> 120 == 0xFD
            case None:
                return False


_ports = st.integers(0, 65535)
_v4 = st.one_of(
    st.integers(0, 2**24 - 1).map(lambda host: IPv4Address((10 << 24) + host)),
    st.integers(0, 2**32 - 1).map(IPv4Address),
)
_v6 = st.one_of(
    st.integers(0, 2**120 - 1).map(lambda host: IPv6Address((0xFD << 120) + host)),
    st.integers(1, 2**128 - 1).map(IPv6Address).filter(lambda six: int(six) >> 32 not in (0xFFFF, 0x64FF9B << 64)),
)


@st.composite
def _hops(draw: st.DrawFn) -> Hop:
    kind = draw(st.sampled_from(["v4", "v4", "mapped", "translated", "v6", "v6", "garbage"]))
    port = draw(_ports)
    if kind == "v4":
        four = draw(_v4)
        text = draw(st.sampled_from([f"{four}", f"{four}:{port}", f'"{four}:{port}"', f'"{four}"']))
        hop = Hop(text, four)
    elif kind == "mapped":
        four = draw(_v4)
        mapped = IPv6Address(f"::ffff:{four}")
        text = draw(st.sampled_from([f"::ffff:{four}", f"[::FFFF:{four}]:{port}", mapped.exploded, f"[{mapped}]"]))
        hop = Hop(text, four)
    elif kind == "translated":
        four = draw(_v4)
        nat64 = IPv6Address((0x64FF9B << 96) + int(four))
        hop = Hop(draw(st.sampled_from([f"64:ff9b::{four}", f"[64:FF9B::{four}]:{port}", nat64.exploded])), four)
    elif kind == "v6":
        six = draw(_v6)
        spelt = draw(st.sampled_from([str(six), six.exploded, six.exploded.upper()]))
        zone = draw(st.sampled_from(["", "%eth0", "%1"]))
        text = draw(st.sampled_from([f"{spelt}{zone}", f"[{spelt}{zone}]", f"[{spelt}]:{port}", f'"[{spelt}]:{port}"']))
        hop = Hop(text, six)
    else:
        garbage = ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "999.1.1.1", "01.2.3.4", "::g", "-", "[]", "é", "10"]
        hop = Hop(draw(st.sampled_from(garbage)), None)
    return Hop(draw(st.sampled_from(["", " ", "\t", "  "])) + hop.text + draw(st.sampled_from(["", " "])), hop.address)


@given(lines=st.lists(st.lists(_hops(), min_size=1, max_size=4), max_size=3))
@settings(max_examples=500, deadline=None)
def test_rightmost_untrusted_address(lines: list[list[Hop]]) -> None:
    """For every chain, on however many lines, the client is its rightmost address that is no proxy of ours.

    Nothing left of what cannot be read is believed; where all are proxies, the farthest one counts.
    """
    chain = [hop for line in lines for hop in line if hop.text.strip()]  # an empty element says nothing
    readable = list(takewhile(lambda hop: hop.address is not None, reversed(chain)))
    untrusted = [hop for hop in readable if not hop.trusted]
    expected = str(untrusted[0].address) if untrusted else str(readable[-1].address) if readable else PEER
    assert CLIENT_IP.of(PEER, headers(*(",".join(hop.text for hop in line) for line in lines))) == expected


@given(text=st.text(st.characters(max_codepoint=255)))
@settings(max_examples=300, deadline=None)
def test_any_header_gives_an_address(text: str) -> None:
    """Whatever the header holds, the client is an address."""
    assert parse(CLIENT_IP.of(PEER, headers(text))) is not None


@given(forged=st.lists(_hops(), max_size=4), client=_v4)
@settings(max_examples=200, deadline=None)
def test_what_a_client_writes_changes_nothing(forged: list[Hop], client: IPv4Address) -> None:
    """Whatever a client puts into the header, what our proxy adds to it is what counts."""
    if Hop("", client).trusted:
        return
    line = ",".join([*(hop.text for hop in forged), str(client)])
    assert CLIENT_IP.of(PEER, headers(line)) == str(client)


@pytest.mark.parametrize("peer", ["203.0.113.7", "11.0.0.1", "2001:db8::1", "::ffff:203.0.113.7"])
def test_header_of_an_untrusted_peer_is_ignored(peer: str) -> None:
    """The header of a peer that is no proxy of ours is not read."""
    assert CLIENT_IP.of(peer, headers("198.51.100.1")) == str(parse(peer))


def test_no_proxies() -> None:
    """Without trusted proxies the peer is the client, whatever the header says."""
    assert ClientIp().of("10.0.0.1", headers("198.51.100.1")) == "10.0.0.1"
    assert ClientIp().of("::ffff:10.0.0.1", headers()) == "10.0.0.1"


def test_no_header() -> None:
    """A proxy's own call, without the header, is the proxy's."""
    assert CLIENT_IP.of(PEER, headers()) == PEER


def test_peer_written_as_ipv6() -> None:
    """A proxy that reaches us through a dual-stack socket is recognized."""
    assert CLIENT_IP.of("::ffff:10.0.0.1", headers("198.51.100.1")) == "198.51.100.1"


@pytest.mark.parametrize("client_ip", [CLIENT_IP, ClientIp()])
def test_unix_socket(client_ip: ClientIp) -> None:
    """A peer without an address has none, and is not believed."""
    assert client_ip.of(None, headers("198.51.100.1")) == UNKNOWN


def test_peer_that_is_no_address() -> None:
    """A peer whose name is no address stands for itself."""
    assert CLIENT_IP.of("testclient", headers("198.51.100.1")) == "testclient"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:443", "192.0.2.1"),
        (" 192.0.2.1\t", "192.0.2.1"),
        ('"192.0.2.1"', "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]:443", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
    ],
)
def test_spellings(text: str, address: str) -> None:
    """An address is read however proxies write it."""
    assert str(parse(text)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "unknown",
        "_x",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.01",
        "192.0.2.1/24",
        "2001:db8",
        ":",
        "[",
        "[]",
        "١.٢.٣.٤",
    ],
)
def test_garbage(text: str) -> None:
    """What is no address is not read as one."""
    assert parse(text) is None


@given(address=_v6, other=st.integers(0, 2**64 - 1))
@settings(max_examples=200, deadline=None)
def test_ipv6_counts_by_its_64(address: IPv6Address, other: int) -> None:
    """Addresses of one /64 are one client, written as that network; the next /64 is another."""
    name = counted(str(address))
    prefix = int(address) >> 64
    assert name == f"{IPv6Address(prefix << 64)}/64"
    assert counted(str(IPv6Address((prefix << 64) + other))) == name
    assert counted(str(IPv6Address(((prefix ^ 1) << 64) + other))) != name


@given(address=_v4)
@settings(max_examples=100, deadline=None)
def test_ipv4_counts_by_itself(address: IPv4Address) -> None:
    """An IPv4 address is counted as itself, also where it comes as IPv6."""
    assert counted(str(address)) == counted(f"::ffff:{address}") == str(address)


def test_zones_count_together() -> None:
    """The zone of an address is the machine's affair."""
    assert counted("fe80::1%eth0") == counted("fe80::2%eth1") == "fe80::/64"


def test_what_is_no_address_is_counted_by_its_text() -> None:
    """What cannot be read is counted all the same."""
    assert counted(UNKNOWN) == UNKNOWN


def test_exempt_clients() -> None:
    """The clients of the allowlist are exempt, others and unreadable ones are not."""
    client_ip = ClientIp(allowlist=networks(["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"]))
    for client in ("192.0.2.200", "2001:db8:1::1", "198.51.100.7", "::ffff:192.0.2.1"):
        assert client_ip.is_exempt(client), client
    for client in ("192.0.3.1", "2001:db9::1", "198.51.100.8", UNKNOWN, ""):
        assert not client_ip.is_exempt(client), client


def test_networks() -> None:
    """Addresses and CIDRs are read, host bits and spaces forgiven."""
    assert [str(net) for net in networks([" 10.1.2.3/8", "192.0.2.1", "2001:db8::1/32"])] == [
        "10.0.0.0/8",
        "192.0.2.1/32",
        "2001:db8::/32",
    ]


@pytest.mark.parametrize("text", ["", "example.org", "10.0.0.0/33", "*"])
def test_no_network(text: str) -> None:
    """What is neither an address nor a CIDR is refused."""
    with pytest.raises(ValueError, match=r".*"):
        networks([text])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("64:ff9b::192.0.2.7", "192.0.2.7"),
        ("64:ff9b::c000:207", "192.0.2.7"),
        ("[64:FF9B:0:0:0:0:192.0.2.7]:443", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("64:ff9b:1::192.0.2.7", "64:ff9b:1::c000:207"),
        ("64:ff9b:1:fffe::192.0.2.7", "64:ff9b:1:fffe::c000:207"),
        ("64:ff9b:1:c000:2:700::", "64:ff9b:1:c000:2:700::"),
        ("64:ff9b:0:0:1::c000:207", "64:ff9b::/64"),
        ("64:ff9b:2::1", "64:ff9b:2::/64"),
        ("2001:db8::c000:207", "2001:db8::/64"),
    ],
)
def test_what_translators_make_of_ipv4(text: str, name: str) -> None:
    """The IPv4 address within counts; where it stands at an unknown place, each address counts for itself."""
    assert counted(text) == name
