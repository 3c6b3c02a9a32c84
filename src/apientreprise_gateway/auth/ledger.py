"""Ledgers in Redis: what is known of single tokens, by `jti`, and when each entry was last changed.

One hash holds the entries, by `jti`; another holds when each was last changed. A version key that changes with them
tells the gateways to read them again. An entry that was taken back stays, and says so, so that a gateway that did not
hear of it cannot bring the former one back. Of two entries the one changed last is in force. A Redis that has lost its
data therefore takes nothing back: the gateways write back what they know.
"""

import math
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar
from uuid import uuid4

import structlog

from apientreprise_gateway.store.client import Client, repaired
from apientreprise_gateway.store.errors import ReplyError, StoreError
from apientreprise_gateway.store.outage import Outage
from apientreprise_gateway.store.words import redis_words

POLL_SECONDS: Final = 1.0
"""Seconds between two looks at Redis for changes."""
_FULL_EVERY: Final = 60
"""Of so many looks one reads all entries, whatever the version: a writer may have died before it told of a change."""
_GIVEN_AT_ONCE: Final = 500
_READ_AT_ONCE: Final = 100
"""Entries that one reply has, about: calls go on between two replies."""
_log = structlog.get_logger(__name__)


class Entry(Protocol):
    """What is known of one token."""

    @property
    def changed(self) -> float:
        """Unix time in seconds at which it was last changed; 0 if unknown."""


E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, kw_only=True)
class Ledger(Generic[E]):
    """One kind of entries, and how they are written."""

    key: str
    """The key of the hash of entries; the other keys are made of it."""
    name: str
    """What events in the log begin with."""
    read: Callable[[str, bytes, float, E | None], E]
    """From a `jti`, the value of its field, the time of its change, and the entry known before, to its entry.

    It raises ValueError for a value that is none.
    """
    write: Callable[[E], str]
    """From an entry to the value of its field."""
    both: Callable[[E, E], E]
    """The entry for two that were found under one `jti` in different spellings."""
    order: Callable[[E], tuple[Any, ...]]
    """Of two entries the one for which this is greater is in force."""
    unreadable: str
    """The event that tells of an entry that cannot be read."""
    effect: str
    """What becomes of such an entry."""

    @property
    def changed_key(self) -> str:
        """The key of the hash of changes, in the same cluster slot: its hash tag (in braces) is the other's name."""
        return f"{{{self.key}}}:changed"

    @property
    def version_key(self) -> str:
        """The key whose value changes with each change."""
        return f"{self.key}:version"

    def merged(self, one: Mapping[str, E], other: Mapping[str, E]) -> dict[str, E]:
        """The entries of both, by `jti`; for a token in both, the one that is in force."""
        found = dict(one)
        for jti, entry in other.items():
            known = found.get(jti)
            if known is entry:
                continue  # most are; to compare a hundred thousand otherwise takes long
            if known is None or self.order(known) < self.order(entry):
                found[jti] = entry
        return found


class Found(NamedTuple, Generic[E]):
    """What a ledger in Redis holds, by `jti` in lower case."""

    entries: dict[str, E]
    unreadable: dict[str, str]
    """Why the others cannot be read."""


async def read_all(client: Client, ledger: Ledger[E], known: Mapping[str, E] | None = None) -> Found[E]:
    """All entries in Redis; of those known before, what did not change is the same object.

    Raises:
        StoreError: Redis cannot be reached, or a key holds another type.
    """
    # In this order: the next look corrects a new entry read with an old time of change, but not the reverse.
    changed = {jti: value async for jti, value in _fields(client, ledger.changed_key)}
    known = known or {}
    found: Found[E] = Found({}, {})
    async for jti, value in _fields(client, ledger.key):
        name = jti.decode("utf-8", "replace").lower()
        try:
            entry = ledger.read(name, value, instant(changed.get(jti, b"0")), known.get(name))
        except ValueError as error:
            found.unreadable[name] = str(error)
            continue
        other = found.entries.get(name)
        found.entries[name] = entry if other is None else ledger.both(entry, other)
    return found


def instant(text: bytes) -> float:
    """A Unix time in seconds.

    Raises:
        ValueError: the text is none.
    """
    found = float(text)
    if math.isnan(found):
        raise ValueError("no instant")
    return found


async def _fields(client: Client, key: str) -> AsyncIterator[tuple[bytes, bytes]]:
    """The fields of a hash, in several replies if there are many."""
    cursor = 0
    while True:
        cursor, some = await client.ask("HSCAN", key, cursor, "COUNT", _READ_AT_ONCE)
        for field, value in some.items():
            yield field, value
        if not cursor:
            return


def tell_of_unreadable(ledger: Ledger[E], found: Found[E]) -> None:
    """Log the entries that cannot be read."""
    for jti, reason in found.unreadable.items():
        _log.error(ledger.unreadable, jti=jti, reason=reason, effect=ledger.effect)


async def tell(client: Client, ledger: Ledger[E]) -> None:
    """Have every gateway read the entries again.

    Raises:
        StoreError: Redis cannot be reached, or refuses.
    """
    # A random value has never been there before, even after Redis has lost its data.
    await client.ask("SET", ledger.version_key, secrets.randbits(62))


async def set_aside(client: Client, ledger: Ledger[E], error: ReplyError) -> None:
    """Rename keys of a ledger that hold another type; the value is kept, as it may have been an entry."""
    for key, kind in ((ledger.key, b"hash"), (ledger.changed_key, b"hash"), (ledger.version_key, b"string")):
        found = await client.ask("TYPE", key)
        if found in (kind, b"none"):
            continue
        if key == ledger.version_key:
            await client.ask("DEL", key)  # the version holds nothing that must be kept
            aside = None
        else:
            aside = f"{{{ledger.key}}}:spoilt:{uuid4().hex}"  # in the cluster slot of both hashes
            await client.ask("RENAME", key, aside)
        _log.error(f"{ledger.name}_spoilt", key=key, holds=found.decode(), reason=str(error), moved_to=aside)


