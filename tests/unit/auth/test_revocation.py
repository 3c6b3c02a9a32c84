"""Tests of the revocations in Redis, on a real server."""

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from apientreprise_gateway.auth import ledger
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.revocation import LIFTED, Revocation, RevocationWatch, lift, merged, revocations, revoke
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.url import parse_url
from support import stores

JTI = "6f1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10"
OTHER = "0d3c1b52-8c34-4f39-9d0e-0d3b7a1a9c55"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()
PATIENCE = 60.0


class Clock:
    """A clock that stands still until told otherwise; seconds."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time."""
        return self.now


class Site:
    """A registry that follows a server, and another client that revokes."""

    def __init__(self, server: stores.Server) -> None:
        self.server = server
        self.clock = Clock()
        self.registry = TokenRegistry(now=self.clock)
        self.operator = client(parse_url(server.url), timeout=PATIENCE)
        self.client = client(parse_url(server.url), timeout=PATIENCE)
        self.watch = RevocationWatch(self.client, self.registry)

    async def read(self) -> list[str]:
        """Let the watch look once; the events that it logs."""
        with capture_logs() as logs:
            await self.watch.refresh()
        return [line["event"] for line in logs]

    async def revoke(self, jti: str = JTI, at: float = NOON) -> None:
        """Revoke a token, as an operator does."""
        await revoke(self.operator, jti, at)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Server]:
    """A Valkey."""
    with stores.server(tmp_path_factory.mktemp("valkey"), stores.valkey_server()) as started:
        yield started


@asynccontextmanager
async def _site(server: stores.Server) -> AsyncIterator[Site]:
    site = Site(server)
    try:
        yield site
    finally:
        await site.client.close()
        await site.operator.close()


@pytest.fixture
async def site(server: stores.Server) -> AsyncIterator[Site]:
    """A gateway and an operator on an empty server."""
    server.command("FLUSHALL")
    async with _site(server) as started:
        yield started


@pytest.mark.parametrize("loud_first", [True, False])
async def test_a_jti_in_two_spellings(site: Site, loud_first: bool) -> None:
    """Of two entries that differ in case the earlier date counts, in any order; what is taken back is so in both."""
    dates = {JTI.upper(): NOON - 9, JTI: NOON + 9}
    for jti in sorted(dates, reverse=not loud_first):
        await site.operator.ask("HSET", "gw:revoked", jti, repr(dates[jti]))
    await site.read()
    assert site.registry.is_revoked(JTI)
    assert (await revocations(site.operator))[JTI].at == NOON - 9
    await lift(site.operator, JTI)
    await site.read()
    assert not site.registry.is_revoked(JTI)
    await site.operator.ask("HSET", "gw:revoked", JTI.title(), repr(NOON - 9))
    await site.operator.ask("SET", "gw:revoked:version", "by hand")
    await site.read()
    assert site.registry.is_revoked(JTI)
    await revoke(site.operator, JTI, NOON + 9, force=True)
    await site.read()
    assert not site.registry.is_revoked(JTI)
    assert await site.operator.ask("HKEYS", "gw:revoked") == [JTI.encode()]


async def test_revoked_token_is_known(site: Site) -> None:
    """A token that an operator revokes is revoked at every gateway that looks."""
    assert await site.read() == []
    assert not site.registry.is_revoked(JTI)
    await site.revoke()
    assert await site.read() == ["revocations_read"]
    assert site.registry.is_revoked(JTI)
    assert not site.registry.is_revoked(OTHER)


@pytest.mark.parametrize("at", [NOON + 30, NOON + 0.25, NOON + 86_400 * 365.5])
async def test_future_date(site: Site, at: float) -> None:
    """A revocation may lie in the future, and holds from its very instant."""
    await site.revoke(at=at)
    await site.read()
    assert not site.registry.is_revoked(JTI)
    site.clock.now = at - 0.001
    assert not site.registry.is_revoked(JTI)
    site.clock.now = at
    assert site.registry.is_revoked(JTI)


async def test_date_is_changed(site: Site) -> None:
    """The date that was given last is the one that counts."""
    await site.revoke(at=NOON + 60)
    await site.read()
    await site.revoke(at=NOON)
    await site.read()
    assert site.registry.is_revoked(JTI)


async def test_several_tokens(site: Site) -> None:
    """Each token has a date of its own."""
    for number in range(100):
        await site.revoke(f"token-{number}", NOON + number)
    await site.read()
    site.clock.now = NOON + 49
    assert [site.registry.is_revoked(f"token-{number}") for number in range(100)] == [True] * 50 + [False] * 50


async def test_nothing_new_is_not_read(site: Site) -> None:
    """As long as nothing changes, nothing is read, and nothing is logged."""
    await site.revoke()
    assert await site.read() == ["revocations_read"]
    site.server.command("CONFIG", "RESETSTAT")
    for _ in range(3):
        assert await site.read() == []
    commands = site.server.client().info("commandstats")
    assert "cmdstat_get" in commands
    assert "cmdstat_hgetall" not in commands


