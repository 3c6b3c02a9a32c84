"""Tests of telling Redis what was decided about tokens, on a real server and both databases."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, update
from structlog.testing import capture_logs

from apientreprise_gateway.accounts import publications, security, tokens
from apientreprise_gateway.accounts.model import Habilitation, Token
from apientreprise_gateway.auth.publication import Publisher
from apientreprise_gateway.auth.record_watch import published_records
from apientreprise_gateway.auth.revocation import revocations, revoke
from apientreprise_gateway.database.accounts import tokens as rows
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.portal.publishing import RECONCILE_SECONDS, Publishing, PublishingMetrics
from apientreprise_gateway.store.client import Client, client
from apientreprise_gateway.store.url import parse_url
from support import stores
from support.accounts import add_habilitation
from support.stores import Server

NOW = datetime(2026, 3, 2, 12, 30, 15, tzinfo=UTC)
PATIENCE = 60.0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Valkey."""
    with stores.server(tmp_path_factory.mktemp("valkey"), stores.valkey_server()) as started:
        yield started


class Portal:
    """What one portal has to publish with."""

    def __init__(self, engine: Engine, redis: Client) -> None:
        self.engine, self.redis, self.time = engine, redis, 0.0
        self.metrics = PublishingMetrics(CollectorRegistry())
        self.publishing = Publishing(
            engine=engine,
            publisher=Publisher(redis),
            metrics=self.metrics,
            now=lambda: NOW + timedelta(seconds=self.time),
            clock=lambda: self.time,
        )

    async def turn(self) -> float:
        """One turn of its loop."""
        return await self.publishing.turn()

    async def revoked(self) -> dict[str, float]:
        """What Redis says is revoked, and from when."""
        return {jti: each.at for jti, each in (await revocations(self.redis)).items()}

    async def records(self) -> dict[str, str]:
        """The records that Redis has."""
        return {jti: each.text for jti, each in (await published_records(self.redis)).items()}

    def waiting(self) -> int:
        """How many tokens Redis must be told of."""
        with reading(self.engine) as connection:
            return publications.waiting(connection)[0]


@pytest.fixture
async def portal(engine: Engine, store: Server) -> AsyncIterator[Portal]:
    """A portal on an empty store."""
    store.command("FLUSHALL")
    redis = client(parse_url(store.url), timeout=PATIENCE)
    yield Portal(engine, redis)
    await redis.close()


@pytest.fixture
def habilitation(engine: Engine) -> Habilitation:
    """One that was approved."""
    with writing(engine) as connection:
        return add_habilitation(connection, NOW, scopes=["a", "b"])


@pytest.fixture
def token(engine: Engine, habilitation: Habilitation) -> Token:
    """A token of it."""
    with writing(engine) as connection:
        return tokens.make(connection, habilitation, now=NOW)


def revoke_now(engine: Engine, jti: str) -> None:
    """Revoke a token."""
    with writing(engine) as connection:
        tokens.revoke(connection, jti, now=NOW, reason="Fuite")


async def test_acts_are_told(portal: Portal, habilitation: Habilitation, token: Token) -> None:
    """Revocations, narrowed scopes and settings reach Redis, and nothing waits any more."""
    with writing(portal.engine) as connection:
        tokens.narrow(connection, token.id, ["a"], now=NOW)
        security.set_by_applicant(
            connection, habilitation.id, allowed_addresses=["192.0.2.0/24"], cap_per_minute=5, now=NOW, by="x"
        )
        tokens.revoke(connection, token.id, now=NOW, at=NOW + timedelta(days=1), reason="Fin")
        later = tokens.make(connection, habilitation, now=NOW)
    await portal.turn()
    assert await portal.revoked() == {token.id: (NOW + timedelta(days=1)).timestamp()}
    said = await portal.records()
    assert '"scopes":["a"]' in said[token.id]
    assert all('"cap_per_minute":5' in said[jti] and "192.0.2.0/24" in said[jti] for jti in (token.id, later.id))
    assert portal.waiting() == 0


async def test_a_limit_that_was_taken_back(portal: Portal, habilitation: Habilitation, token: Token) -> None:
    """Settings that are emptied leave no record, and what an operator wrote beside them stays."""
    with writing(portal.engine) as connection:
        security.set_limit(connection, habilitation.id, 500, now=NOW, by="x")
    await portal.turn()
    with writing(portal.engine) as connection:
        security.set_limit(connection, habilitation.id, None, now=NOW, by="x")
    await portal.turn()
    assert await portal.records() == {token.id: "{}"}


async def test_lost_data_are_written_anew(portal: Portal, token: Token, store: Server) -> None:
    """A flushed Redis is noticed at the next look, and told of all that is in force; a second look finds nothing."""
    revoke_now(portal.engine, token.id)
    await portal.turn()
    store.command("FLUSHALL")
    with capture_logs() as logs:
        await portal.turn()
        await portal.turn()
    assert await portal.revoked() == {token.id: NOW.timestamp()}
    assert [line["event"] for line in logs] == ["tokens_restored"]


