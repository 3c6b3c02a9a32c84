"""Clients that leave before their answer, at every point of a call where one can be waited for."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import stores
from support.buckets import CREDENTIALS
from support.issuer import Issuer, publishing
from support.programs import TRACE
from support.site import (
    EXTRAIT_RCS,
    GOOD,
    LONG,
    ROOMY,
    UNITE_LEGALE,
    VIGILANCE,
    Site,
    fresh,
    hang,
    wait_until,
)
from support.site import site as started
from support.stores import Server
from support.stub import answer, stub
from support.token_server import CLIENT, CLIENT_SECRET
from support.wire import request, wire

DOSSIER = "/v3/dossiers/13002526500013"
PARTS = TRACE | {"ressources": "insee_unites_legales,infogreffe_extraits_rcs"}
Leave = Callable[[socket.socket], None]


@contextmanager
def connection(site: Site) -> Iterator[socket.socket]:
    """A connection that is closed at the end of the block, if it is not before."""
    with socket.create_connection(("127.0.0.1", site.program.port), timeout=LONG) as connected:
        yield connected


def _reset(connected: socket.socket) -> None:
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connected.close()


AT_ONCE: dict[str, Leave] = {
    "closes": socket.socket.close,
    "sends-no-more": lambda connected: connected.shutdown(socket.SHUT_WR),
}
"""After which the request that was sent before is still read."""
LEAVING = AT_ONCE | {"resets": _reset}


def is_abandoned(site: Site, *ids: str) -> None:
    """Wait until calls have ended as abandoned, once each, without any other line, and nothing is under way."""

    def ended() -> bool:
        return {line["request_id"] for line in site.lines(event="abandoned")} >= set(ids)

    wait_until(ended)
    assert [line["request_id"] for line in site.lines() if line["request_id"] in ids] == []
    for line in site.lines(event="abandoned"):
        assert line["status"] is None
    wait_until(lambda: site.metric("gateway_in_flight") == 0)
    assert site.metric("gateway_abandoned_total") == len(site.lines(event="abandoned"))
    assert "Traceback" not in site.program.all_logged()


# While the store is asked.


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A store that can be frozen."""
    with stores.server(tmp_path_factory.mktemp("redis"), stores.valkey_server()) as redis:
        yield redis


@pytest.fixture(scope="module")
def _counted(tmp_path_factory: pytest.TempPathFactory, redis: Server) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("counted")
    with started(folder, redis_url=redis.url, cache="redis", **ROOMY) as counted:
        yield counted


@pytest.fixture
def counted(_counted: Site, redis: Server) -> Iterator[Site]:
    """A gateway whose store answers nothing during the test, until it is thawed."""
    _counted.provider.handler = GOOD
    wait_until(lambda: _counted.metric('gateway_store_mode{mode="shared"}') == 1)
    _counted.provider.requests.clear()
    redis.freeze()
    yield _counted
    redis.thaw()


WAITING = {
    "known": request(token=fresh(jti="0f0e5a4c-9f5f-4a0e-8d1b-1d6c0e6c5a01")),
    "document": request(token=fresh(jti="0f0e5a4c-9f5f-4a0e-8d1b-1d6c0e6c5a02"), path=VIGILANCE),
    "head": request(token=fresh(jti="0f0e5a4c-9f5f-4a0e-8d1b-1d6c0e6c5a03"), method="HEAD"),
    "dossier": request(token=fresh(jti="0f0e5a4c-9f5f-4a0e-8d1b-1d6c0e6c5a04"), path=DOSSIER, query=PARTS),
    "nowhere": request(token=None, path="/v3/nowhere"),
    "no-token": request(token=None),
    "forged-token": request(token="a.b.c"),
}


@pytest.mark.parametrize("leave", AT_ONCE)
@pytest.mark.parametrize("name", WAITING)
def test_while_the_store_is_asked(counted: Site, redis: Server, name: str, leave: str) -> None:
    """Who leaves while the store decides is abandoned; no provider is asked, and the same call may be made again."""
    data = WAITING[name]
    marked = f"{name}-{leave}"
    with connection(counted) as connected:
        connected.sendall(data.replace(b"Host: test", b"Host: test\r\nX-Request-Id: " + marked.encode()))
        LEAVING[leave](connected)
        redis.thaw()
        is_abandoned(counted, marked)
    assert counted.provider.requests == []
    with wire(counted.program.port) as line:
        line.send(data)
        again = line.answer(method="HEAD" if name == "head" else "GET")
    assert again.status == (200 if name in {"known", "document", "head", "dossier"} else again.status)
    assert again.status != 409


