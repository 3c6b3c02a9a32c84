"""Tests of the revocations in Redis, on a real server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.auth import revocation
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.revocation import RevocationWatch, revoke
from apientreprise_gateway.ratelimit.address import parse_url
from apientreprise_gateway.ratelimit.link import client, close
from support import stores

JTI = "6f1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10"
OTHER = "0d3c1b52-8c34-4f39-9d0e-0d3b7a1a9c55"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()
PATIENCE = 20.0


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
        self.operator: Any = client(parse_url(server.url), timeout=PATIENCE)
        self.watch = RevocationWatch(client(parse_url(server.url), timeout=PATIENCE), self.registry)

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
        await site.watch.close()
        await close(site.operator)


@pytest.fixture
def show(server: stores.Server) -> Callable[[Callable[[Site], Awaitable[None]]], None]:
    """Shows a behaviour on an empty server."""

    def run(behaviour: Callable[[Site], Awaitable[None]]) -> None:
        async def main() -> None:
            async with _site(server) as site:
                await behaviour(site)

        server.command("FLUSHALL")
        asyncio.run(main())

    return run


Show = Callable[[Callable[[Site], Awaitable[None]]], None]


def test_revoked_token_is_known(show: Show) -> None:
    """A token that an operator revokes is revoked at every gateway that looks."""

    async def behaviour(site: Site) -> None:
        assert await site.read() == []
        assert not site.registry.is_revoked(JTI)
        await site.revoke()
        assert await site.read() == ["revocations_read"]
        assert site.registry.is_revoked(JTI)
        assert not site.registry.is_revoked(OTHER)

    show(behaviour)


@pytest.mark.parametrize("at", [NOON + 30, NOON + 0.25, NOON + 86_400 * 365.5])
def test_future_date(show: Show, at: float) -> None:
    """A revocation may lie in the future, and holds from its very instant."""

    async def behaviour(site: Site) -> None:
        await site.revoke(at=at)
        await site.read()
        assert not site.registry.is_revoked(JTI)
        site.clock.now = at - 0.001
        assert not site.registry.is_revoked(JTI)
        site.clock.now = at
        assert site.registry.is_revoked(JTI)

    show(behaviour)


def test_date_is_changed(show: Show) -> None:
    """The date that was given last is the one that counts."""

    async def behaviour(site: Site) -> None:
        await site.revoke(at=NOON + 60)
        await site.read()
        await site.revoke(at=NOON)
        await site.read()
        assert site.registry.is_revoked(JTI)

    show(behaviour)


def test_several_tokens(show: Show) -> None:
    """Each token has a date of its own."""

    async def behaviour(site: Site) -> None:
        for number in range(100):
            await site.revoke(f"token-{number}", NOON + number)
        await site.read()
        site.clock.now = NOON + 49
        assert [site.registry.is_revoked(f"token-{number}") for number in range(100)] == [True] * 50 + [False] * 50

    show(behaviour)


def test_nothing_new_is_not_read(show: Show) -> None:
    """As long as nothing changes, nothing is read, and nothing is logged."""

    async def behaviour(site: Site) -> None:
        await site.revoke()
        assert await site.read() == ["revocations_read"]
        site.server.command("CONFIG", "RESETSTAT")
        for _ in range(3):
            assert await site.read() == []
        commands = site.server.client().info("commandstats")
        assert "cmdstat_get" in commands
        assert "cmdstat_hgetall" not in commands

    show(behaviour)


def test_emptied_server_revives_nobody(show: Show) -> None:
    """A server that loses its memory revives no token, also when tokens are revoked on it afterwards."""

    async def behaviour(site: Site) -> None:
        await site.revoke()
        await site.read()
        site.server.command("FLUSHALL")
        await site.read()
        assert site.registry.is_revoked(JTI)
        await site.revoke(OTHER)
        await site.read()
        assert site.registry.is_revoked(JTI)
        assert site.registry.is_revoked(OTHER)

    show(behaviour)


def test_revocation_on_an_emptied_server_is_seen(show: Show) -> None:
    """After a server has lost its memory, the first token that is revoked on it is revoked, as after the second."""

    async def behaviour(site: Site) -> None:
        await site.revoke()
        await site.read()
        site.server.command("FLUSHALL")
        await site.revoke(OTHER)  # no look in between
        await site.read()
        assert site.registry.is_revoked(OTHER)

    show(behaviour)


def test_unreachable_server_keeps_what_was_read(show: Show) -> None:
    """While the server is away, what was read stays in force, and one line says so; so it does the next time."""

    async def behaviour(site: Site) -> None:
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
            assert await site.read() == []
            await site.operator.connection_pool.disconnect()
            await site.revoke(f"{OTHER}-{number}")
            await site.revoke(f"{OTHER}-{number}")
            await site.read()
            assert site.registry.is_revoked(f"{OTHER}-{number}")
        assert site.registry.is_revoked(JTI)

    show(behaviour)


@pytest.mark.parametrize("words", [("SET", "gw:revoked:version", "2"), ("HSET", "gw:revoked", "other", "1")])
def test_error_of_the_server_keeps_what_was_read(show: Show, words: tuple[str, ...]) -> None:
    """A server whose keys are not what they should be is complained of once, and revives no token."""
    key = "gw:revoked" if words[0] == "SET" else "gw:revoked:version"

    async def behaviour(site: Site) -> None:
        await site.revoke()
        await site.read()
        site.server.command("DEL", key)
        site.server.command("LPUSH", key, "wrong")
        site.server.command(*words)
        events = [event for _ in range(3) for event in await site.read()]
        assert events == ["revocations_unreadable"]
        assert site.registry.is_revoked(JTI)

    show(behaviour)


def test_date_that_is_none_keeps_what_was_read(show: Show) -> None:
    """A date written by hand that is no date is complained of, and neither ends the watch nor hides the others."""

    async def behaviour(site: Site) -> None:
        await site.revoke()
        site.server.command("HSET", "gw:revoked", OTHER, "tomorrow")
        site.server.command("SET", "gw:revoked:version", "another")
        await site.read()
        assert not site.registry.is_revoked(OTHER)

    show(behaviour)


def test_watching(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is watched, a revocation is found without being asked for, also after the server was away."""
    monkeypatch.setattr(revocation, "POLL_SECONDS", 0)

    async def behaviour(site: Site) -> None:
        watching = asyncio.create_task(site.watch.watch())
        try:
            await site.revoke()
            await _until(lambda: site.registry.is_revoked(JTI))
            site.server.stop()
            site.server.start()
            await site.operator.connection_pool.disconnect()
            await site.revoke(OTHER)
            await _until(lambda: site.registry.is_revoked(OTHER))
        finally:
            await _end(watching)

    show(behaviour)


async def _end(task: asyncio.Task[None]) -> None:
    # A client of redis-py that has a timeout may swallow a cancellation.
    async with asyncio.timeout(PATIENCE):
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
    assert task.cancelled()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


def test_revocation_has_no_end(show: Show) -> None:
    """A revocation stays in the server until somebody takes it out."""

    async def behaviour(site: Site) -> None:
        await site.revoke()
        assert {key: site.server.command("TTL", key) for key in site.server.command("KEYS", "*")} == {
            b"gw:revoked": -1,
            b"gw:revoked:version": -1,
        }

    show(behaviour)


def test_poll_is_a_second() -> None:
    """A revocation is in force at most a second after it was made."""
    assert revocation.POLL_SECONDS <= 1
