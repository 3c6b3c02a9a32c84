"""The cache in front of a source of answers.

A request is answered from the cache, else by the source behind, asked once for all equal requests at the same time;
while the provider is down, by its last good answer, for a while and marked as such. All checks of a call come before:
nobody gets an answer here that a call of their own would have been refused.
"""

import asyncio
import math
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import urlencode

from msgspec.structs import replace

from apientreprise_gateway.cache.port import AnswerCache, CacheUnavailableError, Entry
from apientreprise_gateway.contract.codes import PROVIDER_ERRORS
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.lifetime import Lifetime
from apientreprise_gateway.net.asgi import Header
from apientreprise_gateway.upstream.reading import ProviderAnswer
from apientreprise_gateway.upstream.source import ProviderRequest, Source, Timed

_KEPT: Final = (b"x-response-cached", b"true")
_NOT_KEPT: Final = (b"x-response-cached", b"false")
_STALE: Final = (b"x-cache-stale", b"true")
_DOWN_STATUSES: Final = frozenset({502, 503, 504})
_NETWORK_TROUBLE: Final = "00501"


class Result(StrEnum):
    """How a request was answered."""

    HIT = "hit"
    """By a fresh entry."""
    MISS = "miss"
    """By the source, as there was no fresh entry."""
    SHARED = "shared"
    """By the source, which was being asked for an equal request already."""
    STALE = "stale"
    """By an entry past its lifetime, as the provider is down."""
    BYPASS = "bypass"
    """By the source, as the caller asked for."""
    ERROR = "error"
    """By the source, as the cache could not be reached."""


class _Outcome(NamedTuple):
    """The result of a request to the source; a refusal is shared like any answer."""

    answer: ProviderAnswer | Refusal
    lasts: float
    """Seconds for which it is kept as fresh; 0 if it is not kept."""


class _Flight:
    """One request to the source, and how many wait for its outcome."""

    __slots__ = ("outcome", "task", "waiting")

    def __init__(self) -> None:
        self.outcome: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None
        self.waiting = 0


