"""Bans on a shared store hold on every process. Every test is a client with a loopback address of its own."""

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from support import programs
from support.fleet import Gateway, fleet, gateway
from support.site import ATTESTATION_FISCALE, UNITE_LEGALE, fresh
from support.stores import Server, until
from support.stub import Stub
from support.wire import Wire, request, wire

LIMIT = 10
ALLOWED = "127.0.9.9"
PER_MEMBER = 12
"""Connections that reach both workers of a gateway, all but certainly."""


def _settings(store: Server, **more: str) -> dict[str, str]:
    usual = {"limit_ip": str(LIMIT), "ignored_429_limit": "3", "limit_strict": "1", "ip_allowlist": ALLOWED}
    return usual | {"redis_url": store.url, "trusted_proxies": "127.0.0.1"} | more


@pytest.fixture(scope="module")
def guards(tmp_path_factory: pytest.TempPathFactory, common_store: Server, provider: Stub) -> Iterator[list[Gateway]]:
    """Two gateways of two workers each, which ban at the eleventh call or at the fourth refused one."""
    folder = tmp_path_factory.mktemp("guards")
    with fleet(folder, 2, 2, upstream=provider.url, **_settings(common_store)) as guards:
        yield guards


def _call(line: Wire, data: bytes) -> int:
    line.send(data)
    return line.answer().status


def _ban(guards: list[Gateway], source: str) -> None:
    """Call ten times, on all gateways in turn, and once more."""
    for number in range(LIMIT):
        assert guards[number % len(guards)].ask(token=fresh(), source=source).status == 200
    assert guards[0].says(request(token=fresh()), source=source) == b""


def _key(source: str) -> str:
    return f"gw:{{{source}}}:ban"


def _forwarded(chain: str) -> bytes:
    return request(token=fresh(), headers={"X-Forwarded-For": chain})


def test_a_ban_holds_on_every_process(guards: list[Gateway]) -> None:
    """Calls on all processes add up to the ceiling, and the ban that follows holds on each of them."""
    _ban(guards, "127.0.1.1")
    for guard in guards:
        for _ in range(PER_MEMBER):
            assert guard.says(request(token=fresh()), source="127.0.1.1") == b""
    assert guards[1].ask(token=fresh(), source="127.0.1.2").status == 200, "others are not affected"
    for guard in guards:
        guard.all_logged()
    told = [line for guard in guards for line in guard.logged("address_banned") if line["address"] == "127.0.1.1"]
    assert [(line["reason"], line["count"], line["shadow"]) for line in told] == [("ceiling", LIMIT + 1, False)]


def test_a_ban_is_not_extended(guards: list[Gateway], common_store: Server) -> None:
    """Calls of a banned address change neither the ban nor the time that its key has left."""
    source = "127.0.1.3"
    _ban(guards, source)
    value, left = common_store.command("GET", _key(source)), common_store.command("PTTL", _key(source))
    assert 0 <= 12 * 3600 * 1000 - left < 60_000
    for guard in guards:
        for _ in range(PER_MEMBER):
            guard.says(request(token=fresh()), source=source)
    assert common_store.command("GET", _key(source)) == value
    assert common_store.command("PTTL", _key(source)) <= left


def test_ignored_refusals_add_up_over_processes(guards: list[Gateway]) -> None:
    """Who goes on calling after 429, on whichever process, is banned on all."""
    source, token = "127.0.1.4", fresh()
    statuses = [
        guards[number % 2].ask(token=token, path=ATTESTATION_FISCALE, source=source).status for number in range(4)
    ]
    assert statuses == [200, 429, 429, 429]
    data = request(token=token, path=ATTESTATION_FISCALE)
    assert guards[0].says(data, source=source) == b""
    for guard in guards:
        assert guard.says(request(token=fresh()), source=source) == b""