@cache
def script(name: str) -> str:
    """The text of one of the Lua scripts of this room."""
    return (files(__package__) / "scripts" / f"{name}.lua").read_text()


class LedgerWatch(Generic[E]):
    """Keeps a process up to date with a ledger in Redis."""

    def __init__(
        self,
        client: Client,
        ledger: Ledger[E],
        *,
        use: Callable[[Mapping[str, E]], int],
        known: Mapping[str, E] | None = None,
        on_read: Callable[[float], None] = lambda _at: None,
        keep: Callable[[Mapping[str, E]], Awaitable[None]] | None = None,
    ) -> None:
        """Configure it; Redis is not asked before `refresh`.

        Args:
            client: the Redis client.
            ledger: which entries.
            use: puts entries in force, and returns how many tokens they are about.
            known: entries known already, from this Redis or from the one that it replaces.
            keep: awaited with the new entries before they are put in force.
            on_read: called with the Unix time each time that Redis was read, or had nothing new.
        """
        self._client = client
        self._ledger = ledger
        self._put_in_force = use
        self._on_read = on_read
        self._keep = keep
        self._version: bytes | None = None
        self._looks = 0
        """How many more looks may go by the version."""
        self._outage = Outage(self._tell_of_change)
        self.known: Mapping[str, E] = {}
        """Every entry, also those taken back; replaced, not modified, at each change."""
        self.unreadable: Mapping[str, str] = {}
        """Why some entries of Redis could not be read, by `jti`."""
        self.was_read = False
        """Whether Redis has been read since the start."""
        self.count = 0
        """How many tokens the entries in force are about."""
        if known:
            self.take(known)

    def take(self, known: Mapping[str, E]) -> None:
        """Put in force entries that are known from elsewhere than this Redis."""
        joined = self._ledger.merged(self.known, known)
        if joined != self.known:
            self._use(joined)

    async def refresh(self) -> bool:
        """Read the entries if they have changed; False if Redis cannot be reached."""
        try:
            await repaired(self._look, partial(set_aside, self._client, self._ledger))
        except StoreError as error:
            self._outage.begin(redis_words(error))
            return False
        self._outage.end("it answers again")
        return True

    async def _look(self) -> None:
        version = await self._client.ask("GET", self._ledger.version_key)
        if version is None or version != self._version or self._looks == 0:
            await self._read(has_version=version is not None)
            self._version = version
            self._looks = _FULL_EVERY
        self._looks -= 1
        self.was_read = True
        self._on_read(time.time())

    async def _read(self, *, has_version: bool) -> None:
        found = await read_all(self._client, self._ledger, self.known)
        news, lost = self._compared_with(found)
        if news:
            if self._keep is not None:
                await self._keep({**self.known, **news})
                # `take` may have been called during the await: with what was kept, or with more.
                news, lost = self._compared_with(found)
            if news:
                self._use({**self.known, **news})
            _log.info(f"{self._ledger.name}_read", tokens=self.count)
        if found.unreadable != self.unreadable:
            tell_of_unreadable(self._ledger, found)
        self.unreadable = found.unreadable
        await self._put_right(lost, has_version=has_version)

    def _compared_with(self, found: Found[E]) -> tuple[Mapping[str, E], Mapping[str, E]]:
        """The entries of Redis that are to be in force and are not, and those of ours that Redis has lost."""
        known = self.known
        lost = {jti: known[jti] for jti in known.keys() - found.entries.keys() - found.unreadable.keys()}
        news = {}
        for jti, entry in found.entries.items():
            own = known.get(jti)
            if own is entry or own == entry:
                continue
            # Where both were changed at the same time, the entry of Redis counts.
            if own is not None and entry.changed < own.changed:
                lost[jti] = own
            else:
                news[jti] = entry
        return news, lost

    async def _put_right(self, lost: Mapping[str, E], *, has_version: bool) -> None:
        """Write back what Redis has lost; if that fails, it is tried again at the next change."""
        try:
            if lost:
                await self._give_back(lost)
                reason = "Redis did not have them any more"
                _log.warning(f"{self._ledger.name}_given_back", tokens=len(lost), reason=reason)
            elif not has_version:
                # Without a version every gateway would read everything each second.
                await self._client.ask("SET", self._ledger.version_key, secrets.randbits(62), "NX")
        except StoreError as error:
            _log.error(f"{self._ledger.name}_not_given_back", tokens=len(lost), reason=str(error))

    async def _give_back(self, lost: Mapping[str, E]) -> None:
        """Write to Redis the entries that it lacks or has only in an older version."""
        entries, keys = list(lost.items()), (self._ledger.key, self._ledger.changed_key)
        for start in range(0, len(entries), _GIVEN_AT_ONCE):
            some = entries[start : start + _GIVEN_AT_ONCE]
            words = [word for jti, entry in some for word in (jti, self._ledger.write(entry), repr(entry.changed))]
            await self._client.ask("EVAL", script("give_back"), 2, *keys, *words)
        await tell(self._client, self._ledger)

    def _use(self, known: Mapping[str, E]) -> None:
        self.known = known
        self.count = self._put_in_force(known)

    def _tell_of_change(self, is_there: bool, reason: str) -> None:
        if not is_there:
            _log.error(f"{self._ledger.name}_unreadable", reason=reason, effect="those known before stay in force")