async def test_what_is_missing_is_found_each_minute(portal: Portal, token: Token, store: Server) -> None:
    """An entry that was lost alone is written anew within a minute, and what others wrote stays."""
    revoke_now(portal.engine, token.id)
    for _ in range(3):  # what had to be written is looked at once more
        await portal.turn()
    await revoke(portal.redis, "6f1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10", 5.0)
    store.command("HDEL", "gw:revoked", token.id)
    await portal.turn()
    assert token.id not in await portal.revoked()
    portal.time += RECONCILE_SECONDS
    await portal.turn()
    assert await portal.revoked() == {token.id: NOW.timestamp(), "6f1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10": 5.0}


async def test_an_old_database_revives_nothing(portal: Portal, token: Token) -> None:
    """A database that was restored from before a revocation does not take it back, whatever is done with the token."""
    revoke_now(portal.engine, token.id)
    await portal.turn()
    with writing(portal.engine) as connection:
        connection.execute(update(rows).values(revoked_at=None))
        tokens.narrow(connection, token.id, ["a"], now=NOW)
    portal.time += RECONCILE_SECONDS
    await portal.turn()
    assert await portal.revoked() == {token.id: NOW.timestamp()}


async def test_redis_away(engine: Engine, token: Token, store: Server) -> None:
    """While Redis is away the row waits, and one line says so; what was decided is told when it is back."""
    redis = client(parse_url(store.url), timeout=PATIENCE)
    portal = Portal(engine, redis)
    await portal.turn()
    store.stop()
    revoke_now(engine, token.id)
    with capture_logs() as logs:
        pauses = [await portal.turn() for _ in range(6)]
        portal.time += 30
        assert portal.waiting() == 1
        store.start()
        assert await portal.turn() == 1.0
    assert pauses == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    events = [line["event"] for line in logs]
    assert events.count("publishing_failed") == 1
    assert events.count("publishing_goes_on") == 1
    assert portal.metrics.failures._value.get() == 6
    assert await portal.revoked() == {token.id: NOW.timestamp()}
    assert portal.waiting() == 0
    await redis.close()


async def test_the_age_of_what_waits(engine: Engine, token: Token, portal: Portal) -> None:
    """The metrics tell how many tokens wait, and since when."""
    portal.time = 90
    portal.publishing._due()
    assert portal.metrics.waiting._value.get() == 1
    assert portal.metrics.age._value.get() == 90
    await portal.turn()
    assert (portal.metrics.waiting._value.get(), portal.metrics.age._value.get()) == (0, 0)


async def test_expired_tokens_are_not_told(portal: Portal, token: Token) -> None:
    """Of a token that has expired Redis is told nothing, and its row goes."""
    revoke_now(portal.engine, token.id)
    portal.time = (token.ends_at - NOW).total_seconds()
    await portal.turn()
    assert await portal.revoked() == {}
    assert portal.waiting() == 0


async def test_an_act_while_another_one_is_told(portal: Portal, token: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes between the look and the word to Redis is told as well, though another portal took the row away."""
    told = portal.publishing._tell

    async def late(states: Any) -> None:
        monkeypatch.setattr(portal.publishing, "_tell", told)
        with writing(portal.engine) as connection:
            tokens.narrow(connection, token.id, ["a"], now=NOW)
        await Portal(portal.engine, portal.redis).turn()  # the other portal is faster
        assert '"scopes":["a"]' in (await portal.records())[token.id]
        await portal.redis.ask("HSET", "gw:tokens", token.id, "{}")  # and what was true before is written last
        await told(states)

    monkeypatch.setattr(portal.publishing, "_tell", late)
    await portal.turn()
    assert '"scopes":["a"]' in (await portal.records())[token.id]
    await portal.turn()
    assert portal.waiting() == 0


async def test_many_at_once(portal: Portal, habilitation: Habilitation) -> None:
    """More tokens than one batch are told in one turn, and compared in bounded batches."""
    with writing(portal.engine) as connection:
        made = [tokens.make(connection, habilitation, now=NOW).id for _ in range(620)]
        tokens.revoke_all(connection, habilitation.id, now=NOW, reason="Révoquée")
    await portal.turn()
    assert set(await portal.revoked()) == set(made)
    await portal.redis.ask("FLUSHALL")
    await portal.turn()
    assert set(await portal.revoked()) == set(made)


async def test_a_cancellation_that_is_swallowed(portal: Portal) -> None:
    """The loop ends when it is cancelled, even if the library of Redis keeps the cancellation to itself."""
    begun = asyncio.Event()

    async def swallowing() -> float:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return 3600.0

    portal.publishing.turn = swallowing  # type: ignore[method-assign]
    task = asyncio.create_task(portal.publishing.run())
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def test_an_act_wakes_the_loop(portal: Portal, token: Token) -> None:
    """The loop does not wait for its next look: a commit wakes it, whichever thread has made it."""
    turned = asyncio.Event()
    turn = portal.publishing.turn

    async def counted() -> float:
        await turn()
        turned.set()
        return 3600.0  # so that only an act brings the next one

    portal.publishing.turn = counted  # type: ignore[method-assign]
    task = asyncio.create_task(portal.publishing.run())
    try:
        async with asyncio.timeout(PATIENCE):
            await turned.wait()
            await asyncio.to_thread(revoke_now, portal.engine, token.id)
            while token.id not in await portal.revoked():
                assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE)