async def test_emptied_server_revives_nobody(site: Site) -> None:
    """A server that loses its memory revives no token, also when tokens are revoked on it afterwards."""
    await site.revoke()
    await site.read()
    site.server.command("FLUSHALL")
    await site.read()
    assert site.registry.is_revoked(JTI)
    await site.revoke(OTHER)
    await site.read()
    assert site.registry.is_revoked(JTI)
    assert site.registry.is_revoked(OTHER)


async def test_revocation_on_an_emptied_server_is_seen(site: Site) -> None:
    """After a server has lost its memory, the first token that is revoked on it is revoked, as after the second."""
    await site.revoke()
    await site.read()
    site.server.command("FLUSHALL")
    await site.revoke(OTHER)  # no look in between
    await site.read()
    assert site.registry.is_revoked(OTHER)


async def test_unreachable_server_keeps_what_was_read(site: Site) -> None:
    """While the server is away, what was read stays in force, and one line says so; so it does the next time."""
    await site.revoke()
    await site.read()
    for number in range(2):
        site.server.stop()
        try:
            events = [event for _ in range(3) for event in await site.read()]
        finally:
            site.server.start()
        assert events == ["revocations_unreadable"]
        assert site.registry.is_revoked(JTI)
        assert await site.read() == ["revocations_given_back"]
        await site.operator._redis.connection_pool.disconnect()
        await site.revoke(f"{OTHER}-{number}")
        await site.revoke(f"{OTHER}-{number}")
        await site.read()
        assert site.registry.is_revoked(f"{OTHER}-{number}")
    assert site.registry.is_revoked(JTI)


@pytest.mark.parametrize("words", [("SET", "gw:revoked:version", "2"), ("HSET", "gw:revoked", "other", "1")])
async def test_error_of_the_server_keeps_what_was_read(site: Site, words: tuple[str, ...]) -> None:
    """A server whose keys are not what they should be is put right and complained of once, and revives no token."""
    key = "gw:revoked" if words[0] == "SET" else "gw:revoked:version"
    await site.revoke()
    await site.read()
    site.server.command("DEL", key)
    site.server.command("LPUSH", key, "wrong")
    site.server.command(*words)
    events = [event for _ in range(3) for event in await site.read()]
    assert events[0] == "revocations_spoilt"
    assert events.count("revocations_spoilt") == 1
    assert "revocations_unreadable" not in events
    assert site.registry.is_revoked(JTI)
    assert JTI in await revocations(site.operator)


async def test_date_that_is_none_keeps_what_was_read(site: Site) -> None:
    """A date written by hand that is no date is complained of, and neither ends the watch nor hides the others."""
    await site.revoke()
    site.server.command("HSET", "gw:revoked", OTHER, "tomorrow")
    site.server.command("SET", "gw:revoked:version", "another")
    await site.read()
    assert not site.registry.is_revoked(OTHER)


async def test_revocation_has_no_end(site: Site) -> None:
    """A revocation stays in the server until somebody takes it out."""
    await site.revoke()
    assert {key: site.server.command("TTL", key) for key in site.server.command("KEYS", "*")} == {
        b"gw:revoked": -1,
        b"{gw:revoked}:changed": -1,
        b"gw:revoked:version": -1,
    }


# What stands, and what is lifted.


@pytest.mark.parametrize(("first", "later"), [(-60.0, 0.0), (0.0, 60.0), (3600.0, 7200.0), (0.0, 0.0)])
async def test_earlier_date_stands(site: Site, first: float, later: float) -> None:
    """A later date, or the same, does not replace the one that is given, unless that is forced."""
    assert await revoke(site.operator, JTI, NOON + first) is None
    assert await revoke(site.operator, JTI, NOON + later) == NOON + first
    assert (await revocations(site.operator))[JTI].at == NOON + first
    assert await revoke(site.operator, JTI, NOON + later, force=True) is None
    assert (await revocations(site.operator))[JTI].at == NOON + later


async def test_lifted_revocation_is_seen(site: Site) -> None:
    """A token whose revocation is lifted is valid again, and may be revoked once more, from any date."""
    for _ in range(3):
        await site.revoke(at=NOON - 60)
        await site.read()
        assert site.registry.is_revoked(JTI)
        await lift(site.operator, JTI)
        assert await site.read() == ["revocations_read"]
        assert not site.registry.is_revoked(JTI)
        assert site.registry.revoked == {}


