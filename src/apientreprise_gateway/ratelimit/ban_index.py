"""The index of bans in Redis: a sorted set of the bans in force, by the time at which they end.

Each ban is a key of its own, which the scripts find by its address. Those keys are spread over the nodes of a Cluster,
so no script can write to the index as well: the process whose call has caused a ban enters it at once, and so does
each that meets a ban which it did not know, should the first have been killed in between. Every process
follows the index, so that it knows bans of addresses that it has not met, and gives back what Redis has lost.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

import structlog

from apientreprise_gateway.contract.bans import DURATION, Ban, index_entry, index_key, read_ban, written_ban
from apientreprise_gateway.ratelimit.windows import SECOND
from apientreprise_gateway.store.ban_list import read_index
from apientreprise_gateway.store.client import Client, repaired
from apientreprise_gateway.store.errors import ReplyError
from apientreprise_gateway.store.link import Command, RedisLink

FULL_EVERY: Final = 30
"""Of so many looks, a second apart, one reads the whole index; the others read only its latest entries."""
_RESTORED_AT_ONCE: Final = 500
_OVERLAP: Final = 60 * SECOND
"""Microseconds by which an entry may be written later than one that ends after it."""
_log = structlog.get_logger(__name__)


def ban_key(prefix: str, address: str) -> str:
    """The key of the ban on an address."""
    return f"{prefix}:{{{address}}}:ban"


def kept_ban(ban: Ban, value: object) -> Ban:
    """The ban that Redis now has on an address, by the value of its key; it may be older than the one we wrote back."""
    try:
        return read_ban(ban.address, value) if isinstance(value, bytes) else ban
    except ValueError:
        return ban


def entered(prefix: str, ban: Ban, *, now: int) -> list[Command]:
    """The commands that enter a ban, and forget those that have ended at `now`."""
    key = index_key(prefix)
    return [
        Command(key, ("ZADD", key, ban.end, index_entry(ban))),
        Command(key, ("ZREMRANGEBYSCORE", key, "-inf", now - _OVERLAP)),
        Command(key, ("PEXPIRE", key, DURATION // 1000)),
    ]


async def restore(link: RedisLink, prefix: str, known: Sequence[Ban], *, now: int) -> None:
    """Put bans into Redis, and into its index, unless it has one on the same address.

    Args:
        link: a link to Redis that no other task uses meanwhile.
        prefix: prefix of the keys.
        known: the bans.
        now: the store's clock, in microseconds.

    Raises:
        UnreachableError: Redis cannot be reached.
    """
    for start in range(0, len(known), _RESTORED_AT_ONCE):
        some = known[start : start + _RESTORED_AT_ONCE]
        keys = [ban_key(prefix, ban.address) for ban in some]
        lives = [max(1, (ban.end - now) // 1000) for ban in some]
        given = [
            Command(key, ("SET", key, written_ban(ban), "PX", left, "NX"))
            for key, ban, left in zip(keys, some, lives, strict=True)
        ]
        replies = await link.exchange([*given, *(Command(key, ("GET", key)) for key in keys)])
        kept = [kept_ban(ban, value) for ban, value in zip(some, replies[len(some) :], strict=True)]
        await link.exchange([each for ban in kept for each in entered(prefix, ban, now=now)])


class Holder(Protocol):
    """Enforces the bans that `BanWatch` finds; see `redis.RedisLimiter`."""

    prefix: str

    def now(self) -> int:
        """The store's clock in microseconds, estimated."""

    def add_bans(self, bans: Sequence[Ban]) -> None:
        """Enforce bans that were made elsewhere."""

    def bans_in_force(self) -> list[Ban]:
        """All bans that are enforced."""


class BanWatch:
    """Keeps a process up to date with the bans in Redis."""

    def __init__(self, client: Client, holder: Holder) -> None:
        self._client = client
        self._holder = holder
        self._partly = 0
        """How many more looks may read only the latest entries."""
        self._latest = 0
        """The latest end of a ban that was read, in microseconds."""

    async def refresh(self) -> None:
        """Read the latest entries, or from time to time all of them.

        Raises:
            StoreError: Redis cannot be reached; the next look reads everything.
        """
        partly, self._partly = self._partly, 0  # so that everything is read after a failure
        now = self._holder.now()
        since = max(now, self._latest if partly else 0) - _OVERLAP
        found = await self._read(since)
        # An entry written by a clock that was ahead must not hide newer ones.
        self._latest = max((ban.end for ban in found if ban.start <= now + _OVERLAP), default=self._latest)
        self._holder.add_bans(found)
        if not partly:
            await self._give_back({ban.address for ban in found})
        self._partly = (partly or FULL_EVERY) - 1

    async def _read(self, since: int) -> list[Ban]:
        return await repaired(
            partial(read_index, self._client, self._holder.prefix, since=since), self._remove_what_is_no_index
        )

    async def _remove_what_is_no_index(self, error: ReplyError) -> None:
        key = index_key(self._holder.prefix)
        _log.error("bans_unreadable", key=key, reason=str(error), effect="removed, and made anew")
        await self._client.ask("DEL", key)

    async def _give_back(self, indexed: set[str]) -> None:
        """Write back the bans that Redis lacks: made while it was away, or lost by it."""
        for ban in self._holder.bans_in_force():
            if ban.address not in indexed:
                await self._enter(ban)

    async def _enter(self, ban: Ban) -> None:
        prefix = self._holder.prefix
        left = max(1, min(DURATION, ban.end - self._holder.now()) // 1000)
        key = ban_key(prefix, ban.address)
        await self._client.ask("SET", key, written_ban(ban), "PX", left, "NX")
        for command in entered(prefix, kept_ban(ban, await self._client.ask("GET", key)), now=self._holder.now()):
            await self._client.ask(*command.words)
