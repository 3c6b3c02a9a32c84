"""What every cache of answers does, whatever it keeps them in.

One list of behaviours, run on each store. The clock that judges entries is the test's; a real Redis removes ended ones
by its own, so what is to be removed ends in its past.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from apientreprise_gateway.cache.memory import MemoryCache
from apientreprise_gateway.cache.port import MAX_ENTRY_BYTES, AnswerCache, Entry
from apientreprise_gateway.cache.sealed import OVERHEAD, SealedCache
from contract import shared
from contract.caches import MEGABYTE, Clock, entry, opened, patient
from support.loops import complete
from support.stores import Cluster, Server

PHASES = [phase for phase in Phase if phase is not Phase.explain]
KEYS = ["a", "b", "c/é\n", "d" * 2000]


class Opener(Protocol):
    """Opens an empty cache."""

    def __call__(self, *, max_bytes: int, clock: Clock) -> AbstractAsyncContextManager[AnswerCache]:
        """Open a cache that judges by `clock`."""


@dataclass(frozen=True)
class Store:
    """A kind of store."""

    opener: Opener
    examples: int
    """Of each law."""
    overhead: int = 0
    """Bytes by which what is kept is longer than the answer."""

    @asynccontextmanager
    async def opened(self, *, max_bytes: int = 16 * MEGABYTE) -> AsyncIterator[tuple[AnswerCache, Clock]]:
        """An empty cache, and the clock that it judges by."""
        clock = Clock()
        async with self.opener(max_bytes=max_bytes, clock=clock) as cache:
            yield cache, clock


@asynccontextmanager
async def _memory(*, max_bytes: int, clock: Clock) -> AsyncIterator[AnswerCache]:
    yield MemoryCache(max_bytes=max_bytes, clock=clock)


def _real(server: Server | Cluster) -> Opener:
    @asynccontextmanager
    async def opener(*, max_bytes: int, clock: Clock) -> AsyncIterator[AnswerCache]:
        shared.empty(server)
        with patient():
            async with opened(server, max_bytes=max_bytes, clock=clock) as cache:
                yield cache

    return opener


def _sealed(inside: Opener) -> Opener:
    @asynccontextmanager
    async def opener(*, max_bytes: int, clock: Clock) -> AsyncIterator[AnswerCache]:
        async with inside(max_bytes=max_bytes, clock=clock) as inner:
            yield SealedCache(inner, keys=[bytes(32), bytes(range(32))], clock=clock)

    return opener


@pytest.fixture(scope="module", params=["memory", "redis7", "valkey", "cluster", "sealed memory", "sealed valkey"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each store."""
    name = request.param.removeprefix("sealed ")
    opener, examples = (_memory, 300) if name == "memory" else (_real(request.getfixturevalue(name)), 20)
    if name == request.param:
        return Store(opener, examples)
    return Store(_sealed(opener), examples=20, overhead=OVERHEAD)


async def test_what_is_put_is_found(store: Store) -> None:
    """An entry comes back whole, byte for byte, with its times; another key has none."""

    async with store.opened() as (cache, clock):
        put = Entry(bytes(range(256)) * 8, clock.now - 0.25, clock.now + 1.5, clock.now + 60.125)
        assert await cache.get("a") is None
        await cache.put("a", put)
        assert await cache.get("a") == put
        assert await cache.get("b") is None


async def test_any_key_will_do(store: Store) -> None:
    """Keys of any length and content are told apart."""

    async with store.opened() as (cache, clock):
        for key in KEYS:
            await cache.put(key, entry(key.encode(), now=clock.now))
        for key in KEYS:
            found = await cache.get(key)
            assert found is not None
            assert found.body == key.encode()


async def test_the_last_one_put_counts(store: Store) -> None:
    """An entry replaces the one of its key, and takes its place only."""

    async with store.opened() as (cache, clock):
        await cache.put("a", entry(b"first" * 1000, now=clock.now))
        once = await cache.sweep()
        await cache.put("a", entry(b"later" * 1000, now=clock.now, fresh=7200))
        found = await cache.get("a")
        assert found is not None
        assert (found.body, found.fresh_until) == (b"later" * 1000, clock.now + 7200)
        assert await cache.sweep() == once


async def test_nothing_is_given_after_its_end(store: Store) -> None:
    """An entry is given until its last moment, past its freshness too, and never from then on."""

    async with store.opened() as (cache, clock):
        await cache.put("a", entry(now=clock.now, fresh=100, stale=50))
        start = clock.now
        for seconds, is_given in ((0, True), (99.9, True), (100, True), (149.9, True), (150, False), (1e6, False)):
            clock.now = start + seconds
            assert (await cache.get("a") is not None) == is_given