def test_the_allowlist_is_exempt_on_every_process(guards: list[Gateway], common_store: Server) -> None:
    """An address of the allowlist is not counted at all."""
    token = fresh()
    statuses = [
        guards[number % 2].ask(token=token, path=ATTESTATION_FISCALE, source=ALLOWED).status for number in range(20)
    ]
    assert statuses == [200] + [429] * 19
    assert common_store.command("KEYS", f"gw:{{{ALLOWED}}}*") == []


def test_clients_of_a_proxy_are_told_apart(guards: list[Gateway]) -> None:
    """Behind a trusted proxy a client is banned on every process, and its neighbour on none."""
    for number in range(LIMIT):
        assert guards[number % 2].says(_forwarded("198.51.100.1")).startswith(b"HTTP/1.1 200 ")
    for guard in (*guards, *guards):
        assert guard.says(_forwarded("203.0.113.1, 198.51.100.1")) == b""
        assert guard.says(_forwarded("198.51.100.1, 198.51.100.2")).startswith(b"HTTP/1.1 200 ")


def test_an_ipv6_network_is_one_client_of_all_processes(guards: list[Gateway]) -> None:
    """The addresses of one IPv6 /64 share a ceiling and a ban, whichever process they call."""
    for number in range(LIMIT):
        data = _forwarded(f"2001:db8:0:1::{number + 1:x}")
        assert guards[number % 2].says(data).startswith(b"HTTP/1.1 200 ")
    for guard in guards:
        assert guard.says(_forwarded("2001:db8:0:1:ffff::1")) == b""
        assert guard.says(_forwarded("2001:db8:0:2::1")).startswith(b"HTTP/1.1 200 ")


def test_bans_are_listed(guards: list[Gateway], common_store: Server) -> None:
    """`bans list` shows each ban with its reason, its count, and its twelve hours."""
    _ban(guards, "127.0.1.5")
    listed = programs.run("bans", "list", "--json", redis_url=common_store.url)
    assert (listed.returncode, listed.stderr) == (0, "")
    rows = json.loads(listed.stdout)
    (row,) = [row for row in rows if row["ip"] == "127.0.1.5"]
    assert set(row) == {"ip", "reason", "count", "start", "end"}
    assert (row["reason"], row["count"]) == ("ceiling", LIMIT + 1)
    assert datetime.fromisoformat(row["end"]) - datetime.fromisoformat(row["start"]) == timedelta(hours=12)
    table = programs.run("bans", "list", redis_url=common_store.url)
    assert table.stdout.split("\n")[0].split() == ["ip", "reason", "count", "start", "end"]
    assert len(table.stdout.splitlines()) == len(rows) + 1
    assert [line.split() for line in table.stdout.splitlines() if line.startswith("127.0.1.5 ")] == [
        ["127.0.1.5", "ceiling", str(LIMIT + 1), row["start"], row["end"]]
    ]


def test_no_ban_is_listed(store: Server) -> None:
    """Without a ban the list says so, as JSON too."""
    assert programs.run("bans", "list", redis_url=store.url).stdout == "No address is banned.\n"
    assert json.loads(programs.run("bans", "list", "--json", redis_url=store.url).stdout) == []


def test_a_ban_outlives_the_gateways(tmp_path: Path, store: Server, provider: Stub) -> None:
    """After a restart of every gateway, the store kept, a banned address still gets no byte."""
    source = "127.0.1.6"
    with gateway(tmp_path, upstream=provider.url, **_settings(store)) as first:
        _ban([first], source)
    before = store.command("GET", _key(source))
    with gateway(tmp_path, 2, upstream=provider.url, **_settings(store)) as second:
        for _ in range(PER_MEMBER):
            assert second.says(request(token=fresh()), source=source) == b""
        assert second.ask(token=fresh(), source="127.0.1.7").status == 200
    assert store.command("GET", _key(source)) == before


