"""The cache that encrypts what another one keeps."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.cache.memory import MemoryCache
from apientreprise_gateway.cache.port import MAX_ENTRY_BYTES, CacheUnavailableError, Entry, Size
from apientreprise_gateway.cache.sealed import OVERHEAD, SealedCache
from support.loops import complete

K1, K2, K3, NAMES = (bytes([number]) * 32 for number in range(1, 5))
NOW: Final = 1_000_000.0
ENTRY: Final = Entry(b'{"data": "DURAND"}', NOW, NOW + 60, NOW + 90)


class Store:
    """A cache that anybody can look into and write to."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.asked: list[str] = []
        self.largest = MAX_ENTRY_BYTES
        self.is_away = False

    async def start(self) -> None:
        """See `AnswerCache.start`."""

    async def get(self, key: str) -> Entry | None:
        """See `AnswerCache.get`."""
        self.asked.append(key)
        if self.is_away:
            raise CacheUnavailableError
        return self.entries.get(key)

    async def put(self, key: str, entry: Entry) -> None:
        """See `AnswerCache.put`."""
        self.entries[key] = entry

    async def sweep(self) -> Size:
        """See `AnswerCache.sweep`."""
        return Size(len(self.entries), 0)

    async def close(self) -> None:
        """See `AnswerCache.close`."""
        self.entries.clear()

    def spoil(self, body: bytes) -> None:
        """Replace the body of its one entry."""
        ((key, entry),) = self.entries.items()
        self.entries[key] = entry._replace(body=body)

    @property
    def body(self) -> bytes:
        """The body of its one entry."""
        (entry,) = self.entries.values()
        return entry.body


class Unopened(list[None]):
    """How often an entry was not opened."""

    def __call__(self) -> None:
        """Count one."""
        self.append(None)


def sealed(
    store: Store | MemoryCache, *keys: bytes, names: bytes | None = None, told: Unopened | None = None
) -> SealedCache:
    """A sealed cache in front of a store, for which time stands still."""
    told = Unopened() if told is None else told
    return SealedCache(store, keys=keys, pseudonym_key=names, on_unopened=told, clock=lambda: NOW)


async def test_the_store_sees_neither_answers_nor_questions() -> None:
    """What is kept shows nothing of the answer, nor its name anything of the question; it comes back whole."""
    store = Store()
    cache = sealed(store, K1)
    await cache.put("/v3/dss?nomNaissance=DURAND", ENTRY)
    assert await cache.get("/v3/dss?nomNaissance=DURAND") == ENTRY
    ((name, kept),) = store.entries.items()
    assert "DURAND" not in name
    assert b"DURAND" not in kept.body
    assert len(kept.body) == len(ENTRY.body) + OVERHEAD
    assert kept[1:] == ENTRY[1:]


async def test_the_same_answer_is_never_sealed_alike() -> None:
    """Each entry has a nonce of its own: nobody sees that an answer is the one of before."""
    store = Store()
    cache = sealed(store, K1)
    bodies = set()
    for _ in range(50):
        await cache.put("a", ENTRY)
        bodies.add(store.body)
    assert len(bodies) == 50


@pytest.mark.parametrize("names", [None, NAMES])
async def test_a_rotation_loses_nothing(names: bytes | None) -> None:
    """A key that is put in front seals from then on; what the others have sealed is found until they go."""
    store = Store()
    await sealed(store, K1, names=names).put("a", ENTRY)
    rotated = sealed(store, K2, K3, K1, names=names)
    assert await rotated.get("a") == ENTRY
    later = ENTRY._replace(body=b"later")
    await rotated.put("a", later)
    assert await rotated.get("a") == later
    assert await sealed(store, K2, names=names).get("a") == later


@pytest.mark.parametrize("names", [None, NAMES])
async def test_a_key_that_is_gone_opens_nothing(names: bytes | None) -> None:
    """Entries of a key that is no more in the ring are as if they were not there."""
    store = Store()
    told = Unopened()
    await sealed(store, K1, names=names).put("a", ENTRY)
    assert await sealed(store, K2, K3, names=names, told=told).get("a") is None
    assert len(told) == (0 if names is None else 1)