async def test_what_has_ended_is_removed(store: Store) -> None:
    """A sweep removes what has ended, however much it is, and says what is left."""

    async with store.opened() as (cache, clock):
        for number in range(40):
            await cache.put(f"ended-{number}", entry(now=clock.now, fresh=-1))
            await cache.put(f"lives-{number}", entry(now=clock.now))
        left = await cache.sweep()
        assert left.entries == 40
        assert left.size > 40 * 2
        assert await cache.sweep() == left
        for number in range(40):
            assert await cache.get(f"lives-{number}") is not None
            assert await cache.get(f"ended-{number}") is None


async def test_an_empty_cache_holds_nothing(store: Store) -> None:
    """A cache whose entries have all ended takes no bytes."""

    async with store.opened() as (cache, clock):
        assert await cache.sweep() == (0, 0)
        await cache.put("a", entry(now=clock.now, fresh=-1))
        assert await cache.sweep() == (0, 0)


async def test_too_large_answers_are_not_kept(store: Store) -> None:
    """The largest body is kept, one byte more is not, and takes nobody's place."""

    async with store.opened() as (cache, clock):
        assert cache.largest == MAX_ENTRY_BYTES - store.overhead
        await cache.put("small", entry(now=clock.now))
        await cache.put("largest", entry(b"x" * cache.largest, now=clock.now))
        await cache.put("larger", entry(b"x" * (cache.largest + 1), now=clock.now))
        assert await cache.get("largest") is not None
        assert await cache.get("larger") is None
        assert await cache.get("small") is not None


async def test_a_small_cache_keeps_smaller_answers(store: Store) -> None:
    """A cache of the least size that can be set keeps an ordinary answer."""

    async with store.opened(max_bytes=MEGABYTE) as (cache, clock):
        assert 32 * 1024 < cache.largest < MAX_ENTRY_BYTES
        await cache.put("a", entry(b"x" * cache.largest, now=clock.now))
        assert await cache.get("a") is not None


async def test_old_entries_make_room(store: Store) -> None:
    """A full cache keeps what is put last, and stays within its bytes."""

    async with store.opened(max_bytes=MEGABYTE) as (cache, clock):
        for number in range(400):
            await cache.put(f"{number}", entry(b"x" * 10_000, now=clock.now, fresh=1000 + number))
            assert await cache.get(f"{number}") is not None
        size = await cache.sweep()
        assert MEGABYTE // 2 < size.size <= MEGABYTE
        assert size.entries < 110


async def test_puts_made_together_keep_to_the_bound(store: Store) -> None:
    """Entries put at the same moment are each found, or gone, and never too many."""

    async with store.opened(max_bytes=MEGABYTE) as (cache, clock):
        await asyncio.gather(*(cache.put(f"{n}", entry(b"y" * 9_000, now=clock.now)) for n in range(300)))
        size = await cache.sweep()
        found = await asyncio.gather(*(cache.get(f"{n}") for n in range(300)))
        assert sum(each is not None for each in found) == size.entries
        assert size.size <= MEGABYTE


async def test_a_cancelled_read_takes_nobody_elses_entry(store: Store) -> None:
    """Of reads made together some are given up; the others get what they asked for."""

    async with store.opened() as (cache, clock):
        for number in range(20):
            await cache.put(f"{number}", entry(b"%d" % number, now=clock.now))
        tasks = [asyncio.create_task(cache.get(f"{number}")) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.wait(tasks)
        for number in range(1, 20, 2):
            found = tasks[number].result()
            assert found is not None
            assert found.body == b"%d" % number


# Laws.

steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "get", "pass", "sweep"]),
        st.integers(0, 30),
        st.integers(0, 60_000),
        st.sampled_from([-50.0, 1.0, 100.0, 10_000.0]),
    ),
    max_size=120,
)


def test_law_of_bytes_and_ends(store: Store) -> None:
    """Whatever is put, asked and swept, bytes never exceed the bound, and what is given is the last put, not ended."""

    @settings(max_examples=store.examples, deadline=None, phases=PHASES)
    @given(steps)
    def law(taken: list[tuple[str, int, int, float]]) -> None:
        async def example() -> None:
            async with store.opened(max_bytes=MEGABYTE) as (cache, clock):
                last: dict[str, Entry] = {}
                for step, number, size, seconds in taken:
                    key = f"key-{number}"
                    if step == "put":
                        last[key] = entry(b"%d " % number * (size // 4), now=clock.now, fresh=seconds, stale=seconds)
                        await cache.put(key, last[key])
                    elif step == "get":
                        found = await cache.get(key)
                        assert found is None or (found == last[key] and clock.now < found.stale_until)
                    elif step == "pass":
                        clock.now += abs(seconds)
                    assert (await cache.sweep()).size <= MEGABYTE

        complete(example())

    law()
