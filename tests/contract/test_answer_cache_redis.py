"""What the cache in Redis does beyond the port: its bound in bytes, its keys, and Redis being slow, away or damaged."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from apientreprise_gateway.cache import redis as cache_module
from apientreprise_gateway.cache.port import CacheUnavailableError, Entry
from apientreprise_gateway.cache.redis import OVERHEAD, RedisCache
from apientreprise_gateway.cache.sealed import SealedCache
from apientreprise_gateway.store.exchange import BATCH_BYTES, MAX_WAITING_BYTES
from apientreprise_gateway.store.link import Command, link
from apientreprise_gateway.store.url import parse_url
from contract import shared
from contract.caches import MEGABYTE, Clock, Told, entry, kept_by, opened, patient
from contract.fakes import FakeLink
from contract.shared import PATIENCE, Recording, until
from support import stores
from support.stores import Cluster, Server, free_port


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Server]:
    """A store of the test's own."""
    with stores.server(tmp_path, stores.valkey_server()) as started:
        yield started


async def ask(cache: RedisCache, keys: int = 1) -> list[Entry | BaseException | None]:
    """What reads made together get; none may wait for good."""
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*(cache.get(f"{number}") for number in range(keys)), return_exceptions=True)


def all_unavailable(outcomes: list[Entry | BaseException | None]) -> bool:
    """Whether every read was told that the cache is away."""
    return all(isinstance(outcome, CacheUnavailableError) for outcome in outcomes)


async def available_again(cache: RedisCache) -> None:
    """Wait until Redis has been found."""
    async with asyncio.timeout(PATIENCE):
        while all_unavailable(await ask(cache)):
            await asyncio.sleep(0.01)


# What Redis holds.


async def test_the_bound_is_in_bytes_of_redis(valkey: Server) -> None:
    """What Redis holds, names and values, is what the cache counts, and never more than the bound."""
    shared.empty(valkey)
    with patient():
        async with opened(valkey, max_bytes=2 * MEGABYTE) as cache:
            for number in range(600):
                await cache.put(f"{number % 250}", entry(b"z" * (number * 37 % 20_000), now=time.time(), fresh=number))
                if number % 50 == 0:
                    size = await cache.sweep()
                    assert kept_by(valkey) + size.entries * OVERHEAD == size.size <= 2 * MEGABYTE


async def test_what_ends_first_makes_room(valkey: Server) -> None:
    """In a full cache the entries that end first are the first to go."""
    shared.empty(valkey)
    with patient():
        async with opened(valkey, max_bytes=MEGABYTE) as cache:
            now = time.time()
            for number in range(200):
                await cache.put(f"long-{number}", entry(b"z" * 3000, now=now, fresh=9000))
            for number in range(400):
                await cache.put(f"short-{number}", entry(b"z" * 3000, now=now, fresh=10))
            assert all([await cache.get(f"long-{number}") for number in range(200)])


async def test_keys_end_with_their_last_entry(valkey: Server) -> None:
    """Without any gateway to sweep, Redis itself removes everything when the last entry has ended."""
    shared.empty(valkey)
    with patient():
        async with opened(valkey) as cache:
            for number in range(100):
                await cache.put(f"{number}", entry(now=time.time(), fresh=50, stale=50))
    names = valkey.command("KEYS", "*")
    assert len(names) > 16
    assert all(name.startswith(b"gwc:{") for name in names if name != b"gw:probe")
    assert all(0 < valkey.command("PTTL", name) <= 100_000 for name in names)


@pytest.mark.parametrize("ahead", [3600.0, 30 * 86_400.0, -30 * 86_400.0])
async def test_a_clock_that_was_wrong(valkey: Server, ahead: float) -> None:
    """What was kept by a wrong clock is not given once that is right, and Redis keeps it no longer than told."""
    valkey.command("FLUSHALL")
    with patient():
        clock = Clock()
        now = clock.now
        async with opened(valkey, clock=clock) as cache:
            clock.now = now + ahead
            await cache.put("a", entry(now=clock.now, fresh=600))
            assert await cache.get("a") is not None
            clock.now = now
            assert await cache.get("a") is None
            (key,) = valkey.command("KEYS", "gwc:*:entries")
            assert 590_000 < valkey.command("PTTL", key) <= 600_000
            await cache.put("a", entry(now=clock.now, fresh=600))
            assert await cache.get("a") is not None


