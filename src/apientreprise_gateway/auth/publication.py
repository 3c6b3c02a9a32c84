"""What the account side writes into Redis for the gateways: revocations and records of its tokens.

It adds what is missing, and removes nothing that it did not write: a revocation that an operator has made stays when
the account side takes its own back, and so do keys of a record that somebody else has written (`OWNER` lists its own).
Whatever it is told twice, by however many processes, comes to the same. Each entry is entered in one step, unless it
was changed meanwhile; then it is looked at again.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeVar
from uuid import uuid4

import orjson

from apientreprise_gateway.auth.ledger import Ledger, instant, script, set_aside, tell
from apientreprise_gateway.auth.record_watch import GONE, OWNER, RECORDS
from apientreprise_gateway.auth.records import KEYS, record_of
from apientreprise_gateway.auth.revocation import LIFTED, REVOCATIONS
from apientreprise_gateway.store.client import Client, repaired
from apientreprise_gateway.store.errors import ReplyError, StoreError

Revoked = Mapping[str, float | None]
"""By `jti`, the Unix time in seconds from which a token is to be revoked; None where it is not to be."""
Recorded = Mapping[str, Mapping[str, Any] | None]
"""By `jti`, the record that a token is to have, as `records.py` describes; None or an empty one for none."""
_LEDGERS: Final[tuple[Ledger[Any], ...]] = (REVOCATIONS, RECORDS)
_MARK: Final = ""
"""The field of the hash of what we have entered that shows that Redis has not lost it."""
_AT_ONCE: Final = 250
_TRIES: Final = 20
_K_contra = TypeVar("_K_contra", contravariant=True)
_K = TypeVar("_K")


class Entered(NamedTuple):
    """How many entries Redis lacked, and were written."""

    revocations: int
    records: int


class Change(NamedTuple):
    """What to write for one token."""

    expected: bytes
    """What Redis must still have; empty for nothing."""
    value: str
    """What it is to have; empty to leave it as it is."""
    own: str
    """What is noted as entered by us; empty to forget what was."""


class BusyError(StoreError):
    """Somebody else went on changing the same entries."""


class Publisher:
    """Writes revocations and records into Redis."""

    def __init__(self, client: Client) -> None:
        """Configure it; `client` is one of the gateways' own Redis."""
        self._client = client
        self._marks: dict[str, bytes] = {}
        """What the ledgers were marked with by `reconcile`, by their keys."""

    async def publish(self, *, revocations: Revoked | None = None, records: Recorded | None = None) -> Entered:
        """Put in force what was just decided; every gateway knows within two seconds.

        Revocations come first. After an error some may be written: publish all of it again.

        Raises:
            ValueError: a date or a record is none; nothing is written.
            StoreError: Redis cannot be reached, or refuses.
        """
        entered = await self._enter(revocations or {}, records or {})
        # Gateways are told although nothing may have been entered: an earlier try may have ended before it told them.
        if revocations:
            await tell(self._client, REVOCATIONS)
        if records:
            await tell(self._client, RECORDS)
        return entered

    async def reconcile(self, *, revocations: Revoked, records: Recorded) -> Entered:
        """Write what Redis lacks of what is to be in force.

        A token that is in neither mapping is left alone, so that an account side with an old database revives none.

        Args:
            revocations: of every token, or of those that are revoked.
            records: of every token, None for those without one.

        Raises:
            ValueError, StoreError: as `publish`.
        """
        entered = await self._enter(revocations, records)
        for count, ledger in zip(entered, _LEDGERS, strict=True):
            if count:
                await tell(self._client, ledger)
            is_new = await self._client.ask("HSETNX", own_key(ledger), _MARK, uuid4().hex)
            self._marks.pop(ledger.key, None)
            if not is_new and not count:
                self._marks[ledger.key] = await self._client.ask("HGET", own_key(ledger), _MARK)
        return entered

    async def missing(self, *, revocations: Revoked, records: Recorded) -> Entered:
        """How much `reconcile` would write; nothing is written.

        Raises:
            ValueError, StoreError: as `publish`.
        """
        dates, texts = _dates(revocations), await _entries(records)
        counts = [0, 0]
        for some in _batches(dates):
            found = await self._found(REVOCATIONS, some)
            counts[0] += sum(bool(dated(*found[jti], dates[jti]).value) for jti in some)
        for some in _batches(texts):
            found = await self._found(RECORDS, some)
            counts[1] += sum(bool(recorded(*found[jti], texts[jti]).value) for jti in some)
        return Entered(*counts)

    async def is_intact(self) -> bool:
        """Whether Redis still has what the last `reconcile` of this object found there; two commands tell.

        False before the first one, and after one that has met an emptied Redis or had to write: gateways may give back
        what they know, which is older, a moment later. A Redis that has lost only its latest changes (a replica that
        took over) is intact too: reconcile now and then all the same.

        Raises:
            StoreError: Redis cannot be reached, or refuses.
        """
        for ledger in _LEDGERS:
            mark = self._marks.get(ledger.key)
            if mark is None or await self._client.ask("HGET", own_key(ledger), _MARK) != mark:
                return False
        return True

    async def _enter(self, revocations: Revoked, records: Recorded) -> Entered:
        dates, texts = _dates(revocations), await _entries(records)  # before anything is written
        return Entered(
            await self._enter_all(REVOCATIONS, dates, dated),
            await self._enter_all(RECORDS, texts, recorded),
        )

    async def _enter_all(self, ledger: Ledger[Any], wanted: Mapping[str, _K], rule: "Rule[_K]") -> int:
        count = 0
        for some in _batches(wanted):
            ask = partial(self._enter_some, ledger, {jti: wanted[jti] for jti in some}, rule)
            count += await repaired(ask, partial(self._set_aside, ledger))
        return count

    async def _enter_some(self, ledger: Ledger[Any], wanted: Mapping[str, _K], rule: "Rule[_K]") -> int:
        keys = (ledger.key, ledger.changed_key, own_key(ledger))
        count, left = 0, list(wanted)
        for _ in range(_TRIES):
            found = await self._found(ledger, left)
            changes = {jti: rule(*found[jti], wanted[jti]) for jti in left}
            words = [
                word
                for jti, change in changes.items()
                if change.value or change.own.encode() != found[jti][1]
                for word in (jti, *change)
            ]
            if not words:
                return count
            entered, *again = await self._client.ask("EVAL", script("enter"), len(keys), *keys, *words)
            count += int(entered)
            left = [jti.decode() for jti in again]
            if not left:
                return count
        raise BusyError(f"{ledger.key} changes all the time")

    async def _found(self, ledger: Ledger[Any], some: Iterable[str]) -> dict[str, tuple[bytes, bytes]]:
        """What Redis has of some tokens, and what we have entered; empty for nothing."""
        names = list(some)
        values = await self._client.ask("HMGET", ledger.key, *names)
        own = await self._client.ask("HMGET", own_key(ledger), *names)
        return {jti: (value or b"", ours or b"") for jti, value, ours in zip(names, values, own, strict=True)}

    async def _set_aside(self, ledger: Ledger[Any], error: ReplyError) -> None:
        await set_aside(self._client, ledger, error)
        if await self._client.ask("TYPE", own_key(ledger)) not in (b"hash", b"none"):
            await self._client.ask("DEL", own_key(ledger))


