"""The limiter in the memory of one process, and its windows.

It serves `demo` and deployments of a single process, and is the reference that the limiter in Redis is tested against.
"""

import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Final, Generic, TypeVar

from msgspec.structs import replace

from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.ratelimit.bans import Bans
from apientreprise_gateway.ratelimit.port import COMMON, AddressRule, TokenKey, Verdict, banned, verdict_of
from apientreprise_gateway.ratelimit.windows import SECOND, USUAL_SECONDS, WINDOW, Outcome, Window

Clock = Callable[[], int]
"""Microseconds since the Unix epoch."""

WindowFactory = Callable[[int], Window]
"""Makes an empty window, given its length in microseconds."""
_Key = TypeVar("_Key", bound=Hashable)
_SWEPT_PER_HIT: Final = 2


def wall_clock() -> int:
    """The machine's clock, in microseconds."""
    return time.time_ns() // 1000


class SlidingWindow:
    """An exact log of the calls that were admitted within its length."""

    __slots__ = ("_calls", "_first", "_length", "expires_at")

    def __init__(self, length: int = WINDOW) -> None:
        """Begin empty; the length is in microseconds."""
        # There may be one window for each recent caller: an array with one call takes a sixth of the memory of a deque.
        self._calls = array("q")
        self._first = 0
        """Index of the first call that has not left the window."""
        self._length = length
        self.expires_at = 0

    def hit(self, now: int, limit: int, *, counts: bool = True) -> Outcome:
        """Admit a call unless `limit` of them were admitted within the length before it."""
        calls, first, end, length = self._calls, self._first, len(self._calls), self._length
        while first < end and calls[first] <= now - length:
            first += 1
        # If the clock was set back, calls in the future must not block the caller until then.
        while first < end and calls[end - 1] > now:
            calls.pop()
            end -= 1
        if first * 2 > end:
            del calls[:first]  # at least half of them, so that the cost per call is constant on average
            end -= first
            first = 0
        self._first = first
        used = end - first
        if used >= limit:
            # The window may hold more calls than the limit, if the limit was lowered meanwhile.
            return Outcome(False, used, calls[first] + length, calls[end - limit] + length)
        if not counts:
            return Outcome(True, used, now, now)
        calls.append(now)
        self.expires_at = now + length
        return Outcome(True, used + 1, calls[first] + length, now if used + 1 < limit else calls[first] + length)


class FirstCallWindow:
    """A period that begins with a first call, and after its length is reset as a whole."""

    __slots__ = ("_length", "_start", "_used", "expires_at")

    def __init__(self, length: int = WINDOW) -> None:
        """Begin empty; the length is in microseconds."""
        self._length = length
        self._start = 0
        self._used = 0
        self.expires_at = 0

    def hit(self, now: int, limit: int, *, counts: bool = True) -> Outcome:
        """Admit a call unless `limit` calls were admitted since the period began."""
        if not self._start <= now < self.expires_at:
            if not counts:
                return Outcome(True, 0, now, now)
            self._start, self._used, self.expires_at = now, 0, now + self._length
        if self._used >= limit:
            return Outcome(False, self._used, self.expires_at, self.expires_at)
        if not counts:
            return Outcome(True, self._used, now, now)
        self._used += 1
        return Outcome(True, self._used, self.expires_at, now if self._used < limit else self.expires_at)