def test_while_garbage_is_counted(counted: Site, redis: Server) -> None:
    """What is no HTTP is abandoned too, if its sender has left before it could be answered."""
    before = counted.metric("gateway_abandoned_total")
    with connection(counted) as connected:
        connected.sendall(b"\x16\x03\x01 what is this\r\n\r\n")
    redis.thaw()
    wait_until(lambda: counted.metric("gateway_abandoned_total") == before + 1)
    assert counted.provider.requests == []


@pytest.mark.parametrize("leave", AT_ONCE)
def test_a_ban_is_told_of_although_its_client_has_left(tmp_path: Path, redis: Server, leave: str) -> None:
    """The call that causes a ban may be abandoned: the ban is in force, counted and logged all the same."""
    with started(tmp_path, redis_url=redis.url, limit_ip="3", trusted_proxies="127.0.0.1") as own:
        source = {"X-Forwarded-For": f"192.0.2.{list(LEAVING).index(leave) + 1}"}
        for _ in range(4):
            redis.freeze()
            with connection(own) as connected:
                connected.sendall(request(token=fresh(), headers=source))
                LEAVING[leave](connected)
                redis.thaw()
                wait_until(lambda: own.metric("gateway_in_flight") == 0)
            wait_until(lambda: own.metric('gateway_store_mode{mode="shared"}') == 1)
        wait_until(lambda: own.metric('gateway_bans_total{reason="ceiling"}') == 1)
        assert own.program.logged("address_banned", count=1)


# While the provider is asked.


def _pipelined(first: bytes) -> bytes:
    return first + request(token=fresh(), headers={"X-Request-Id": "behind"}) * 3


def _with_a_body(first: bytes) -> bytes:
    return first.replace(b"Host: test", b"Host: test\r\nContent-Length: 1000000") + bytes(160_000)


MORE: dict[str, Callable[[bytes], bytes]] = {"pipelined": _pipelined, "with-a-body": _with_a_body}


@pytest.mark.parametrize("leave", LEAVING)
@pytest.mark.parametrize("more", MORE)
def test_with_more_behind_it(tmp_path: Path, more: str, leave: str) -> None:
    """A client of which nothing more is read, as it has sent too much ahead, is missed all the same when it leaves."""
    with started(tmp_path, hang, upstream_timeout="60") as own, connection(own) as connected:
        connected.sendall(MORE[more](request(token=fresh(), headers={"X-Request-Id": "first"})))
        wait_until(lambda: bool(own.provider.requests))
        LEAVING[leave](connected)
        assert own.provider.closed.wait(LONG)
        is_abandoned(own, "first")
        assert len(own.provider.requests) == 1
        assert "behind" not in own.program.output.read_text()


@pytest.mark.parametrize("path", [UNITE_LEGALE, VIGILANCE, EXTRAIT_RCS, DOSSIER])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_while_the_provider_is_asked(tmp_path: Path, path: str, method: str) -> None:
    """The call to the provider is closed, in every kind of call, and the same call is not told that it is in flight."""
    token = fresh()
    with started(tmp_path, hang, upstream_timeout="60") as own:
        with wire(own.program.port) as line:
            line.send(request(token=token, path=path, method=method, headers={"X-Request-Id": "leaves"}, query=PARTS))
            wait_until(lambda: bool(own.provider.requests))
        is_abandoned(own, "leaves")
        assert own.provider.closed.wait(LONG)
        own.provider.handler = GOOD
        with wire(own.program.port) as line:
            line.send(request(token=token, path=path, method=method, query=PARTS))
            assert line.answer(method=method).status == 200


