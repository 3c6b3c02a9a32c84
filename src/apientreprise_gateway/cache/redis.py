"""The cache in Redis, shared by every process that is pointed at it.

Entries lie in a fixed number of shards, each with its own keys and an equal part of the bytes, so that a Cluster
spreads them and no key grows large. The bound is kept by a script, exactly, and does not rely on Redis' own eviction:
the same server may hold bans, which must not be evicted.
"""

import hashlib
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from typing import Final

from apientreprise_gateway.cache.port import MAX_ENTRY_BYTES, CacheUnavailableError, Entry, Size, is_over
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.store.errors import About
from apientreprise_gateway.store.exchange import Exchange, ExchangeError
from apientreprise_gateway.store.faults import Faults
from apientreprise_gateway.store.link import Command, RedisLink, Reply
from apientreprise_gateway.store.outage import Pace

PROBE_SECONDS: Final = 0.5
"""Seconds between two probes of a Redis that is away, at first."""
LONGEST_PROBE_SECONDS: Final = 5.0
"""Most seconds between two probes of a Redis that comes and goes."""
SHARDS: Final = 16
OVERHEAD: Final = 256
"""Bytes that an entry takes in Redis besides its name and value, rounded up."""
_NAME_BYTES: Final = 20
_HEAD: Final = struct.Struct(">Bddd")
_FORM: Final = 1
"""Version of the form of values; those of other versions are not read."""
_SWEPT_AT_ONCE: Final = 500


class RedisCache:
    """An `AnswerCache` that any number of processes share."""

    def __init__(
        self,
        link: RedisLink,
        *,
        max_bytes: int,
        on_change: Callable[[bool, str], None] = lambda _available, _reason: None,
        on_fault: Callable[[About], None] = lambda _about: None,
        background: Background | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open no connection yet.

        Args:
            link: the way to Redis; nobody else may use it.
            max_bytes: never exceeded, whoever else writes; all gateways that share a Redis must give the same.
            on_change: told whether Redis can be used, and why, each time that this changes.
            on_fault: told of each error that is about one key or one command.
            clock: Unix time in seconds.
        """
        self._exchange = Exchange(
            link,
            name="cache",
            pace=Pace(PROBE_SECONDS, LONGEST_PROBE_SECONDS),
            faults=Faults("cache", on_fault=on_fault),
            on_change=on_change,
            repair=_emptied_shard,
            background=background,
        )
        self._max_bytes = max_bytes // SHARDS
        self._clock = clock
        self._put_script = _load("put")
        self._sweep_script = _load("sweep")

    @property
    def largest(self) -> int:
        return min(MAX_ENTRY_BYTES, self._max_bytes - OVERHEAD - _NAME_BYTES - _HEAD.size)

    async def start(self) -> None:
        await self._exchange.start()

    async def get(self, key: str) -> Entry | None:
        name = _name(key)
        entries, _ = _keys(name[0] % SHARDS)
        entry = _read(await self._ask(Command(entries, ("HGET", entries, name))))
        return None if entry is None or is_over(entry, self._clock()) else entry

    async def put(self, key: str, entry: Entry) -> None:
        if len(entry.body) > self.largest:
            return
        name, value = _name(key), _written(entry)
        entries, ends = _keys(name[0] % SHARDS)
        # A lifetime, not a date: the server removes the entry by its own clock, which may differ from ours.
        lasts = max(0, int((entry.stale_until - entry.stored_at) * 1000))
        words = ("EVAL", self._put_script, 2, entries, ends, name, value, lasts, self._max_bytes, OVERHEAD)
        with suppress(ExchangeError):  # as if it had been put and forgotten
            await self._exchange.write(Command(entries, words), len(value))

    async def sweep(self) -> Size:
        total = Size(0, 0)
        for shard in range(SHARDS):
            entries, ends = _keys(shard)
            words = ("EVAL", self._sweep_script, 2, entries, ends, _SWEPT_AT_ONCE, OVERHEAD)
            removed, left, size = _SWEPT_AT_ONCE, 0, 0
            while removed == _SWEPT_AT_ONCE:
                removed, left, size = await self._ask(Command(entries, words))
            total = Size(total.entries + left, total.size + size)
        return total

    async def close(self) -> None:
        await self._exchange.close()

    async def _ask(self, command: Command) -> Reply:
        try:
            (reply,) = await self._exchange.ask((command,))
        except ExchangeError as error:
            raise CacheUnavailableError from error
        return reply


def _load(name: str) -> str:
    return (files(__package__) / "scripts" / f"{name}.lua").read_text()


def _name(key: str) -> bytes:
    """Name of an entry: a digest, so that whoever lists the names does not see who is asked about."""
    return hashlib.blake2b(key.encode(), digest_size=_NAME_BYTES).digest()


def _keys(shard: int) -> tuple[str, str]:
    """The keys of a shard: of its entries, and of their expiry dates."""
    return f"gwc:{{{shard}}}:entries", f"gwc:{{{shard}}}:ends"


def _emptied_shard(command: Command) -> Command:
    """The command that removes the whole shard of another: a cache may forget, but must not fail."""
    entries = command.key
    return Command(entries, ("UNLINK", entries, entries.removesuffix(":entries") + ":ends"))


def _written(entry: Entry) -> bytes:
    return _HEAD.pack(_FORM, entry.stored_at, entry.fresh_until, entry.stale_until) + entry.body


def _read(value: Reply) -> Entry | None:
    """The entry in a value; None if the value is missing or not of the form `_FORM`."""
    if not isinstance(value, bytes) or len(value) < _HEAD.size or value[0] != _FORM:
        return None
    _, stored_at, fresh_until, stale_until = _HEAD.unpack_from(value)
    return Entry(value[_HEAD.size :], stored_at, fresh_until, stale_until)
