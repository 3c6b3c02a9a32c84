"""Keeps what is denied known to a process, from its start to its end: tokens, what their records deny, and addresses.

Revocations, records and bans come from Redis, and are kept in memory and in copies (`copies.py`), so that a process
that starts while Redis cannot be reached knows them too. A process with neither Redis nor a copy cannot tell whether a
token is revoked or narrowed, and marks its registry (`TokenRegistry.is_unsure`) until Redis has been read once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Final

import structlog

from apientreprise_gateway.auth.ledger import POLL_SECONDS
from apientreprise_gateway.auth.record_watch import RECORDS, KnownRecords, RecordWatch
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.revocation import Known, RevocationWatch, merged
from apientreprise_gateway.contract.bans import Ban
from apientreprise_gateway.gateway.copies import Copy, CopyError, Snapshot
from apientreprise_gateway.ratelimit.ban_index import BanWatch
from apientreprise_gateway.ratelimit.redis import RedisLimiter
from apientreprise_gateway.store.client import Client
from apientreprise_gateway.store.errors import StoreError
from apientreprise_gateway.store.outage import Outage

RETRY_SECONDS: Final = 30.0
"""Seconds until another try to write a copy that could not be written."""
_PAUSE_SECONDS: Final = 0.1
"""Seconds between the starts of two writes of a copy, at least."""
_SHARE: Final = 10
"""That time is also at least so many times the duration of the previous write."""
_KEPT_FIRST_SECONDS: Final = 1.0
"""Seconds that new revocations and records wait at most for the copies to be written before they are put in force."""
_log = structlog.get_logger(__name__)


class CopyAction(StrEnum):
    """What is done with a copy, as a label of its failures."""

    READ = "read"
    WRITE = "write"


class Denials:
    """Keeps a registry and a limiter up to date with Redis, and copies up to date with both."""

    def __init__(
        self,
        client: Client,
        *,
        registry: TokenRegistry,
        limiter: RedisLimiter,
        copies: Sequence[Copy],
        refuses_unknown: bool,
        known: Known | None = None,
        known_records: KnownRecords | None = None,
        is_known: bool = False,
        on_state: Callable[["Denials"], None] = lambda _denials: None,
        on_read: Callable[[float], None] = lambda _at: None,
        on_copy_failure: Callable[[CopyAction], None] = lambda _action: None,
    ) -> None:
        """Configure it; Redis is not asked before `start`.

        Args:
            client: the Redis client.
            registry: given the revocations and the records.
            limiter: given the bans.
            copies: the files in which all are kept.
            refuses_unknown: whether all tokens are refused until revocations and records are known.
            known: revocations that are known already, from before a reload.
            known_records: records that are known already.
            is_known: whether those were all that this Redis had at some moment.
            on_state: called when what is known may have changed.
            on_read: called with the Unix time of each reading of Redis.
            on_copy_failure: called for each `read` or `write` of a copy that failed.
        """
        self._client = client
        self._registry = registry
        self._limiter = limiter
        self._copies = [_Keeper(copy, on_copy_failure) for copy in copies]
        self._refuses_unknown = refuses_unknown
        self._on_state = on_state
        self._is_handed = is_known
        """Whether revocations and records were taken over from a process that had read Redis."""
        self._revocations = RevocationWatch(client, registry, known=known, keep=self._keep_revoked)
        self._records = RecordWatch(client, registry, known=known_records, on_read=on_read, keep=self._keep_records)
        self._bans = BanWatch(client, limiter)
        self._bans_outage = Outage(_tell_of_bans)
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None
        self._closed = False
        self._settle()  # before anything that may fail: until the revocations are known, tokens are refused

    @property
    def known(self) -> Known:
        """The revocations, lifted ones included."""
        return self._revocations.known

    @property
    def known_records(self) -> KnownRecords:
        """The records, those taken away included."""
        return self._records.known

    @property
    def unreadable_records(self) -> int:
        """How many records in Redis cannot be read."""
        return len(self._records.unreadable)

    @property
    def is_known(self) -> bool:
        """Whether all revocations and records of Redis were known at some moment."""
        return self._was_read or self._is_handed

    @property
    def _was_read(self) -> bool:
        return self._revocations.was_read and self._records.was_read

    async def start(self) -> None:
        """Read the copies and Redis; those that cannot be read are left out."""
        self._limiter.on_new_bans(self._news.set)
        found = [(keeper.is_shared, await keeper.read()) for keeper in self._copies]
        snapshots = [(is_shared, snapshot) for is_shared, snapshot in found if snapshot is not None]
        for is_shared, snapshot in snapshots:
            self._take(snapshot, bans=snapshot.bans if is_shared else ())
        await self.refresh()
        if not self._was_read or self._bans_outage.is_away:
            # Bans from an earlier run of this gateway, only needed if Redis cannot be read.
            self._limiter.add_bans(ban for _, snapshot in snapshots for ban in snapshot.bans)
        if not self._was_read:
            self._tell_of_the_start()
        self._settle()
        await self.sync()

    def _tell_of_the_start(self) -> None:
        if self.is_known:
            bans = len(self._limiter.bans_in_force())
            tokens, records = self._revocations.count, self._records.count
            _log.warning("revocations_from_copy", tokens=tokens, records=records, bans=bans)
        else:
            effect = "tokens are refused until it can" if self._refuses_unknown else "tokens are taken all the same"
            _log.error("revocations_unknown", reason="Redis cannot be asked, and there is no copy", effect=effect)

    async def refresh(self) -> None:
        """Read what is new in Redis."""
        before = (self.known, self.known_records)
        if not (await self._revocations.refresh() and await self._records.refresh()):
            return
        self._settle()
        if self.known is not before[0] or self.known_records is not before[1]:
            self._news.set()
        try:
            await self._bans.refresh()
        except StoreError as error:
            self._bans_outage.begin(str(error))
        else:
            self._bans_outage.end("they can be read again")

    async def sync(self) -> None:
        """Read what other workers have written into the shared copy; write what is new."""
        async with self._writing:
            for keeper in self._copies:
                if keeper.is_news():
                    snapshot = await keeper.read()
                    if snapshot is not None:
                        self._take(snapshot, bans=snapshot.bans)
            self._settle()
            await self._write(self.known, self.known_records, is_whole=self.is_known)

    async def _write(self, known: Known, records: KnownRecords, *, is_whole: bool) -> None:
        state = Snapshot(known, records, tuple(self._limiter.bans_in_force()), is_whole)
        if not (state.is_whole or state.bans):
            return
        written = [(keeper.is_shared, await keeper.write(state)) for keeper in self._copies]
        for is_shared, whole in written:
            if whole is not None:
                self._take(whole, bans=whole.bans if is_shared else ())

    async def _keep_revoked(self, known: Known) -> None:
        await self._keep_first(lambda: self._write(merged(self.known, known), self.known_records, is_whole=True))

    async def _keep_records(self, known: KnownRecords) -> None:
        await self._keep_first(
            lambda: self._write(self.known, RECORDS.merged(self.known_records, known), is_whole=True)
        )

    async def _keep_first(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write what is new to the copies before it is put in force, as this process may end at any moment."""
        if self._keeping is not None and not self._keeping.done():
            return  # an earlier write hangs: they are put in force without a copy
        self._keeping = asyncio.create_task(self._keep(write))
        done, _ = await asyncio.wait({self._keeping}, timeout=_KEPT_FIRST_SECONDS)
        for task in done:
            task.exception()  # fetched, so that asyncio does not warn; `keep` meets the same error and logs it

    async def _keep(self, write: Callable[[], Awaitable[None]]) -> None:
        async with self._writing:
            await write()

    def _take(self, snapshot: Snapshot, *, bans: Iterable[Ban]) -> None:
        self._is_handed = self._is_handed or snapshot.is_whole
        self._revocations.take(snapshot.revoked)
        self._records.take(snapshot.records)
        self._limiter.add_bans(bans)

    def _settle(self) -> None:
        self._registry.is_unsure = self._refuses_unknown and not self.is_known
        self._on_state(self)

    async def follow(self) -> None:
        """Refresh until cancelled, or closed."""
        # redis-py may swallow a cancellation while it reads; the flag ends the watch all the same.
        while not self._closed:
            await self.refresh()
            await asyncio.sleep(POLL_SECONDS)

    async def keep(self) -> None:
        """Keep the copies up to date until cancelled, in a task that only a slow disk delays."""
        loop, earliest = asyncio.get_running_loop(), 0.0
        while not self._closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._news.wait()
            await asyncio.sleep(earliest - loop.time())
            self._news.clear()
            began = loop.time()
            await self.sync()
            # With many bans and revocations, writing copies must not take most of the CPU time from the calls.
            earliest = began + max(_PAUSE_SECONDS, _SHARE * (loop.time() - began))

    async def close(self) -> None:
        """End the watch; close the connection."""
        self._closed = True
        await self._client.close()