def test_one_of_two_that_ask_the_same(tmp_path: Path) -> None:
    """Of two callers that wait for one question the one that leaves is abandoned, and the other one is answered."""
    gate = threading.Event()

    async def slowly(target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.to_thread(gate.wait, LONG)
        await GOOD(target, reader, writer)

    with started(tmp_path, slowly, upstream_timeout="60", cache="memory") as own:
        with wire(own.program.port) as stays:
            with wire(own.program.port) as leaves:
                leaves.send(request(token=fresh(), headers={"X-Request-Id": "leaves"}))
                wait_until(lambda: bool(own.provider.requests))
                stays.send(request(token=fresh(), headers={"X-Request-Id": "stays"}))
                wait_until(lambda: own.metric("gateway_in_flight") == 2)
            wait_until(lambda: "leaves" in own.program.output.read_text())
            gate.set()
            assert stays.answer().status == 200
        is_abandoned(own, "leaves")
        assert len(own.provider.requests) == 1


def test_all_that_ask_the_same(tmp_path: Path) -> None:
    """When the last caller that waits for a question has left, the provider is no longer asked."""
    with started(tmp_path, hang, upstream_timeout="60", cache="memory") as own:
        with wire(own.program.port) as one, wire(own.program.port) as other:
            one.send(request(token=fresh(), headers={"X-Request-Id": "one"}))
            wait_until(lambda: bool(own.provider.requests))
            other.send(request(token=fresh(), headers={"X-Request-Id": "other"}))
            wait_until(lambda: own.metric("gateway_in_flight") == 2)
        assert own.provider.closed.wait(LONG)
        is_abandoned(own, "one", "other")


# While something else is waited for.


def test_while_a_key_is_fetched(tmp_path: Path) -> None:
    """Who leaves while a key set is fetched for its token is abandoned; the fetch goes on for others."""
    issuer = Issuer()
    held = threading.Event()

    async def slowly(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.to_thread(held.wait, LONG)
        writer.write(answer(issuer.published("one", "two")))

    with (
        publishing(issuer.published("one")) as keys,
        started(tmp_path, jwks=keys.url, jwks_refresh="1", **ROOMY) as own,
    ):
        wait_until(lambda: own.call(token=issuer.token("one")).status_code == 200)
        own.provider.requests.clear()
        keys.handler = slowly
        fetches = len(keys.requests)
        wait_until(lambda: len(keys.requests) > fetches)
        with wire(own.program.port) as line:
            line.send(request(token=issuer.token("two"), headers={"X-Request-Id": "leaves"}))
            wait_until(lambda: own.metric("gateway_in_flight") == 1)
        is_abandoned(own, "leaves")
        assert own.provider.requests == []
        held.set()
        wait_until(lambda: own.call(token=issuer.token("two")).status_code == 200)


def test_while_a_token_for_the_provider_is_fetched(tmp_path: Path) -> None:
    """Who leaves while credentials for the provider are fetched is abandoned, and the provider is never asked."""
    with stub(hang) as tokens:
        settings = {"kind": "oauth2", "token_url": tokens.url, "client_id": CLIENT, "client_secret": CLIENT_SECRET}
        given = {f"providers__insee__auth__{name}": value for name, value in settings.items()}
        with started(tmp_path, upstream_timeout="60", **given) as own:
            with wire(own.program.port) as line:
                line.send(request(token=fresh(), headers={"X-Request-Id": "leaves"}))
                wait_until(lambda: bool(tokens.requests))
            is_abandoned(own, "leaves")
            assert own.provider.requests == []


def test_while_a_document_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who leaves while its document is being stored is abandoned, and may ask for it again at once."""
    token = fresh()
    holding = threading.Event()

    async def bucket(_target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method = s3.requests[-1].split(" ")[0]
        if method == "PUT":
            holding.set()
            await reader.read(10_000_000)
            if not released:
                await hang(_target, reader, writer)
        writer.write(
            answer(b"<ListBucketResult></ListBucketResult>", content_type="application/xml").replace(
                b"\r\n\r\n", b'\r\netag: "1"\r\n\r\n', 1
            )
        )

    released: list[bool] = []
    with stub(bucket) as s3:
        for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": s3.url}).items():
            monkeypatch.setenv(name, value)
        with started(tmp_path, documents="s3://store", upstream_timeout="60") as own:
            with wire(own.program.port) as line:
                line.send(request(token=token, path=VIGILANCE, headers={"X-Request-Id": "leaves"}))
                assert holding.wait(LONG)
            is_abandoned(own, "leaves")
            released.append(True)
            assert own.call(VIGILANCE, token=token).status_code == 200