async def test_names_do_not_tell_who_is_asked_about(valkey: Server) -> None:
    """Neither keys nor names of entries show the question."""
    shared.empty(valkey)
    with patient():
        async with opened(valkey) as cache:
            await cache.put("/v3/130025265", entry(b"{}", now=time.time()))
    everything = [valkey.command("HKEYS", name) for name in valkey.command("KEYS", "*:entries")]
    assert everything
    assert b"130025265" not in repr(everything).encode()


async def test_sealed_entries_show_nothing_and_survive_a_rotation(valkey: Server) -> None:
    """In Redis neither names nor values show whom an answer is about; a new key in front of the ring loses none."""
    shared.empty(valkey)
    first, second, names = (bytes([number]) * 32 for number in range(3))
    with patient():
        async with opened(valkey) as inner:
            for key, pseudonym_key in (("nomNaissance=DURAND", None), ("nom=DURAND", names)):
                kept = entry(b"DURAND" * 50, now=time.time())
                await SealedCache(inner, keys=[first], pseudonym_key=pseudonym_key).put(key, kept)
                rotated = SealedCache(inner, keys=[second, first], pseudonym_key=pseudonym_key)
                assert await rotated.get(key) == kept
    everything = [valkey.command("HGETALL", name) for name in valkey.command("KEYS", "gwc:*:entries")]
    assert everything
    assert b"DURAND" not in b"".join(word for words in everything for word in words)


async def test_a_spoilt_sealed_entry_is_a_miss(valkey: Server) -> None:
    """A value that was changed in Redis is not given, and the next one is kept in its place."""
    shared.empty(valkey)
    with patient():
        async with opened(valkey) as inner:
            cache, kept = SealedCache(inner, keys=[bytes(32)]), entry(b"DURAND", now=time.time())
            await cache.put("a", kept)
            (shard,) = valkey.command("KEYS", "gwc:*:entries")
            (name,) = (name for name in valkey.command("HKEYS", shard) if name)
            value = valkey.command("HGET", shard, name)
            valkey.command("HSET", shard, name, value[:-1] + bytes([value[-1] ^ 1]))
            assert await cache.get("a") is None
            await cache.put("a", kept)
            assert await cache.get("a") == kept


async def test_entries_are_spread_over_a_cluster(cluster: Cluster) -> None:
    """Every node of a Cluster keeps a part."""
    shared.empty(cluster)
    with patient():
        async with opened(cluster) as cache:
            for number in range(200):
                await cache.put(f"{number}", entry(now=time.time()))
            assert (await cache.sweep()).entries == 200
    assert all(node.command("DBSIZE") > 2 for node in cluster.nodes)


async def test_sentinel(tmp_path: Path) -> None:
    """A Redis that Sentinel knows keeps answers like any other."""

    async def main(url: str) -> None:
        async with opened(link(parse_url(url))) as cache:
            await cache.put("a", entry(now=time.time()))
            assert await cache.get("a") is not None

    with stores.replicated(tmp_path, stores.valkey_server()) as group, patient():
        await main(group.url)


@pytest.mark.parametrize("lost", ["entries", "ends"])
async def test_half_of_what_is_kept_is_lost(valkey: Server, lost: str) -> None:
    """A server that throws one of two keys away makes the cache forget, never exceed its bound, and go on."""
    shared.empty(valkey)
    with patient():
        async with opened(valkey, max_bytes=MEGABYTE) as cache:
            for round_ in range(3):
                for number in range(300):
                    await cache.put(f"{round_}-{number}", entry(b"z" * 5000, now=time.time()))
                assert kept_by(valkey) <= MEGABYTE
                for name in valkey.command("KEYS", f"*:{lost}"):
                    valkey.command("DEL", name)
            await cache.put("last", entry(now=time.time()))
            assert await cache.get("last") is not None
            assert (await cache.sweep()).size <= MEGABYTE