async def test_names_under_the_pseudonym_key_are_asked_for_once() -> None:
    """With a pseudonym key an entry has one name, however many keys there are."""
    store = Store()
    await sealed(store, K1, K2, K3, names=NAMES).get("a")
    assert len(store.asked) == 1
    await sealed(store, K1, K2, K3).get("a")
    assert len(set(store.asked)) == 4


async def test_another_question_s_entry_does_not_open() -> None:
    """An entry that was copied to another key is none: nobody is given another person's data."""
    store = Store()
    told = Unopened()
    cache = sealed(store, K1, told=told)
    await cache.put("a", ENTRY)
    await cache.put("b", ENTRY._replace(body=b"other"))
    first, second = store.entries
    store.entries[first], store.entries[second] = store.entries[second], store.entries[first]
    assert await cache.get("a") is None
    assert await cache.get("b") is None
    assert len(told) == 2


async def test_nobody_prolongs_an_entry_in_the_store() -> None:
    """The ends of an entry are sealed with it: those that the store gives can only be earlier."""
    store = Store()
    cache = sealed(store, K1)
    await cache.put("a", ENTRY)
    ((name, kept),) = store.entries.items()
    store.entries[name] = kept._replace(fresh_until=NOW + 9000, stale_until=NOW + 9000)
    assert await cache.get("a") == ENTRY
    store.entries[name] = kept._replace(fresh_until=NOW + 1, stale_until=NOW + 2)
    assert await cache.get("a") == ENTRY._replace(fresh_until=NOW + 1, stale_until=NOW + 2)
    ended = SealedCache(store, keys=[K1], clock=lambda: NOW + 90)
    store.entries[name] = kept._replace(fresh_until=NOW + 9000, stale_until=NOW + 9000)
    assert await ended.get("a") is None


async def test_a_store_that_is_away_is_told() -> None:
    """That the store cannot be asked is not the same as that there is no entry."""
    store = Store()
    store.is_away = True
    with pytest.raises(CacheUnavailableError):
        await sealed(store, K1).get("a")


async def test_the_largest_answer_still_fits_when_sealed() -> None:
    """The largest body that it keeps is one that the cache within keeps."""
    inner = MemoryCache(max_bytes=16 * 1024 * 1024, clock=lambda: NOW, steady=lambda: NOW)
    cache = sealed(inner, K1)
    largest = ENTRY._replace(body=b"x" * cache.largest)
    await cache.put("a", largest)
    assert await cache.get("a") == largest
    assert (await cache.sweep()).entries == 1
    await cache.put("a", ENTRY._replace(body=b"x" * (cache.largest + 1)))
    assert await cache.get("a") is None
    await cache.close()


def test_a_ring_without_keys_is_refused() -> None:
    """Nothing is kept that nobody could open."""
    with pytest.raises(ValueError, match="at least one"):
        SealedCache(Store(), keys=[])


# Laws.


@given(st.binary(max_size=300), st.text(max_size=20), st.integers(0, 400), st.integers(1, 255), st.integers(0, 400))
@settings(deadline=None)
def test_what_is_damaged_is_a_miss(body: bytes, key: str, place: int, flip: int, length: int) -> None:
    """A bit that has flipped, anywhere, and an entry that is cut or longer are misses, and no error."""

    async def example() -> None:
        store = Store()
        told = Unopened()
        cache = sealed(store, K1, K2, told=told)
        await cache.put(key, ENTRY._replace(body=body))
        whole = store.body
        found = await cache.get(key)
        assert found is not None
        assert found.body == body
        at = place % len(whole)
        store.spoil(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
        assert await cache.get(key) is None
        store.spoil(whole[: length % len(whole)])
        assert await cache.get(key) is None
        store.spoil(whole + b"\0")
        assert await cache.get(key) is None
        assert len(told) == 3

    complete(example())


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_what_others_have_written_is_a_miss(body: bytes) -> None:
    """Whatever lies under the name of an entry, what was not sealed is not given."""

    async def example() -> None:
        store = Store()
        cache = sealed(store, K1)
        await cache.put("a", ENTRY)
        store.spoil(body)
        assert await cache.get("a") is None

    complete(example())
