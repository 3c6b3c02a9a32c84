"""Revocations in Redis: which tokens are refused before they expire, and from when on.

One hash holds the date of each revocation, by `jti`; another holds when each date was last changed. A version key that
changes with them tells the gateways to read them again. A revocation that was lifted stays there, dated `inf`, so that
a gateway that did not hear of it cannot bring the revocation back. Of two entries the one changed last is in force. A
Redis that has lost its data therefore makes no token valid again: the gateways write back what they know.
"""

import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache, partial
from importlib.resources import files
from typing import Final, NamedTuple
from uuid import uuid4

import structlog

from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.store.client import Client, repaired
from apientreprise_gateway.store.errors import ReplyError, StoreError
from apientreprise_gateway.store.outage import Outage
from apientreprise_gateway.store.words import redis_words

POLL_SECONDS: Final = 1.0
"""Seconds between two looks at Redis for changes."""
LIFTED: Final = math.inf
"""Date of a revocation that was lifted."""
_HASH: Final = "gw:revoked"
_CHANGED: Final = "{gw:revoked}:changed"
"""In the same cluster slot as the other hash, as its hash tag (in braces) is that hash's name."""
_VERSION: Final = "gw:revoked:version"
_GIVEN_AT_ONCE: Final = 500
_log = structlog.get_logger(__name__)


class Revocation(NamedTuple):
    """The revocation of one token, or its lifting."""

    at: float
    """Unix time in seconds from which the token is refused; `LIFTED` for never."""
    changed: float = 0.0
    """Unix time in seconds at which that date was set; 0 if unknown."""

    @property
    def in_force(self) -> bool:
        """Whether the token is revoked, now or from a date to come."""
        return self.at != LIFTED


Known = Mapping[str, Revocation]
"""Revocations, by `jti`."""


def merged(one: Known, other: Known) -> dict[str, Revocation]:
    """The entries of both sources; for a token in both, the entry changed last, else the one with the earlier date."""
    found = dict(one)
    for jti, entry in other.items():
        known = found.get(jti)
        if known is None or (known.changed, -known.at) < (entry.changed, -entry.at):
            found[jti] = entry
    return found


async def revoke(client: Client, jti: str, at: float, *, force: bool = False) -> float | None:
    """Revoke a token, for every gateway on this Redis, unless it is already revoked from that date or an earlier one.

    Args:
        client: the Redis client.
        jti: the token's.
        at: Unix time in seconds, past or future.
        force: replace an earlier date too.

    Raises:
        StoreError: Redis cannot be reached, or refuses.

    Returns:
        None if `at` was set; else the date that was kept, earlier than `at` or the same.
    """
    return await _set(client, jti, at, force=force)


async def lift(client: Client, jti: str) -> None:
    """End the revocation of a token, for every gateway on this Redis.

    Raises:
        StoreError: Redis cannot be reached, or refuses.
    """
    await _set(client, jti, LIFTED, force=True)


async def _set(client: Client, jti: str, at: float, *, force: bool) -> float | None:
    words = (_script("revoke"), 2, _HASH, _CHANGED, jti, repr(at), int(force))
    was_set, *before = await repaired(partial(client.ask, "EVAL", *words), partial(_set_aside, client))
    if not was_set:
        return float(before[0])
    if force:
        await _forget_other_spellings(client, jti)
    await _tell(client)
    return None


async def _forget_other_spellings(client: Client, jti: str) -> None:
    """Delete entries of the same `jti` with upper-case letters: written by hand, they meant the same token."""
    names = [name for name in await client.ask("HKEYS", _HASH) if name.lower() == jti.encode() != name]
    if names:
        await client.ask("HDEL", _HASH, *names)
        await client.ask("HDEL", _CHANGED, *names)


async def _tell(client: Client) -> None:
    """Have every gateway read the revocations again."""
    # A random value has never been there before, even after Redis has lost its data.
    await client.ask("SET", _VERSION, uuid4().hex)


async def revocations(client: Client) -> dict[str, Revocation]:
    """Every entry that Redis has, lifted revocations included, by `jti`.

    Raises:
        StoreError: Redis cannot be reached, or a key holds another type.
    """
    # In this order: the next look corrects a new date read with an old time of change, but not the reverse.
    changed = await client.ask("HGETALL", _CHANGED)
    return _read(await client.ask("HGETALL", _HASH), changed)


def _read(dates: Mapping[bytes, bytes], changed: Mapping[bytes, bytes]) -> dict[str, Revocation]:
    read: dict[str, Revocation] = {}
    for jti, date in dates.items():
        try:
            name = jti.decode().lower()
            entry = Revocation(_instant(date), _instant(changed.get(jti, b"0")))
            other = read.get(name, entry)  # the same jti in upper case: the earlier date counts
            read[name] = Revocation(min(entry.at, other.at), max(entry.changed, other.changed))
        except ValueError:
            _log.error("revocation_without_date", jti=jti.decode("latin-1"), effect="that token is not revoked")
    return read