@pytest.mark.parametrize("value", [b"", b"\x01short", b"\x02" + b"x" * 100, b"x" * 100])
async def test_foreign_values_are_no_answers(valkey: Server, value: bytes) -> None:
    """What no gateway of this form has written is not given to anybody."""
    shared.empty(valkey)
    with patient():
        async with opened(valkey) as cache:
            await cache.put("a", entry(now=time.time()))
            (name,) = valkey.command("KEYS", "*:entries")
            (field,) = [field for field in valkey.command("HKEYS", name) if field]
            valkey.client().hset(name, field, value)
            assert await cache.get("a") is None


# Redis slow, away, full.


async def test_a_failing_exchange_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """When Redis fails nobody waits, later reads do not ask, and each change is told of once."""
    monkeypatch.setattr(cache_module, "PROBE_SECONDS", 0)
    with patient():
        to, told = FakeLink(up=True), Told()
        async with opened(to, told=told) as cache:
            for _ in range(2):
                to.up = False
                assert all_unavailable(await ask(cache, 20))
                asked = len(to.exchanges)
                assert all_unavailable(await ask(cache, 20))
                await cache.put("a", entry(now=time.time()))
                assert len(to.exchanges) == asked
                with pytest.raises(CacheUnavailableError):
                    await cache.sweep()
                to.up = True
                await available_again(cache)
        assert told == [True, False, True, False, True]
        assert to.closed


async def test_start_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway starts although Redis is not there, says so once, and uses it when it comes."""
    monkeypatch.setattr(cache_module, "PROBE_SECONDS", 0)
    with patient():
        to, told = FakeLink(up=False), Told()
        async with opened(to, told=told) as cache:
            assert all_unavailable(await ask(cache, 5))
            assert to.exchanges == []
            to.up = True
            await available_again(cache)
        assert told == [False, True]


async def test_a_start_tells_why_redis_cannot_be_used() -> None:
    """Whoever starts with a password that is wrong reads so, not that nobody has answered."""
    reasons: list[str] = []
    with patient():
        to = FakeLink(up=False)
        cache = RedisCache(to, max_bytes=MEGABYTE, on_change=lambda _available, reason: reasons.append(reason))
        await cache.start()
        await cache.close()
    assert reasons == ["the fake is down"]


async def test_a_fault_of_a_library_holds_nobody() -> None:
    """What no link should raise makes the cache unavailable; nobody waits for it."""
    with patient():
        to, told = FakeLink(), Told()
        async with opened(to, told=told) as cache:
            to.fault = RuntimeError("surprise")
            assert all_unavailable(await ask(cache, 3))
        assert told == [True, False]


async def test_reads_that_wait_when_the_gateway_stops_are_given_up() -> None:
    """A stop holds nobody who waits for Redis."""
    with patient():
        to = FakeLink()
        async with opened(to) as cache:
            to.gate = asyncio.Event()
            first = asyncio.create_task(ask(cache))
            await until(lambda: bool(to.exchanges))
            second = asyncio.create_task(ask(cache))
            await asyncio.sleep(0)
        assert all_unavailable(await first + await second)


async def test_an_error_reply_makes_it_unavailable(store: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is full is away: a put is forgotten, and when there is room again the cache goes on."""
    monkeypatch.setattr(cache_module, "PROBE_SECONDS", 0)
    with patient():
        told = Told()
        async with opened(store, told=told) as cache:
            await cache.put("0", entry(now=time.time()))
            store.command("CONFIG", "SET", "maxmemory", "1")
            await cache.put("1", entry(now=time.time()))
            assert all_unavailable(await ask(cache, 2))
            store.command("CONFIG", "SET", "maxmemory", "0")
            await available_again(cache)
            first, second = await ask(cache, 2)
            assert isinstance(first, Entry)
            assert second is None
        assert told == [True, False, True]


