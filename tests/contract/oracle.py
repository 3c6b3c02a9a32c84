"""What a store of windows and bans must say, written as plainly as the contract reads.

Nothing is forgotten and nothing is clever here: every instant is kept, every question is answered by looking through
all of them. Slow, and easy to believe.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

SECOND = 1_000_000
MINUTE = 60 * SECOND
BAN = 12 * 60 * MINUTE


class Clock:
    """A clock that moves when told to; microseconds."""

    def __init__(self, now: int = 1_700_000_000 * SECOND) -> None:
        self.now = now

    def __call__(self) -> int:
        """The time."""
        return self.now

    def advance(self, *, seconds: int = 0, microseconds: int = 0) -> None:
        """Let time pass."""
        self.now += seconds * SECOND + microseconds


class Expected(NamedTuple):
    """What a window must say of a call."""

    admitted: bool
    used: int
    reset_at: int
    free_at: int


class WindowOracle(Protocol):
    """A window that keeps everything."""

    def judge(self, now: int, limit: int) -> Expected:
        """Judge a call; remember it if it is admitted."""


class SlidingOracle:
    """A call is admitted if fewer than the limit were admitted in the length before it."""

    def __init__(self, length: int = MINUTE) -> None:
        self.length = length
        self.admitted: list[int] = []

    def judge(self, now: int, limit: int) -> Expected:
        """Judge a call; remember it if it is admitted."""
        inside = self._inside(now)
        admitted = len(inside) < limit
        if admitted:
            self.admitted.append(now)
            inside.append(now)
        # Room comes only when a call leaves the window, so these are the only instants to try.
        instants = [now, *(call + self.length for call in inside)]
        free_at = next(instant for instant in instants if len(self._inside(instant)) < limit)
        return Expected(admitted, len(inside), inside[0] + self.length, free_at)

    def _inside(self, now: int) -> list[int]:
        return [call for call in self.admitted if call > now - self.length]


class FirstCallOracle:
    """A call is admitted if fewer than the limit were admitted since the call that opened the current period."""

    def __init__(self, length: int = MINUTE) -> None:
        self.length = length
        self.periods: list[list[int]] = []

    def judge(self, now: int, limit: int) -> Expected:
        """Judge a call; remember it if it is admitted."""
        if not self.periods or now >= self.periods[-1][0] + self.length:
            self.periods.append([now])
            admitted = True
        else:
            admitted = len(self.periods[-1]) < limit
            if admitted:
                self.periods[-1].append(now)
        period = self.periods[-1]
        end = period[0] + self.length
        return Expected(admitted, len(period), end, now if len(period) < limit else end)


class PairOracle:
    """A window of some seconds with one of a minute beside it: a call is admitted if it would be by either alone."""

    def __init__(self, kind: Callable[[int], WindowOracle], seconds: int) -> None:
        self.windows = (kind(seconds * SECOND), kind(MINUTE))

    def judge(self, now: int, *limits: int) -> tuple[int, Expected]:
        """Judge a call; the limit and the verdict of the window that the headers show."""
        pairs = list(zip(limits, self.windows, strict=True))
        tried = [(limit, copy.deepcopy(window).judge(now, limit)) for limit, window in pairs]
        refused = [each for each in tried if not each[1].admitted]
        if refused:  # the one that keeps the caller waiting longest
            return max(refused, key=lambda each: each[1].free_at)
        judged = [(limit, window.judge(now, limit)) for limit, window in pairs]
        fewest = min(limit - said.used for limit, said in judged)
        return max((each for each in judged if each[0] - each[1].used == fewest), key=lambda each: each[1].reset_at)


class Heard(NamedTuple):
    """What a caller must hear: the headers, or a ban."""

    admitted: bool
    remaining: int
    reset: int
    retry_after: int
    banned: tuple[str, int, int] | None = None
    """Reason, count, start."""


@dataclass
class StoreOracle:
    """A whole store."""

    window: Callable[[], WindowOracle]
    ip_limit: int
    ignored_429_limit: int
    windows: dict[tuple[str, str], WindowOracle] = field(default_factory=dict)
    calls: dict[str, list[int]] = field(default_factory=dict)
    """Every call of an address that was not banned."""
    refusals: dict[str, list[int]] = field(default_factory=dict)
    """Every call of an address that was over its token's limit."""
    bans: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """The latest ban of an address."""

    def admit(self, now: int, address: str | None, key: tuple[str, str], limit: int) -> Heard:
        """Judge a call."""
        if address is not None and (ban := self.count(now, address)) is not None:
            return Heard(False, 0, 0, 0, ban)
        said = self.windows.setdefault(key, self.window()).judge(now, limit)
        if not said.admitted and address is not None:
            refused = self.refusals.setdefault(address, [])
            refused.append(now)
            recent = sum(instant > now - MINUTE for instant in refused)
            if recent > self.ignored_429_limit:
                self.bans[address] = ("ignored_429", recent, now)
                return Heard(False, 0, 0, 0, self.bans[address])
        seconds = range(1, 62)
        return Heard(
            said.admitted,
            max(0, limit - said.used),
            next(second for second in range(now // SECOND, now // SECOND + 62) if second * SECOND >= said.reset_at),
            0 if said.admitted else next(wait for wait in seconds if now + wait * SECOND >= said.free_at),
        )

    def count(self, now: int, address: str) -> tuple[str, int, int] | None:
        """Count a call by its address; the ban on it, if any."""
        ban = self.banned(now, address)
        if ban is not None:
            return ban
        calls = self.calls.setdefault(address, [])
        calls.append(now)
        recent = sum(instant > now - MINUTE for instant in calls)
        if recent > self.ip_limit:
            self.bans[address] = ("ceiling", recent, now)
            return self.bans[address]
        return None

    def banned(self, now: int, address: str) -> tuple[str, int, int] | None:
        """The ban in force on an address."""
        ban = self.bans.get(address)
        return ban if ban is not None and now < ban[2] + BAN else None
