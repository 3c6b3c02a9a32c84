"""Tests of what the account side writes into Redis, on real servers, as gateways read it."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.auth import publication
from apientreprise_gateway.auth.publication import Entered, Publisher, dated, recorded
from apientreprise_gateway.auth.record_watch import RecordWatch, published_records
from apientreprise_gateway.auth.records import KEYS, TokenRecord, read_record, shown, stricter
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.revocation import LIFTED, RevocationWatch, lift, revocations, revoke
from apientreprise_gateway.store.client import Client, client
from apientreprise_gateway.store.errors import UnreachableError
from apientreprise_gateway.store.url import parse_url
from support import stores

JTI = "6f1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10"
OTHER = "0d3c1b52-8c34-4f39-9d0e-0d3b7a1a9c55"
NOON = 1_772_452_800.0
NARROW = {"cap_per_minute": 100, "scopes": ["a"], "allowed_addresses": ["192.0.2.0/24"]}
PATIENCE = 60.0


class Gateway:
    """The registry of a gateway that follows a server."""

    def __init__(self, asks: Client, **known: Any) -> None:
        self.registry = TokenRegistry(now=lambda: NOON)
        self.revocations = RevocationWatch(asks, self.registry)
        self.records = RecordWatch(asks, self.registry, **known)

    async def look(self) -> TokenRegistry:
        """Look once for changes."""
        assert await self.revocations.refresh()
        assert await self.records.refresh()
        return self.registry


class Site:
    """A server, who publishes on it, and who else has a client of it."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.client = client(parse_url(store.url), timeout=PATIENCE)
        self.publisher = Publisher(self.client)
        self.gateway = Gateway(self.client)

    async def text(self, jti: str = JTI) -> Any:
        """The record that Redis has of a token."""
        return json.loads((await published_records(self.client))[jti].text)

    async def at(self, jti: str = JTI) -> float:
        """The date from which a token is revoked in Redis."""
        return (await revocations(self.client))[jti].at


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Server]:
    """A Valkey."""
    with stores.server(tmp_path_factory.mktemp("valkey"), stores.valkey_server()) as started:
        yield started


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Cluster]:
    """A Cluster of three nodes."""
    with stores.cluster(tmp_path_factory.mktemp("cluster"), stores.valkey_server()) as started:
        yield started


@pytest.fixture
async def site(server: stores.Server) -> AsyncIterator[Site]:
    """An empty server."""
    server.command("FLUSHALL")
    started = Site(server)
    yield started
    await started.client.close()