class _Counters(Generic[_Key]):
    """Windows of one length by key; each hit also removes some empty ones, so that memory follows the traffic."""

    def __init__(self, new: WindowFactory, length: int) -> None:
        self._new = new
        self._length = length
        self._windows: OrderedDict[_Key, Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def hit(self, key: _Key, now: int, limit: int) -> Outcome:
        self._sweep(now)
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = self._new(self._length)
        outcome = window.hit(now, limit)
        self._windows.move_to_end(key)
        return outcome

    def refusal(self, key: _Key, now: int, limit: int) -> Outcome | None:
        """The outcome of a call that would be refused, which is not counted; None if it would be admitted."""
        window = self._windows.get(key)
        if window is None:
            return None
        outcome = window.hit(now, limit, counts=False)
        return None if outcome.admitted else outcome

    def _sweep(self, now: int) -> None:
        # The least recently hit come first. Removing two per hit is faster than new ones can be added.
        for _ in range(_SWEPT_PER_HIT):
            if not self._windows:
                return
            key = next(iter(self._windows))
            # A window that expires later than a new one would was hit before the clock was set back: remove it too.
            if now < self._windows[key].expires_at <= now + self._length:
                return
            del self._windows[key]


class _CountersByLength(dict[int, _Counters[TokenKey]]):
    """The counters of tokens, by the length of their windows in seconds."""

    def __init__(self, kind: WindowFactory) -> None:
        super().__init__()
        self.kind = kind

    def __missing__(self, seconds: int) -> _Counters[TokenKey]:
        counters = self[seconds] = _Counters(self.kind, seconds * SECOND)
        return counters


class MemoryLimiter:
    """A `Limiter` for one process."""

    def __init__(
        self,
        *,
        ip_limit: int,
        ignored_429_limit: int,
        window: WindowFactory = SlidingWindow,
        shadow: bool = False,
        on_ban: Callable[[Ban], None] = lambda _ban: None,
        clock: Clock = wall_clock,
    ) -> None:
        """Begin without any counts.

        Args:
            ip_limit: calls within 60 s that one address may make; the next one bans it.
            ignored_429_limit: refused calls within 60 s that one address may make; the next one bans it.
            window: the kind of window of the tokens.
            shadow: whether calls of banned addresses are still counted, as the gateway refuses nothing.
            on_ban: called with each ban that a call has caused.
            clock: Unix time in microseconds.
        """
        self._ip_limit = ip_limit
        self._ignored_429_limit = ignored_429_limit
        self._shadow = shadow
        self._on_ban = on_ban
        self._clock = clock
        self._tokens = _CountersByLength(window)
        self._addresses: _Counters[tuple[str, str]] = _Counters(SlidingWindow, WINDOW)
        """Calls, by counter and address."""
        self._refused: _Counters[tuple[str, str | None]] = _Counters(SlidingWindow, WINDOW)
        """Refused calls, by address, and by the token where those of each count apart."""
        self._bans = Bans()

    async def admit(
        self,
        address: str | None,
        key: TokenKey,
        limit: int,
        seconds: int = USUAL_SECONDS,
        *,
        minute: int | None = None,
        rule: AddressRule = COMMON,
    ) -> Verdict:
        """See `Limiter.admit`."""
        now = self._clock()
        ban = None if address is None else self._count(address, rule, now)
        if ban is not None and not self._shadow:
            return banned(ban, limit=limit)
        if minute is None:
            windows = [(limit, self._tokens[seconds].hit(key, now, limit))]
        else:
            windows = self._hit_both(key, now, (limit, seconds), (minute, USUAL_SECONDS))
        judged = verdict_of(windows, now=now, ban=ban)
        if ban is None and address is not None and not judged.admitted:
            wait = max(outcome.free_at for _, outcome in windows) - now
            ban = self._count_refused(address, key[0] if rule.by_token else None, now) if wait > rule.early else None
            if ban is not None and not self._shadow:
                return banned(ban, limit=limit)
        return judged if ban is None else replace(judged, ban=ban)

    async def count_address(self, address: str, rule: AddressRule = COMMON) -> Ban | None:
        """See `Limiter.count_address`."""
        return self._count(address, rule, self._clock())

    def known_ban(self, address: str) -> Ban | None:
        """See `Limiter.known_ban`."""
        return self._bans.get(address, self._clock()) if address in self._bans.by_address else None

    def hand_over(self, successor: "MemoryLimiter") -> None:
        """Share windows and bans with a successor; nothing is shared between shadow mode and enforcing."""
        if successor._shadow is not self._shadow:
            return
        successor._bans, successor._addresses, successor._refused = self._bans, self._addresses, self._refused
        if successor._tokens.kind == self._tokens.kind:
            successor._tokens = self._tokens

    def add_bans(self, bans: Iterable[Ban]) -> None:
        """Put bans in force that were made elsewhere."""
        for ban in bans:
            self._bans.add(ban)

    def on_new_bans(self, tell: Callable[[], None]) -> None:
        """Call `tell` for each new ban that this process learns of."""
        self._bans.on_add = tell

    async def start(self) -> None:
        """See `Limiter.start`."""

    async def close(self) -> None:
        """See `Limiter.close`."""

    def bans_in_force(self) -> list[Ban]:
        """See `Limiter.bans_in_force`."""
        return self._bans.in_force(self._clock())

    def _hit_both(self, key: TokenKey, now: int, *windows: tuple[int, int]) -> list[tuple[int, Outcome]]:
        """The outcomes of two windows, each given by limit and seconds; only of those that refuse, if one does.

        What one window refuses is counted in neither.
        """
        counters = [(limit, self._tokens[seconds]) for limit, seconds in windows]
        refusals = ((limit, counter.refusal(key, now, limit)) for limit, counter in counters)
        refused = [(limit, outcome) for limit, outcome in refusals if outcome is not None]
        return refused or [(limit, counter.hit(key, now, limit)) for limit, counter in counters]

    def _count(self, address: str, rule: AddressRule, now: int) -> Ban | None:
        ban = self._bans.get(address, now) if address in self._bans.by_address else None
        ceiling = self._ip_limit if rule.ceiling is None else rule.ceiling
        if ban is not None or ceiling == 0:
            return ban
        outcome = self._addresses.hit((rule.counter, address), now, ceiling)
        return None if outcome.admitted else self._ban(address, Reason.CEILING, outcome.used + 1, now)

    def _count_refused(self, address: str, token: str | None, now: int) -> Ban | None:
        outcome = self._refused.hit((address, token), now, self._ignored_429_limit)
        return None if outcome.admitted else self._ban(address, Reason.IGNORED_429, outcome.used + 1, now)

    def _ban(self, address: str, reason: Reason, count: int, now: int) -> Ban:
        ban = self._bans.add(Ban(address=address, reason=reason, count=count, start=now))
        self._on_ban(ban)
        return ban