async def test_emptied_server_is_given_back_what_was_lost(site: Site) -> None:
    """A server that has lost its memory is told the dates that a gateway knows, lifted ones too, and nothing twice."""
    await site.revoke()
    await site.revoke(OTHER)
    await lift(site.operator, OTHER)
    await site.read()
    before = await revocations(site.operator)
    site.server.command("FLUSHALL")
    assert await site.read() == ["revocations_given_back"]
    assert await revocations(site.operator) == before
    assert [await site.read() for _ in range(3)] == [[], [], []]
    other = Site(site.server)
    await other.read()
    assert (other.registry.is_revoked(JTI), other.registry.is_revoked(OTHER)) == (True, False)
    await other.client.close()
    await other.operator.close()


@pytest.mark.parametrize("stale_first", [True, False])
@pytest.mark.parametrize("lifted_last", [True, False])
async def test_what_was_changed_last_counts(site: Site, *, stale_first: bool, lifted_last: bool) -> None:
    """Of two gateways that give a server back what it has lost, the one that knows the last change prevails."""

    async def change(*, to_lifted: bool) -> None:
        await (lift(site.operator, JTI) if to_lifted else site.revoke(at=NOON - 5))

    stale = RevocationWatch(site.client, TokenRegistry(now=site.clock))
    await change(to_lifted=not lifted_last)
    await stale.refresh()
    await change(to_lifted=lifted_last)
    await site.read()
    site.server.command("FLUSHALL")
    watches = [stale, site.watch] if stale_first else [site.watch, stale]
    for watch in [*watches, *watches]:
        await watch.refresh()
    assert stale.known[JTI].in_force is not lifted_last
    assert stale.known == site.watch.known == await revocations(site.operator)


async def test_older_memory_of_a_server_is_put_right(site: Site) -> None:
    """A server that comes back with an older state (of a snapshot, of a replica) is told what was changed since."""
    await site.revoke(at=NOON + 3600)
    old = {name: site.server.command("HGETALL", name) for name in ("gw:revoked", "{gw:revoked}:changed")}
    await site.revoke(at=NOON)
    await site.read()
    site.server.command("FLUSHALL")
    for name, fields in old.items():
        for field, value in fields.items():
            site.server.command("HSET", name, field, value)
    await site.read()
    assert site.registry.is_revoked(JTI)
    assert (await revocations(site.operator))[JTI].at == NOON


async def test_written_by_hand(site: Site) -> None:
    """A date written without an instant of its change counts as Redis has it, in any spelling of the jti."""
    site.server.command("HSET", "gw:revoked", JTI.upper(), str(NOON - 1))
    site.server.command("SET", "gw:revoked:version", "1")
    await site.read()
    assert site.registry.is_revoked(JTI)


@pytest.mark.parametrize("date", ["nan", "", "tomorrow", "0x"])
async def test_dates_that_are_none(site: Site, date: str) -> None:
    """What is no date revokes nothing, is told, and may be replaced by a date."""
    site.server.command("HSET", "gw:revoked", JTI, date)
    assert "revocation_without_date" in await site.read()
    await site.revoke()
    await site.read()
    assert site.registry.is_revoked(JTI)


_instants = st.sampled_from([-math.inf, 0.0, 1.0, 2.0, LIFTED])
_entries = st.dictionaries(st.sampled_from("abc"), st.builds(Revocation, _instants, st.sampled_from([0.0, 1.0, 2.0])))


@given(_entries, _entries, _entries)
def test_merging(one: dict[str, Revocation], other: dict[str, Revocation], third: dict[str, Revocation]) -> None:
    """In whatever order, and however often, processes tell each other what they know, they come to know the same."""
    assert merged(one, other) == merged(other, one)
    assert merged(merged(one, other), third) == merged(one, merged(other, third))
    assert merged(one, one) == one


def test_poll_is_a_second() -> None:
    """A revocation is in force at most a second after it was made."""
    assert ledger.POLL_SECONDS <= 1


@pytest.mark.parametrize("spoilt", [("SET", "abc"), ("RPUSH", "abc"), ("HSET", "a", "b"), ("SADD", "abc")], ids=str)
@pytest.mark.parametrize("key", ["gw:revoked", "{gw:revoked}:changed", "gw:revoked:version"])
async def test_something_else_under_our_names(server: stores.Server, key: str, spoilt: tuple[str, ...]) -> None:
    """It is moved away, and nothing is lost that gateways know; revocations and starts go on as ever."""
    server.command("FLUSHALL")
    site = Site(server)
    await site.revoke()
    await site.read()
    server.command("DEL", key)
    server.command(spoilt[0], key, *spoilt[1:])
    await site.revoke(OTHER)
    await site.read()
    assert set(site.registry.revoked) == {JTI, OTHER}
    assert set(await revocations(site.operator)) - {"a"} == {JTI, OTHER}
    server.command("DEL", key)
    server.command(spoilt[0], key, *spoilt[1:])
    fresh = RevocationWatch(site.client, TokenRegistry(now=site.clock))
    assert await fresh.refresh()
    assert fresh.was_read
    await site.read()
    for each in (site.operator, site.client):
        await each.close()