@pytest.fixture(params=["cluster", "sentinel"])
async def large_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A Cluster, or a master known to Sentinels."""
    if request.param == "cluster":
        started = Site(request.getfixturevalue("cluster"))
        yield started
        await started.client.close()
        return
    with stores.replicated(tmp_path_factory.mktemp("replicated"), stores.valkey_server()) as replicated:
        started = Site(replicated)
        yield started
        await started.client.close()


async def _lives(site: Site) -> None:
    """What is published is in force at the next look, and so is its end."""
    published = site.publisher
    assert await published.publish(revocations={JTI.upper(): NOON}, records={OTHER: NARROW}) == Entered(1, 1)
    registry = await site.gateway.look()
    assert registry.is_revoked(JTI)
    assert shown(registry.records[OTHER]) == NARROW
    await published.publish(revocations={JTI: None}, records={OTHER: None})
    registry = await site.gateway.look()
    assert not registry.is_revoked(JTI)
    assert registry.records == {}
    await published.publish(revocations={JTI: NOON + 60})
    assert await site.at() == NOON + 60
    assert not (await site.gateway.look()).is_revoked(JTI)


async def test_what_is_published_is_in_force(site: Site) -> None:
    """A revocation and a record are in force at the gateways as soon as they look, and so is their end."""
    await _lives(site)


async def test_on_every_kind_of_store(large_site: Site) -> None:
    """The same holds on a Cluster and behind Sentinels."""
    await _lives(large_site)
    for count in (1, 0):
        assert not await large_site.publisher.is_intact()
        entered = await large_site.publisher.reconcile(revocations={JTI: NOON + 60}, records={OTHER: NARROW})
        assert entered == (0, count)
    assert await large_site.publisher.is_intact()


async def test_gateways_are_told_again(site: Site) -> None:
    """Who publishes the same once more, as the first try may have ended halfway, has the gateways read it again."""
    await site.publisher.publish(records={JTI: NARROW})
    before = site.store.command("GET", "gw:tokens:version")
    assert await site.publisher.publish(records={JTI: NARROW}) == Entered(0, 0)
    assert site.store.command("GET", "gw:tokens:version") != before


async def test_what_is_no_record_is_not_published(site: Site) -> None:
    """A record or a date that is none is refused before anything is written."""
    for wrong in ({"cap_per_minute": 0}, {"scope": ["a"]}, {"scopes": "a"}, {"allowed_addresses": ["here"]}):
        with pytest.raises(ValueError):  # noqa: PT011
            await site.publisher.publish(revocations={JTI: NOON}, records={OTHER: NARROW, JTI: wrong})
    with pytest.raises(ValueError, match="instant"):
        await site.publisher.publish(revocations={JTI: LIFTED})
    assert site.store.command("KEYS", "*") == []


async def test_a_server_that_is_away(site: Site) -> None:
    """An error of the store is raised as such, and what is missing is written when it is back, empty as it may be."""
    for is_intact in (False, True):
        await site.publisher.reconcile(revocations={JTI: NOON}, records={})
        assert await site.publisher.is_intact() == is_intact
    assert not await Publisher(site.client).is_intact()
    site.store.stop()
    try:
        with pytest.raises(UnreachableError):
            await site.publisher.publish(records={JTI: NARROW})
        with pytest.raises(UnreachableError):
            await site.publisher.is_intact()
    finally:
        site.store.start()
    assert not await site.publisher.is_intact()
    everything: Any = {"revocations": {JTI: NOON, OTHER: None}, "records": {JTI: NARROW, OTHER: None}}
    assert await site.publisher.missing(**everything) == (1, 1)
    assert await site.publisher.reconcile(**everything) == (1, 1)
    assert not await site.publisher.is_intact(), "a gateway may give back older records"
    assert await site.publisher.reconcile(**everything) == await site.publisher.missing(**everything) == (0, 0)
    assert await site.publisher.is_intact()
    registry = await site.gateway.look()
    assert registry.is_revoked(JTI)
    assert shown(registry.records[JTI]) == NARROW
    assert set(registry.records) == {JTI}


async def test_what_was_decided_while_gateways_gave_back(site: Site) -> None:
    """A Redis that was emptied, and told by a gateway what it had, gets what was decided meanwhile."""
    await site.publisher.publish(records={JTI: NARROW, OTHER: NARROW})
    await site.gateway.look()
    site.store.command("FLUSHALL")
    await site.gateway.look()
    assert await site.text() == {**NARROW, "portal": sorted(NARROW)}, "given back by the gateway"
    await site.publisher.reconcile(revocations={}, records={JTI: {"cap_per_minute": 9}, OTHER: None})
    registry = await site.gateway.look()
    assert shown(registry.records[JTI]) == {"cap_per_minute": 9}
    assert OTHER not in registry.records


async def test_many_tokens(site: Site) -> None:
    """So many tokens that they are sent in several batches are all published, and all read."""
    jtis = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(publication._AT_ONCE * 2 + 7)]
    everything: Any = {
        "revocations": dict.fromkeys(jtis, NOON),
        "records": {jti: {"cap_per_minute": 1 + place} for place, jti in enumerate(jtis)},
    }
    assert await site.publisher.reconcile(**everything) == (len(jtis), len(jtis))
    registry = await site.gateway.look()
    assert set(registry.revoked) == set(registry.records) == set(jtis)
    site.store.command("HDEL", "gw:tokens", jtis[7])
    site.store.command("HDEL", "gw:revoked", jtis[-1])
    assert await site.publisher.reconcile(**everything) == (1, 1)


# What others have written.


async def test_revocations_of_others_stay(site: Site) -> None:
    """An earlier date of an operator stands, and is not taken back with ours; a later one gives way to ours."""
    await revoke(site.client, JTI, NOON - 60)
    await revoke(site.client, OTHER, NOON + 60)
    await site.publisher.publish(revocations={JTI: NOON, OTHER: NOON})
    assert (await site.at(), await site.at(OTHER)) == (NOON - 60, NOON)
    await site.publisher.publish(revocations={JTI: None, OTHER: None})
    assert (await site.at(), await site.at(OTHER)) == (NOON - 60, LIFTED)


async def test_what_an_operator_takes_back(site: Site) -> None:
    """A revocation of ours that an operator has taken back is not brought back, but a new one counts."""
    await site.publisher.publish(revocations={JTI: NOON})
    await lift(site.client, JTI)
    assert await site.publisher.reconcile(revocations={JTI: NOON}, records={}) == (0, 0)
    assert await site.at() == LIFTED
    await site.publisher.publish(revocations={JTI: NOON - 1})
    assert await site.at() == NOON - 1


async def test_our_own_date_moves(site: Site) -> None:
    """A date that we have set may become a later or an earlier one."""
    for date in (NOON, NOON + 60, NOON - 60):
        assert await site.publisher.publish(revocations={JTI: date}) == (1, 0)
        assert await site.at() == date


async def test_records_of_others_stay(site: Site) -> None:
    """Keys that somebody else has written stay when ours come and go."""
    site.store.command("HSET", "gw:tokens", JTI, json.dumps({"limit_per_minute": 900, "later": 1}))
    await site.publisher.publish(records={JTI: NARROW})
    assert (await site.gateway.look()).records[JTI].limit_per_minute == 900
    assert shown((await site.gateway.look()).records[JTI]) == {**NARROW, "limit_per_minute": 900}
    await site.publisher.publish(records={JTI: None, OTHER: None})
    assert await site.text() == {"limit_per_minute": 900, "later": 1}
    assert OTHER not in await published_records(site.client)


@pytest.mark.parametrize("spoilt", ["no JSON", "[]", '{"limit_per_minute": "many"}', '{"portal": 5}', "{}", "\udcff"])
async def test_a_record_that_is_none_gives_way(site: Site, spoilt: str) -> None:
    """What cannot be read does not keep ours from being in force."""
    site.store.command("HSET", "gw:tokens", JTI, spoilt.encode("utf-8", "surrogateescape"))
    await site.publisher.publish(records={JTI: NARROW})
    assert shown((await site.gateway.look()).records[JTI]) == NARROW


@pytest.mark.parametrize("key", ["gw:tokens", "{gw:tokens}:changed", "{gw:tokens}:portal", "gw:tokens:version"])
async def test_something_else_under_our_names(site: Site, key: str) -> None:
    """A key of another type is moved away, and does not keep what is published from being in force."""
    site.store.command("RPUSH", key, "wrong")
    await site.publisher.publish(records={JTI: NARROW})
    assert shown((await site.gateway.look()).records[JTI]) == NARROW


async def test_two_portals_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another one has changed between our look and our write is looked at again, and not overwritten unseen."""
    found = Publisher._found
    others = iter([({"limit_per_minute": 7}), ({"limit_per_minute": 8})])

    async def disturbed(self: Publisher, *words: Any) -> Any:
        answer = await found(self, *words)
        if (other := next(others, None)) is not None:
            site.store.command("HSET", "gw:tokens", JTI, json.dumps(other))
        return answer

    monkeypatch.setattr(Publisher, "_found", disturbed)
    await site.publisher.publish(records={JTI: {"cap_per_minute": 5}})
    assert await site.text() == {"limit_per_minute": 8, "cap_per_minute": 5, "portal": ["cap_per_minute"]}


