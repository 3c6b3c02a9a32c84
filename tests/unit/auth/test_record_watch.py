"""Tests of the records of tokens in Redis, on a real server."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.auth.ledger import POLL_SECONDS
from apientreprise_gateway.auth.record_watch import RecordWatch, published_record, published_records
from apientreprise_gateway.auth.records import TokenRecord, shown
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.url import parse_url
from support import stores

JTI = "6f1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10"
OTHER = "0d3c1b52-8c34-4f39-9d0e-0d3b7a1a9c55"
NARROW = {"limit_per_minute": 500, "cap_per_minute": 100, "scopes": ["a"], "allowed_addresses": ["192.0.2.0/24"]}
PATIENCE = 60.0


class Site:
    """A registry that follows a server, which is written to by hand."""

    def __init__(self, server: stores.Server, file: Path | None = None) -> None:
        self.server = server
        self.client = client(parse_url(server.url), timeout=PATIENCE)
        self.registry = TokenRegistry(file)
        self.watch = RecordWatch(self.client, self.registry)
        self.logs: list[Any] = []

    async def read(self) -> list[str]:
        """Look once; the events that are logged."""
        with capture_logs() as self.logs:
            assert await self.watch.refresh()
        return [line["event"] for line in self.logs]

    def write(self, jti: str, entry: Any, *, changed: float | None = None) -> None:
        """Write a record by hand; a text as it is."""
        self.server.command("HSET", "gw:tokens", jti, entry if isinstance(entry, str) else json.dumps(entry))
        if changed is not None:
            self.server.command("HSET", "{gw:tokens}:changed", jti, repr(changed))
        self.server.command("SET", "gw:tokens:version", uuid4().hex)

    def of(self, jti: str = JTI) -> Any:
        """The record in force, as JSON; None without one."""
        record = self.registry.records.get(jti)
        return None if record is None else shown(record)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Server]:
    """A Valkey."""
    with stores.server(tmp_path_factory.mktemp("valkey"), stores.valkey_server()) as started:
        yield started


@pytest.fixture
async def site(server: stores.Server) -> AsyncIterator[Site]:
    """A gateway on an empty server."""
    server.command("FLUSHALL")
    started = Site(server)
    yield started
    await started.client.close()


async def test_a_record_is_followed(site: Site) -> None:
    """A record is in force when it is written, changed when it changes, and gone when it is emptied."""
    assert await site.read() == []
    site.write(JTI, NARROW)
    assert await site.read() == ["token_records_read"]
    assert site.of() == NARROW
    assert site.of(OTHER) is None
    site.write(JTI.upper(), {"cap_per_minute": 7})
    await site.read()
    assert site.of() == NARROW | {"cap_per_minute": 7}, "in two spellings: the stricter of both"
    site.server.command("HDEL", "gw:tokens", JTI.upper())
    site.write(JTI, {})
    await site.read()
    assert site.of() is None
    assert POLL_SECONDS <= 1


async def test_nothing_new_is_not_read(site: Site) -> None:
    """As long as nothing changes, the version is all that is asked for; once a minute everything is."""
    site.write(JTI, NARROW)
    await site.read()
    site.server.command("CONFIG", "RESETSTAT")
    for _ in range(59):
        assert await site.read() == []
    commands = site.server.client().info("commandstats")
    assert commands["cmdstat_get"]["calls"] == 59
    assert "cmdstat_hscan" not in commands
    site.server.command("HSET", "gw:tokens", OTHER, json.dumps(NARROW))
    await site.read()
    assert site.of(OTHER) == NARROW, "although nobody told of it"


async def test_what_did_not_change_is_not_read_anew(site: Site) -> None:
    """Of many records only those that changed are read from their text."""
    site.write(JTI, NARROW, changed=1.0)
    site.write(OTHER, NARROW, changed=1.0)
    await site.read()
    before = dict(site.watch.known)
    site.write(OTHER, {"cap_per_minute": 7}, changed=2.0)
    await site.read()
    assert site.watch.known[JTI] is before[JTI]
    assert site.of(OTHER) == {"cap_per_minute": 7}


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "no JSON",
        "[]",
        "5",
        "[" * 100_000,
        {"cap_per_minute": 0},
        {"cap_per_minute": True},
        {"cap_per_minute": "5"},
        {"limit_per_minute": 0.5},
        {"scopes": "a"},
        {"scopes": None},
        {"scopes": [1]},
        {"allowed_addresses": ["here"]},
        {"allowed_addresses": "192.0.2.1"},
        '{"cap_per_minute": 5, "cap_per_minute": 50}',
    ],
)
async def test_a_record_that_is_none(site: Site, wrong: Any) -> None:
    """It is left out and told once; a former record of that token stays, others are read, and what is repaired is."""
    site.write(JTI, NARROW, changed=1.0)
    await site.read()
    site.write(JTI, wrong, changed=2.0)
    site.write(OTHER, NARROW)
    assert "token_record_unreadable" in await site.read()
    assert [(line["jti"], line["log_level"]) for line in site.logs if "reason" in line] == [(JTI, "error")]
    assert site.of() == site.of(OTHER) == NARROW
    assert set(site.watch.unreadable) == {JTI}
    version = site.server.command("GET", "gw:tokens:version")
    assert [await site.read() for _ in range(2)] == [[], []]
    assert site.server.command("GET", "gw:tokens:version") == version, "nothing is given back every second"
    fresh = Site(site.server)
    await fresh.read()
    assert fresh.of() is None
    await fresh.client.close()
    site.write(JTI, {"cap_per_minute": 3}, changed=3.0)
    await site.read()
    assert site.of() == {"cap_per_minute": 3}
    assert not site.watch.unreadable


async def test_keys_that_are_not_known(site: Site) -> None:
    """A key of a later version is told once, and does not keep the others from being in force; ours is not told."""
    site.write(JTI, NARROW | {"portal": ["scopes"]})
    assert await site.read() == ["token_records_read"]
    site.write(JTI, NARROW | {"portal": ["scopes"], "colour": "red"})
    assert "token_record_keys_unknown" in await site.read()
    assert site.of() == NARROW
    site.write(OTHER, {})
    assert "token_record_keys_unknown" not in await site.read()


@pytest.mark.parametrize("empty", [{"allowed_addresses": []}, {"scopes": []}])
async def test_empty_lists(site: Site, empty: dict[str, Any]) -> None:
    """No addresses are any; no scopes are none."""
    site.write(JTI, empty)
    await site.read()
    record = site.registry.records.get(JTI, TokenRecord())
    assert record.allows("192.0.2.1")
    assert record.narrowed(frozenset("ab")) == (frozenset() if "scopes" in empty else frozenset("ab"))


async def test_file_and_redis(server: stores.Server, tmp_path: Path) -> None:
    """A token with a record in both is held to both, whichever is read last."""
    server.command("FLUSHALL")
    file = tmp_path / "tokens.json"
    filed = {"limit_per_minute": 300, "allowed_addresses": ["192.0.2.128/25"], "revoked_at": "2100-01-01"}
    file.write_text(json.dumps({JTI: filed}))
    site = Site(server, file)
    site.write(JTI, NARROW)
    await site.read()
    both = NARROW | {"limit_per_minute": 300, "allowed_addresses": ["192.0.2.128/25"]}
    assert site.of() == both
    assert site.registry.records[JTI].revoked_at is not None
    file.write_text(json.dumps({JTI: {"allowed_addresses": ["198.51.100.0/24"], "scopes": ["b"]}, OTHER: {}}))
    site.registry.refresh()
    assert site.of() == NARROW | {"allowed_addresses": [], "scopes": []}
    assert not any(site.registry.records[JTI].allows(client) for client in ("192.0.2.1", "198.51.100.1"))
    site.write(JTI, {})
    await site.read()
    assert site.of() == {"allowed_addresses": ["198.51.100.0/24"], "scopes": ["b"]}
    await site.client.close()


async def test_an_emptied_server_widens_nothing(site: Site) -> None:
    """A server that has lost its memory is given back the records, also those taken away, and widens no token."""
    site.write(JTI, NARROW, changed=5.0)
    site.write(OTHER, {}, changed=6.0)
    await site.read()
    before = await published_records(site.client)
    site.server.command("FLUSHALL")
    assert await site.read() == ["token_records_given_back"]
    assert site.of() == NARROW
    assert await published_records(site.client) == before
    assert [await site.read() for _ in range(3)] == [[], [], []]


async def test_an_older_memory_is_put_right(site: Site) -> None:
    """A server that comes back with older records is told of what changed since; a newer one of its own counts."""
    site.write(JTI, NARROW, changed=5.0)
    site.write(OTHER, {"cap_per_minute": 9}, changed=5.0)
    await site.read()
    site.server.command("FLUSHALL")
    site.write(JTI, {"cap_per_minute": 200}, changed=4.0)
    site.write(OTHER, {"cap_per_minute": 8}, changed=6.0)
    await site.read()
    assert (site.of(), site.of(OTHER)) == (NARROW, {"cap_per_minute": 8})
    assert (await published_records(site.client))[JTI].text == json.dumps(NARROW)


async def test_what_is_known_from_a_copy(site: Site) -> None:
    """What is known from elsewhere holds while the server is away; of two records the one written last counts."""
    copy = {JTI: published_record(json.dumps(NARROW), 5.0), OTHER: published_record('{"cap_per_minute": 1}', 5.0)}
    watch = RecordWatch(site.client, site.registry, known=copy)
    assert (site.of(), watch.was_read) == (NARROW, False)
    site.write(OTHER, {}, changed=7.0)
    assert await watch.refresh()
    assert (site.of(), site.of(OTHER)) == (NARROW, None)
    watch.take(copy)
    assert site.of(OTHER) is None