async def test_a_frozen_redis_holds_nobody_twice(store: Server) -> None:
    """While Redis does not answer, reads wait for it once, 100 ms, and then not at all; thawed, it is used again."""
    told = Told()
    async with opened(store, told=told) as cache:
        await available_again(cache)  # a slow machine may have lost it at once
        await cache.put("0", entry(now=time.time()))
        store.freeze()
        assert all_unavailable(await ask(cache, 10))
        before = time.monotonic()
        for _ in range(1000):
            assert all_unavailable(await ask(cache))
        assert time.monotonic() - before < PATIENCE / 4  # 100 ms each would take far longer
        store.thaw()
        await available_again(cache)
        (found,) = await ask(cache)
        assert found is None or isinstance(found, Entry)
    assert told[-1]


async def test_a_killed_redis_comes_back_empty(store: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart of Redis the cache is empty, and keeps again."""
    monkeypatch.setattr(cache_module, "PROBE_SECONDS", 0)
    with patient():
        async with opened(store) as cache:
            await cache.put("0", entry(now=time.time()))
            store.stop()
            assert all_unavailable(await ask(cache))
            store.start()
            await available_again(cache)
            assert await ask(cache) == [None]
            await cache.put("0", entry(now=time.time()))
            assert isinstance((await ask(cache))[0], Entry)


async def test_a_store_that_is_not_there() -> None:
    """An address at which nobody answers is one log line, and no entry."""
    told = Told()
    to = link(parse_url(f"redis://127.0.0.1:{free_port()}/0"))
    async with opened(to, told=told) as cache:
        assert all_unavailable(await ask(cache, 3))
    assert told == [False]


# How commands travel.


async def test_reads_made_together_go_together(valkey: Server) -> None:
    """Reads of the same moment are one exchange; those that come during it are the next one."""
    with patient():
        to = Recording(link(parse_url(valkey.url)))
        async with opened(to) as cache:
            before = len(to.exchanges)
            await ask(cache, 50)
            assert len(to.exchanges) - before <= 2


async def test_a_read_finds_what_was_put_before_it() -> None:
    """Of an entry put and read at the same moment, the put goes first."""
    with patient():
        to = FakeLink()
        async with opened(to) as cache:
            reads = [asyncio.create_task(cache.get("a")) for _ in range(3)]
            put = asyncio.create_task(cache.put("a", entry(now=time.time())))
            await asyncio.wait([*reads, put])
        words = [command.words[0] for command in to.scripts]
        assert words.index("EVAL") < words.index("HGET")


async def test_writes_do_not_crowd_reads_out() -> None:
    """An exchange brings a bounded number of bytes, and all reads; writes beyond what may wait are forgotten."""
    with patient():
        to = FakeLink()
        async with opened(to) as cache:
            to.gate = asyncio.Event()
            first = asyncio.create_task(cache.get("first"))
            await until(lambda: bool(to.exchanges))
            body = b"x" * cache.largest
            puts = [asyncio.create_task(cache.put(f"{n}", entry(body, now=time.time()))) for n in range(60)]
            reads = [asyncio.create_task(cache.get(f"{n}")) for n in range(30)]
            await until(lambda: sum(put.done() for put in puts) >= 60 - MAX_WAITING_BYTES // len(body) - 1)
            to.gate.set()
            await asyncio.wait([first, *puts, *reads])
        written = [[len(str(c.words[6])) for c in e if c.words[0] == "EVAL"] for e in to.exchanges]
        assert [len(command.words) for command in to.exchanges[1] if command.words[0] == "HGET"] == [3] * 30
        assert all(sum(sizes) <= BATCH_BYTES * 4 for sizes in written)
        assert sum(len(sizes) for sizes in written) <= MAX_WAITING_BYTES // len(body)


async def test_an_error_reply_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of commands that went together only the one with an error is given up."""

    def reply(_self: FakeLink, command: Command) -> object:
        error = _self.refuses(command)
        return None if error is None else ResponseError(error)

    monkeypatch.setattr(FakeLink, "_reply", reply)
    with patient():
        to = FakeLink()
        to.refuses = lambda command: "ERR no" if command.words[0] == "EVAL" else None
        async with opened(to) as cache:
            put = asyncio.create_task(cache.put("a", entry(now=time.time())))
            assert await ask(cache, 3) == [None, None, None]
            await put