# The rules, as laws.

_dates = st.sampled_from([NOON, NOON + 1, NOON + 2])
_acts = st.lists(st.tuples(st.sampled_from(["ours", "theirs"]), st.none() | _dates), max_size=8)


@given(_acts)
def test_dates_of_ours_and_theirs(acts: list[tuple[str, float | None]]) -> None:
    """A new date of ours is in force, or an earlier one; what we take back is ours alone; twice is as good as once."""
    there = own = b""
    for who, date in acts:
        if who == "theirs":
            there = repr(LIFTED if date is None else date).encode()
            continue
        change = dated(there, own, date)
        assert change.expected == there
        after = change.value.encode() or there
        if date is None:
            assert after == (repr(LIFTED).encode() if own and own == there else there)
        elif own == repr(date).encode() and there:
            assert after == there
        else:
            assert float(after) <= date
            assert after in (there, repr(date).encode())
        there, own = after, change.own.encode()
        again = dated(there, own, date)
        assert (again.value, again.own.encode()) == ("", own)


_entry = st.fixed_dictionaries(
    {},
    optional={
        "limit_per_minute": st.integers(1, 9),
        "cap_per_minute": st.integers(1, 9),
        "scopes": st.lists(st.sampled_from("abc"), unique=True),
        "allowed_addresses": st.lists(
            st.sampled_from(["192.0.2.0/24", "192.0.2.7", "0.0.0.0/0", "2001:db8::/32"]), unique=True
        ),
    },
)


@given(_entry, st.lists(_entry, max_size=4))
def test_records_of_ours_and_theirs(theirs: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    """The record is ours, and of theirs what we have not; without ours it is theirs but for what ours replaced."""
    there = json.dumps(theirs).encode() if theirs else b""
    kept = dict(theirs)
    for entry in ours:
        change = recorded(there, b"", entry)
        kept = {key: value for key, value in kept.items() if key not in entry}
        there = change.value.encode() or there
        assert recorded(there, b"", entry).value == "", "twice is as good as once"
        found = json.loads(there or b"{}")
        assert {key: value for key, value in found.items() if key in KEYS} == {**kept, **entry}


_records = _entry.map(lambda entry: read_record(json.dumps(entry))[0])


@given(_records, _records, _records)
def test_the_stricter_of_records(one: TokenRecord, other: TokenRecord, third: TokenRecord) -> None:
    """A token with two records may do what both let it do, and no more, in whatever order they are read."""
    both = stricter(one, other)
    assert set(both.allowed or ()) == set(stricter(other, one).allowed or ())
    assert stricter(both, both) == stricter(one, both) == both == stricter(both, TokenRecord())
    held = frozenset("abcd")
    assert both.narrowed(held) == one.narrowed(held) & other.narrowed(held)
    for client_address in ("192.0.2.7", "192.0.2.8", "198.51.100.1", "2001:db8::1", "2001:db9::1", "unknown"):
        expected = one.allows(client_address) and other.allows(client_address)
        assert both.allows(client_address) == expected
        left, right = stricter(both, third), stricter(one, stricter(other, third))
        assert left.allows(client_address) == right.allows(client_address)
    for limit in ("limit_per_minute", "cap_per_minute"):
        figures = [figure for figure in (getattr(one, limit), getattr(other, limit)) if figure is not None]
        assert getattr(both, limit) == min(figures, default=None)