def own_key(ledger: Ledger[Any]) -> str:
    """The key of the hash of what the account side has entered, in the cluster slot of the ledger's others."""
    return f"{{{ledger.key}}}:portal"


def _batches(wanted: Iterable[str]) -> Iterable[list[str]]:
    names = list(wanted)
    return (names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE))


def _dates(revocations: Revoked) -> dict[str, float | None]:
    for at in revocations.values():
        if at is not None and not math.isfinite(at):
            raise ValueError("the date of a revocation is no instant")
    return {jti.lower(): at for jti, at in revocations.items()}


async def _entries(records: Recorded) -> dict[str, Mapping[str, Any]]:
    entries: dict[str, Mapping[str, Any]] = {}
    for jti, entry in records.items():
        if unknown := (entry or {}).keys() - KEYS:
            raise ValueError(f"a record has no {sorted(unknown)}")
        record_of(entry or {})
        entries[jti.lower()] = entry or {}
        if len(entries) % _AT_ONCE == 0:
            await asyncio.sleep(0)  # others go on: to look at a hundred thousand takes seconds
    return entries


# The rules: from what Redis has, and what we have entered there, to what to write.


class Rule(Protocol[_K_contra]):
    """Decides what to write for one token."""

    def __call__(self, there: bytes, own: bytes, wanted: _K_contra) -> Change: ...


def dated(there: bytes, own: bytes, wanted: float | None) -> Change:
    """What to write so that a token is revoked from a date on, or not by us.

    An earlier date of somebody else stands, and so does what somebody else has changed since we entered the same.
    """
    if wanted is None:
        return Change(there, repr(LIFTED), "") if own and own == there else Change(there, "", "")
    date = repr(float(wanted))
    if own == date.encode() and there:
        return Change(there, "", date)
    is_earlier = there != own and _instant(there) <= wanted
    return Change(there, "" if is_earlier else date, date)


def _instant(text: bytes) -> float:
    """A date in Redis; `LIFTED` for none."""
    try:
        return instant(text)
    except ValueError:
        return LIFTED


def recorded(there: bytes, own: bytes, wanted: Mapping[str, Any]) -> Change:
    """What to write so that a token has a record; keys that others have written stay, unless it has them too."""
    before = _object(there)
    ours = before.get(OWNER)
    owned = {OWNER, *(each for each in ours if isinstance(each, str))} if isinstance(ours, list) else {OWNER}
    others = {key: value for key, value in before.items() if key not in owned}
    if wanted and not _is_record(others):
        others = {}  # it was not in force, and would keep ours from being so
    entry = {**others, **wanted, OWNER: sorted(wanted)} if wanted else others
    if entry == before or (not entry and not there):
        return Change(there, "", own.decode("latin-1"))
    return Change(there, orjson.dumps(entry).decode() if entry else GONE, own.decode("latin-1"))


def _is_record(entry: Mapping[str, Any]) -> bool:
    try:
        record_of(entry)
    except ValueError:
        return False
    return True


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