class CachedSource:
    """A `Source` that answers from the cache, or else asks another `Source`."""

    def __init__(
        self,
        inner: Source,
        *,
        endpoint: Endpoint,
        lifetime: Lifetime,
        cache: AnswerCache,
        namespace: str,
        grace: float,
        observe: Callable[[Result], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep nothing yet.

        Args:
            inner: the source that is asked.
            endpoint: the endpoint whose answers are kept.
            lifetime: how long they stay fresh.
            cache: where they are kept.
            namespace: what else the answers depend on, such as the provider's address; other namespaces are not seen.
            grace: seconds beyond its lifetime for which an answer may stand in for a provider that is down.
            observe: told how each request was answered.
            clock: Unix time in seconds.
        """
        self._inner = inner
        self._lifetime = lifetime
        self._cache = cache
        self._prefix = f"{namespace}\n{endpoint.operation}\n"
        self._about_the_agent = {"user_id", *(each.name for each in endpoint.query if each.kind.names_agent)}
        self._grace = grace
        self._observe = observe
        self._clock = clock
        self._flights: dict[str, _Flight] = {}

    async def __call__(self, request: ProviderRequest, timed: Timed) -> ProviderAnswer:
        """Answer a request; `timed` is filled only for the request that asks the provider."""
        key = self._key_of(request)
        if request.fresh:
            outcome = await self._outcome_of(self._take_off(key, request, timed), key)
            self._observe(Result.BYPASS)
            return self._from_source(outcome)
        entry: Entry | None
        try:
            entry, is_known = await self._cache.get(key), True
        except CacheUnavailableError:
            entry, is_known = None, False
        now = self._clock()
        if entry is not None and now < entry.fresh_until:
            self._observe(Result.HIT)
            return _from_cache(entry, now)
        flight, result = self._flights.get(key), Result.SHARED
        if flight is None:
            flight, result = self._take_off(key, request, timed), Result.MISS
            self._flights[key] = flight
        outcome = await self._outcome_of(flight, key)
        now = self._clock()
        if entry is not None and now < entry.stale_until and _is_down(outcome.answer):
            self._observe(Result.STALE)
            return _from_cache(entry, now)
        self._observe(result if is_known else Result.ERROR)
        return self._from_source(outcome)

    # What is kept.

    def _key_of(self, request: ProviderRequest) -> str:
        """The key of a request: operation and parameters, whoever asks and why."""
        target = request.target
        if request.query:
            what = {name: value for name, value in request.query.items() if name not in self._about_the_agent}
            path = target.partition("?")[0]
            target = f"{path}?{urlencode(what)}" if what else path
        return f"{self._prefix}{target}"

    def _entry_of(self, answer: ProviderAnswer | Refusal, asked_at: float) -> Entry | None:
        """The entry to keep of an answer, if any; it expires before the document that the answer links to."""
        if not isinstance(answer, ProviderAnswer) or answer.status != 200 or answer.headers:
            return None
        now = self._clock()
        # Counted from the request: the provider may have renewed its data before the answer arrived.
        fresh_until, stale_until = self._lifetime.ends(asked_at), self._lifetime.ends(asked_at) + self._grace
        if answer.expires_at is not None:
            fresh_until, stale_until = min(fresh_until, answer.expires_at), min(stale_until, answer.expires_at)
        if fresh_until <= now or len(answer.body) > self._cache.largest:
            return None
        return Entry(answer.body, now, fresh_until, stale_until)

    # Asking the source.

    def _take_off(self, key: str, request: ProviderRequest, timed: Timed) -> _Flight:
        flight = _Flight()
        # A task of its own: the first call may be cancelled while others wait for the same answer.
        flight.task = asyncio.create_task(self._fly(flight, key, request, timed))
        return flight

    async def _outcome_of(self, flight: _Flight, key: str) -> _Outcome:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.outcome)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.outcome.done():
                self._forget(flight, key)
                await _cancel(flight)

    async def _fly(self, flight: _Flight, key: str, request: ProviderRequest, timed: Timed) -> None:
        try:
            asked_at = self._clock()
            answer: ProviderAnswer | Refusal
            try:
                answer = await self._inner(request, timed)
            except Refusal as refusal:
                answer = refusal
            entry = None if request.unkept else self._entry_of(answer, asked_at)
            flight.outcome.set_result(_Outcome(answer, 0.0 if entry is None else entry.fresh_until - entry.stored_at))
            if entry is not None:
                # No call waits for this. A call that comes now still finds the flight, until the entry can be found.
                await self._cache.put(key, entry)
        except asyncio.CancelledError:
            flight.outcome.cancel()
            raise
        except Exception as error:
            if flight.outcome.done():
                raise
            flight.outcome.set_exception(error)
            flight.outcome.exception()  # waiters raise it; if none is left, asyncio must not log it
        finally:
            self._forget(flight, key)

    def _forget(self, flight: _Flight, key: str) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    # Answers.

    def _from_source(self, outcome: _Outcome) -> ProviderAnswer:
        answer = outcome.answer
        headers = _NOT_KEPT, _expires_in(outcome.lasts)
        if isinstance(answer, Refusal):
            # A new exception for each waiter: an exception keeps the traceback of where it was raised.
            raise Refusal(answer.status, *answer.errors, headers=(*answer.headers, *headers))
        return replace(answer, headers=(*answer.headers, *headers))


def _from_cache(entry: Entry, now: float) -> ProviderAnswer:
    headers: tuple[Header, ...] = (_KEPT, _expires_in(entry.fresh_until - now))
    if now >= entry.fresh_until:
        headers = (*headers, _STALE, (b"age", b"%d" % max(0, now - entry.stored_at)))
        return ProviderAnswer(200, entry.body, headers=headers, cached=True, stale=True)
    return ProviderAnswer(200, entry.body, headers=headers, cached=True)


def _expires_in(seconds: float) -> Header:
    return b"x-cache-expires-in", b"%d" % max(0, math.ceil(seconds))


def _is_down(answer: ProviderAnswer | Refusal) -> bool:
    """Whether an answer says that the provider does not work.

    An answer about the entity is no failure, even with a 5xx: an attestation that the provider now refuses must not be
    given from the cache.
    """
    codes = answer.codes if isinstance(answer, ProviderAnswer) else [error.code for error in answer.errors]
    return answer.status in _DOWN_STATUSES and all(
        code == _NETWORK_TROUBLE or code[2:] in PROVIDER_ERRORS for code in codes
    )


async def _cancel(flight: _Flight) -> None:
    """Cancel a request that nobody waits for, and wait for its end, so that it can be recorded."""
    if flight.task is not None:
        flight.task.cancel()
        await asyncio.wait([flight.task])