def _instant(text: bytes) -> float:
    instant = float(text)
    if math.isnan(instant):
        raise ValueError("no instant")
    return instant


async def _set_aside(client: Client, error: ReplyError) -> None:
    """Rename keys of ours that hold another type; the value is kept, as it may have been a revocation."""
    for key, kind in ((_HASH, b"hash"), (_CHANGED, b"hash"), (_VERSION, b"string")):
        found = await client.ask("TYPE", key)
        if found in (kind, b"none"):
            continue
        if key == _VERSION:
            await client.ask("DEL", key)  # the version holds nothing that must be kept
            aside = None
        else:
            aside = f"{{{_HASH}}}:spoilt:{uuid4().hex}"  # in the cluster slot of both hashes
            await client.ask("RENAME", key, aside)
        _log.error("revocations_spoilt", key=key, holds=found.decode(), reason=str(error), moved_to=aside)


async def _give_back(client: Client, lost: Known) -> None:
    """Write to Redis the entries that it lacks or has only in an older version."""
    entries = list(lost.items())
    for start in range(0, len(entries), _GIVEN_AT_ONCE):
        some = entries[start : start + _GIVEN_AT_ONCE]
        words = [word for jti, entry in some for word in (jti, repr(entry.at), repr(entry.changed))]
        await client.ask("EVAL", _script("give_back"), 2, _HASH, _CHANGED, *words)
    await _tell(client)


@cache
def _script(name: str) -> str:
    return (files(__package__) / "scripts" / f"{name}.lua").read_text()


class RevocationWatch:
    """Keeps a registry up to date with the revocations in Redis."""

    def __init__(
        self,
        client: Client,
        registry: TokenRegistry,
        *,
        known: Known | None = None,
        on_read: Callable[[float], None] = lambda _at: None,
        keep: Callable[[Known], Awaitable[None]] | None = None,
    ) -> None:
        """Configure it; Redis is not asked before `refresh`.

        Args:
            client: the Redis client.
            registry: given the revocations in force.
            known: revocations known already, from this Redis or from the one that it replaces.
            keep: awaited with the new revocations before they are put in force.
            on_read: called with the Unix time each time that Redis was read, or had nothing new.
        """
        self._client = client
        self._registry = registry
        self._on_read = on_read
        self._keep = keep
        self._version: bytes | None = None
        self._outage = Outage(_tell_of_change)
        self.known: Known = {}
        """Every entry, lifted revocations included; replaced, not modified, at each change."""
        self.was_read = False
        """Whether Redis has been read since the start."""
        if known:
            self.take(known)

    def take(self, known: Known) -> None:
        """Put in force revocations that are known from elsewhere than this Redis."""
        joined = merged(self.known, known)
        if joined != self.known:
            self._use(joined)

    async def refresh(self) -> bool:
        """Read the revocations if they have changed; False if Redis cannot be reached."""
        try:
            await repaired(self._look, partial(_set_aside, self._client))
        except StoreError as error:
            self._outage.begin(redis_words(error))
            return False
        self._outage.end("it answers again")
        return True

    async def _look(self) -> None:
        version = await self._client.ask("GET", _VERSION)
        if version is None or version != self._version:
            found = await revocations(self._client)
            now_known, lost = self._joined_with(found)
            changes = now_known != self.known
            if self._keep is not None and changes:
                await self._keep(now_known)
                now_known, lost = self._joined_with(found)  # `take` may have been called during the await
            if changes or now_known != self.known:
                self._use(now_known)
                _log.info("revocations_read", tokens=len(self._registry.revoked))
            await self._put_right(lost, has_version=version is not None)
            self._version = version
        self.was_read = True
        self._on_read(time.time())

    def _joined_with(self, found: Known) -> tuple[Known, Known]:
        """Our entries merged with those of Redis, and those of ours that Redis has lost."""
        lost = {jti: own for jti, own in self.known.items() if jti not in found or found[jti].changed < own.changed}
        # Where both were changed at the same time, the entry of Redis counts.
        return {**self.known, **found, **lost}, lost

    async def _put_right(self, lost: Known, *, has_version: bool) -> None:
        """Write back what Redis has lost; if that fails, it is tried again at the next change."""
        try:
            if lost:
                await _give_back(self._client, lost)
                _log.warning("revocations_given_back", tokens=len(lost), reason="Redis did not have them any more")
            elif not has_version:
                # Without a version every gateway would read everything each second.
                await self._client.ask("SET", _VERSION, uuid4().hex, "NX")
        except StoreError as error:
            _log.error("revocations_not_given_back", tokens=len(lost), reason=str(error))

    def _use(self, known: Known) -> None:
        self.known = known
        self._registry.revoke(_in_force(known.items()))


def _tell_of_change(is_there: bool, reason: str) -> None:
    if not is_there:
        _log.error("revocations_unreadable", reason=reason, effect="those known before stay in force")


def _in_force(entries: Iterable[tuple[str, Revocation]]) -> dict[str, float]:
    return {jti: entry.at for jti, entry in entries if entry.in_force}