def _tell_of_bans(is_there: bool, reason: str) -> None:
    if not is_there:
        _log.error("bans_unreadable", reason=reason, effect="those known before stay in force")


class _Keeper:
    """Reads and writes one copy in threads; a failure is logged once and tried again later."""

    def __init__(self, copy: Copy, on_failure: Callable[[CopyAction], None]) -> None:
        self._copy = copy
        self._on_failure = on_failure
        self._written: Snapshot | None = None
        self._told: str | None = None
        self._not_before = 0.0

    @property
    def is_shared(self) -> bool:
        return self._copy.is_shared

    def is_news(self) -> bool:
        """Whether another process of this gateway has written it."""
        return self.is_shared and self._copy.is_news()

    async def read(self) -> Snapshot | None:
        """The content of the copy; None if it cannot be used."""
        try:
            return await asyncio.to_thread(self._copy.read)
        except CopyError as error:
            self._fails(CopyAction.READ, str(error))
            return None

    async def write(self, state: Snapshot) -> Snapshot | None:
        """Write what is not in the copy yet; returns all that it then holds, or None if nothing was written."""
        if not self._is_due(state) or time.monotonic() < self._not_before:
            return None
        try:
            whole = await asyncio.to_thread(self._copy.write, state)
        except CopyError as error:
            self._not_before = time.monotonic() + RETRY_SECONDS
            self._fails(CopyAction.WRITE, str(error))
            return None
        self._written, self._told = state, None
        return whole

    def _is_due(self, state: Snapshot) -> bool:
        before = self._written
        if before is None or before.revoked is not state.revoked or before.records is not state.records:
            return True  # neither is ever changed in place: to compare identities is enough, all of them takes long
        return before.bans != state.bans or before.is_whole != state.is_whole

    def _fails(self, action: CopyAction, reason: str) -> None:
        self._on_failure(action)
        if self._told != reason:
            _log.error("revocations_copy_failed", action=action.value, reason=reason, effect="it is done without")
        self._told = reason