def test_a_known_ban_needs_no_store(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A process that has learnt of a ban gives no byte without asking a store, on connections open before as well."""
    source = "127.0.1.8"
    with (
        fleet(tmp_path, 2, upstream=provider.url, **_settings(store)) as (first, second),
        wire(second.port, source=source) as older,
        wire(second.port, source=source) as oldest,
    ):
        assert _call(older, request(token=fresh())) == 200
        assert _call(oldest, request(token=fresh())) == 200
        for _ in range(LIMIT - 2):
            assert first.ask(token=fresh(), source=source).status == 200
        assert first.says(request(token=fresh()), source=source) == b""
        jti = str(uuid.uuid4())
        older.send(request(token=fresh(jti=jti)))
        assert older.some() == b"", "the other process has learnt of it"
        until(lambda: store.command("KEYS", f"gw:{{{jti}}}:*") == [], "the call is not taken back")
        store.stop()
        oldest.send(request(token=fresh()))
        assert oldest.some() == b""
        assert set(second.faults("store_mode")) <= {"it answers", "it answers again"}, "the store was not missed"


def test_a_banned_peer_is_closed_at_accept(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A new connection of a banned peer ends before anything is sent; those of proxies and of others stay open."""
    source = "127.0.1.10"
    with gateway(tmp_path, upstream=provider.url, **_settings(store)) as guard:
        _ban([guard], source)
        before = guard.metrics()["gateway_dropped_total"]
        for _ in range(3):
            with wire(guard.port, source=source) as line:
                assert line.some() == b""
        until(lambda: guard.metrics()["gateway_dropped_total"] >= before + 3, "they are not counted")
        assert guard.metrics()["gateway_dropped_total"] == before + 3
        for _ in range(LIMIT + 1):
            guard.says(_forwarded("198.51.100.9"))
        assert guard.says(_forwarded("198.51.100.9")) == b""
        assert guard.says(_forwarded("198.51.100.8")).startswith(b"HTTP/1.1 200 ")


def test_a_ban_survives_the_loss_of_the_store(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A store that comes back empty is told the bans by who knows them, so that every process learns of them again."""
    source = "127.0.1.11"
    with fleet(tmp_path, 2, upstream=provider.url, **_settings(store)) as (first, second):
        _ban([first], source)
        value = store.command("GET", _key(source))
        store.stop()
        assert first.ask(token=fresh(), source="127.0.1.12").status == 200
        first.settles_in("local")
        store.start()
        first.settles_in("shared")
        assert store.command("GET", _key(source)) == value
        assert 0 < store.command("PTTL", _key(source)) <= 12 * 3600 * 1000
        second.ask(token=fresh(), source="127.0.1.12")
        second.settles_in("shared")
        assert second.says(request(token=fresh()), source=source) == b""


def test_a_ban_made_without_the_store_is_shared_later(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A ban that a process decided alone holds on the others once the store is there."""
    source = "127.0.1.13"
    store.stop()
    with fleet(tmp_path, 2, upstream=provider.url, **_settings(store, revocations_unknown="accept")) as (first, second):
        _ban([first], source)
        assert second.ask(token=fresh(), source=source).status == 200
        store.start()
        for member in (first, second):
            member.settles_in("shared")
        until(lambda: second.says(request(token=fresh()), source=source) == b"", "the ban is not shared")
        listed = json.loads(programs.run("bans", "list", "--json", redis_url=store.url).stdout)
        assert [(row["ip"], row["count"]) for row in listed] == [(source, LIMIT + 1)]


def test_forbid_tells_the_banned_on_every_process(tmp_path: Path, store: Server, provider: Stub) -> None:
    """With `GATEWAY_BAN_ACTION=forbid` every process answers 403 with its code, and keeps the connection."""
    settings = _settings(store, ban_action="forbid")
    with fleet(tmp_path, 2, upstream=provider.url, **settings) as guards:
        source = "127.0.1.14"
        for number in range(LIMIT):
            assert guards[number % 2].ask(token=fresh(), source=source).status == 200
        for guard in guards:
            with wire(guard.port, source=source) as line:
                for path in (UNITE_LEGALE, "/nowhere"):
                    line.send(request(token=fresh(), path=path))
                    got = line.answer()
                    assert (got.status, got.codes) == (403, ["00901"])
