"""What lies under names of ours and is not ours, on each kind of store: one call's trouble, never the store's."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from redis.exceptions import MovedError

from apientreprise_gateway.cache.port import Entry
from apientreprise_gateway.cache.redis import RedisCache
from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.pings.board import Answer, Status
from apientreprise_gateway.pings.evidence import Seen
from apientreprise_gateway.pings.redis import RedisBoard
from apientreprise_gateway.ratelimit.lua import WindowScripts, first_call, sliding
from apientreprise_gateway.ratelimit.memory import MemoryLimiter
from apientreprise_gateway.ratelimit.port import StoreUnavailableError
from apientreprise_gateway.ratelimit.redis import Mode, RedisLimiter
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.errors import About
from apientreprise_gateway.store.link import link
from apientreprise_gateway.store.url import parse_url
from contract import caches
from contract.fakes import FakeLink
from contract.shared import empty, nodes_of, opened, patient
from support.stores import Cluster, Server

TOKEN = ("6f1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10", "json")
OTHER = ("0b1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10", "json")
ADDRESS = "192.0.2.1"
NOON = 1_700_000_000.0
KINDS: dict[str, Callable[[], WindowScripts]] = {"sliding": sliding, "first-call": first_call}

AS_A_LIST = ("RPUSH", "abc")
AS_OTHER_WORDS = ("RPUSH", "1", "abc", "2")
AS_A_HASH = ("HSET", "start", "abc")
AS_A_PERIOD = ("HSET", "start", "99999999999", "used", "abc")
AS_A_TEXT = ("SET", "abc")
AS_A_NUMBER = ("SET", "99999999999999999")
AS_NO_REASON = ("SET", "ceiling:99999999999999999")
AS_A_SET = ("SADD", "abc")
AS_A_STREAM = ("XADD", "*", "a", "b")
ALL = [AS_A_LIST, AS_OTHER_WORDS, AS_A_HASH, AS_A_PERIOD, AS_A_TEXT, AS_A_NUMBER, AS_NO_REASON, AS_A_SET, AS_A_STREAM]
Spoilt = tuple[str, ...]


@pytest.fixture(params=["redis7", "valkey", "cluster"])
def store(request: pytest.FixtureRequest) -> Server | Cluster:
    """Each kind of store, empty."""
    found: Server | Cluster = request.getfixturevalue(request.param)
    empty(found)
    return found


def spoil(store: Server | Cluster, key: str, spoilt: Spoilt) -> None:
    """Put something else under a name of ours, on the node where it belongs."""
    node = store.node_of(key) if isinstance(store, Cluster) else store
    node.command("DEL", key)
    node.command(spoilt[0], key, *spoilt[1:])


async def limiting(
    store: Server | Cluster,
    kind: str,
    test: Callable[[RedisLimiter], Coroutine[Any, Any, None]],
    *,
    ip_limit: int = 1000,
) -> tuple[list[Mode], list[About]]:
    """Let a limiter do something; the modes that it was in, and the errors that it met."""
    modes: list[Mode] = []
    faults: list[About] = []
    with patient():
        async with opened(
            store,
            ip_limit=ip_limit,
            window=KINDS[kind],
            on_mode=lambda mode, _reason: modes.append(mode),
            on_fault=faults.append,
        ) as limiter:
            await test(limiter)
    return modes, faults


@pytest.mark.parametrize("spoilt", ALL, ids=str)
@pytest.mark.parametrize("kind", KINDS)
async def test_spoilt_window_of_a_token(store: Server | Cluster, kind: str, spoilt: Spoilt) -> None:
    """A token whose key holds something else is counted anew and exactly; nobody else notices."""
    spoil(store, f"gw:{{{TOKEN[0]}}}:{TOKEN[1]}:{KINDS[kind]().form}", spoilt)

    async def test(limiter: RedisLimiter) -> None:
        calls = [limiter.admit(ADDRESS, key, 3) for key in (OTHER, TOKEN, OTHER, TOKEN, OTHER, TOKEN)]
        verdicts = await asyncio.gather(*calls)
        assert all(verdict.admitted for verdict in verdicts)
        assert sorted(verdict.remaining for verdict in verdicts[1::2]) == [0, 1, 2]
        assert [verdict.remaining for verdict in verdicts[::2]] == [2, 1, 0]
        assert not (await limiter.admit(ADDRESS, TOKEN, 3)).admitted

    modes, faults = await limiting(store, kind, test)
    assert modes == [Mode.SHARED]
    assert set(faults) <= {About.KEY}


@pytest.mark.parametrize("ending", ["", "-3600"])
@pytest.mark.parametrize("spoilt", [AS_A_LIST, AS_A_PERIOD, AS_A_SET], ids=str)
@pytest.mark.parametrize("kind", KINDS)
async def test_spoilt_window_of_two(store: Server | Cluster, kind: str, spoilt: Spoilt, ending: str) -> None:
    """A token one of whose two windows holds something else is counted exactly: anew there, as before in the other."""
    key = f"gw:{{{TOKEN[0]}}}:{TOKEN[1]}:{KINDS[kind]().form}{ending}"

    async def test(limiter: RedisLimiter) -> None:
        assert (await limiter.admit(ADDRESS, TOKEN, 4, 3600, minute=5)).beside == (5, 4)
        spoil(store, key, spoilt)
        verdict = await limiter.admit(ADDRESS, TOKEN, 4, 3600, minute=5)
        left = {verdict.limit: verdict.remaining} | dict([verdict.beside or (0, 0)])
        assert left == ({4: 3, 5: 3} if ending else {4: 2, 5: 4})

    modes, faults = await limiting(store, kind, test)
    assert modes == [Mode.SHARED]
    assert set(faults) <= {About.KEY}


@pytest.mark.parametrize("spoilt", ALL, ids=str)
@pytest.mark.parametrize("name", ["ban", "calls:s1", "refused:s1"])
async def test_spoilt_key_of_an_address(store: Server | Cluster, name: str, spoilt: Spoilt) -> None:
    """An address with something else under one of its names is counted, banned when it is due, and not before."""
    spoil(store, f"gw:{{{ADDRESS}}}:{name}", spoilt)

    async def test(limiter: RedisLimiter) -> None:
        for admitted in (True, False, False):
            verdict = await limiter.admit(ADDRESS, TOKEN, 1)
            assert (verdict.admitted, verdict.ban) == (admitted, None)
        while (ban := await limiter.count_address(ADDRESS)) is None:
            pass
        assert ban.reason is Reason.CEILING
        assert (await limiter.admit(ADDRESS, OTHER, 1)).ban == ban

    modes, faults = await limiting(store, "sliding", test, ip_limit=20)
    assert modes == [Mode.SHARED]
    assert set(faults) <= {About.KEY}


async def test_a_repair_lifts_no_ban(store: Server | Cluster) -> None:
    """What is removed of an address is what is spoilt: its ban stays in force."""
    now = time.time_ns() // 1000

    async def test(limiter: RedisLimiter) -> None:
        ban = await limiter.count_address(ADDRESS)
        assert ban == Ban(address=ADDRESS, reason=Reason.OTHER, count=7, start=now)

    spoil(store, f"gw:{{{ADDRESS}}}:ban", ("SET", f"something_new:7:{now}"))
    spoil(store, f"gw:{{{ADDRESS}}}:calls:s1", AS_A_SET)
    modes, _ = await limiting(store, "sliding", test)
    assert modes == [Mode.SHARED]


async def test_kinds_of_windows_do_not_meet(store: Server | Cluster) -> None:
    """Gateways that count the same token in windows of two kinds share a store, each with counts of its own."""

    async def one(limiter: RedisLimiter) -> None:
        for left in (2, 1, 0):
            assert (await limiter.admit(ADDRESS, TOKEN, 3)).remaining == left

    for kind in ("sliding", "first-call"):
        assert await limiting(store, kind, one) == ([Mode.SHARED], [])
    keys = {key.decode() for node in nodes_of(store) for key in node.command("KEYS", f"*{TOKEN[0]}*")}
    assert len(keys) == 2


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        "MOVED 1234 127.0.0.1:7001",
        "ASK 1234 127.0.0.1:7001",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "CROSSSLOT Keys in request don't hash to the same slot",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "ERR something that nobody has thought of",
    ],
)
async def test_an_error_that_stays_is_its_calls(error: str, local: bool) -> None:
    """A command that fails for good leaves its call to the process, or has it refused; all other calls go on."""
    modes: list[Mode] = []
    memory = MemoryLimiter(ip_limit=1000, ignored_429_limit=100) if local else None
    with patient():
        to = FakeLink()
        to.refuses = lambda command: error if "bad" in command.key else None
        async with opened(to, fallback=memory, on_mode=lambda mode, _reason: modes.append(mode)) as limiter:
            for _ in range(2):
                good, bad = await asyncio.gather(
                    limiter.admit(None, ("good", "json"), 5),
                    limiter.admit(None, ("bad", "json"), 5),
                    return_exceptions=True,
                )
                assert not isinstance(good, BaseException)
                assert good.reset == 1_700_000_060, "as the store has decided"
                if local:
                    assert not isinstance(bad, BaseException)
                    assert bad.reset > 1_700_000_060, "as the process has decided"
                else:
                    assert isinstance(bad, StoreUnavailableError)
    assert modes == [Mode.SHARED]


# A Cluster on the move.


async def test_a_slot_that_moves(cluster: Cluster) -> None:
    """While the slot of a token is on its way to another node, and after it, every call is counted once."""
    empty(cluster)
    key = f"gw:{{{TOKEN[0]}}}:{TOKEN[1]}:s1"
    slot = int(cluster.nodes[0].command("CLUSTER", "KEYSLOT", key))
    ids = [node.command("CLUSTER", "MYID").decode() for node in cluster.nodes]
    owner = next(place for place, node in enumerate(cluster.nodes) if not _is_moved(node, key))
    source, target = cluster.nodes[owner], cluster.nodes[(owner + 1) % 3]

    async def test(limiter: RedisLimiter) -> None:
        async def left() -> int:
            return (await limiter.admit(None, TOKEN, 10)).remaining

        assert await left() == 9
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[owner])
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[(owner + 1) % 3])
        assert await left() == 8, "still there"
        source.command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
        assert await left() == 7, "sent on, for this one"
        for node in (target, source, cluster.nodes[(owner + 2) % 3]):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", ids[(owner + 1) % 3])
        assert [await left() for _ in range(2)] == [6, 5], "sent on, for good"

    try:
        modes, faults = await limiting(cluster, "sliding", test)
    finally:
        empty(cluster)
        for node in (source, target, cluster.nodes[(owner + 2) % 3]):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", ids[owner])
    assert (modes, faults) == ([Mode.SHARED], [])


def _is_moved(node: Server, key: str) -> bool:
    try:
        node.command("TYPE", key)
    except MovedError:
        return True
    return False


# The cache.


@pytest.mark.parametrize("spoilt", ALL, ids=str)
@pytest.mark.parametrize("name", ["entries", "ends"])
async def test_spoilt_shard_of_the_cache(store: Server | Cluster, name: str, spoilt: Spoilt) -> None:
    """A shard with something else in it is emptied by whoever meets it first, and keeps answers again."""
    entry = Entry(b"{}", time.time(), time.time() + 60, time.time() + 120)
    told: list[bool] = []

    async def run(act: Callable[[RedisCache], Coroutine[Any, Any, object]]) -> None:
        cache = RedisCache(
            link(parse_url(store.url)), max_bytes=2**24, on_change=lambda available, _reason: told.append(available)
        )
        await cache.start()
        try:
            await act(cache)
            await cache.put("a", entry)
            assert await cache.get("a") == entry
            assert (await cache.sweep()).entries == 1
        finally:
            await cache.close()

    first: list[Callable[[RedisCache], Coroutine[Any, Any, object]]] = [
        lambda cache: cache.get("a"),
        lambda cache: cache.put("a", entry),
        lambda cache: cache.sweep(),
    ]
    for act in first:
        for shard in range(16):
            spoil(store, f"gwc:{{{shard}}}:{name}", spoilt)
        with caches.patient():
            await run(act)
    assert told == [True] * 3


# The pings.


@pytest.mark.parametrize("spoilt", ALL, ids=str)
async def test_spoilt_keys_of_the_pings(store: Server | Cluster, spoilt: Spoilt) -> None:
    """Processes go on telling one another of the sources, whatever lay where they do."""
    answer = Answer(status=Status.OK, at=NOON, ok_at=NOON, keep_until=NOON + 60)
    for name in ("seen", "answer:a", "turn:a"):
        spoil(store, f"gw:{{pings}}:{name}", spoilt)
    faults: list[About] = []
    board = RedisBoard(client(parse_url(store.url), timeout=20), on_fault=faults.append)
    try:
        assert await board.read("a") is None
        assert await board.exchange({"a": Seen(1, 0, NOON)}) is not None
        news = await board.exchange({"a": Seen(2, 1, NOON)})
        assert news is not None
        assert news["a"][:3] == (3, 1, NOON)
        await board.publish("a", answer, now=NOON, replace=True)
        assert await board.read("a") == answer
    finally:
        await board.close()
    assert set(faults) <= {About.KEY}


@pytest.mark.parametrize("fields", [("a good", "many"), ("a bad", "1.5"), ("a good_at", "noon"), (b"\xff good", "1")])
async def test_spoilt_numbers_of_the_pings(valkey: Server, fields: tuple[str | bytes, str]) -> None:
    """A number that is none is not there, and the next count is."""
    empty(valkey)
    valkey.client().hset("gw:{pings}:seen", *fields)
    board = RedisBoard(client(parse_url(valkey.url), timeout=20))
    try:
        await board.exchange({})
        await board.exchange({"a": Seen(1, 1, NOON, NOON)})
        news = await board.exchange({})
        assert news is not None
        assert news["a"][:4] == (1, 1, NOON, NOON)
    finally:
        await board.close()
