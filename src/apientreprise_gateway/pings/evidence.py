"""What the calls to a source of data say about it.

Calls only add to two numbers, a `CallCounts`, which says which of them are good or bad; `Evidence` looks at the numbers
now and then, and remembers what they were.
"""

from collections import deque
from typing import Final, NamedTuple

from apientreprise_gateway.observability.provider_calls import CallCounts

WINDOW_SECONDS: Final = 60.0
"""Seconds of calls that are judged together."""
TOLERATED: Final = 0.1
"""The share of bad calls from which on a source does not work, as published."""
SKEW_SECONDS: Final = 5.0
"""How far the clocks of two gateways may be apart."""
_SAMPLE_SECONDS: Final = 1.0


class Seen(NamedTuple):
    """Calls counted, and when it was last noticed that there are more: Unix times in seconds, 0 for what is no news."""

    good: int = 0
    bad: int = 0
    good_at: float = 0.0
    bad_at: float = 0.0
    probed_at: float = 0.0
    """When a probe was last answered."""


class _Sample(NamedTuple):
    at: float
    good: int
    bad: int


class Evidence:
    """The calls of all processes to a source, as far as this one knows."""

    def __init__(self, tally: CallCounts, *, now: float) -> None:
        self.tally = tally
        self.good_at = 0.0
        self.bad_at = 0.0
        self.probed_at = 0.0
        self._others_good = 0
        """Good calls of other processes, those that have ended included."""
        self._others_bad = 0
        self._told = (0, 0)
        """Good and bad calls of this process that the others have been told of."""
        self._probe_told = 0.0
        """The last probe that they have been told of, or have told of."""
        self._is_shared = False
        self._samples = deque([_Sample(now, 0, 0)])

    def note(self, now: float) -> None:
        """Look at the numbers, and remember them if they have changed."""
        last = self._samples[-1]
        if now < last.at:
            self._set_back(now - last.at, now)
            last = self._samples[-1]
        self._remember(now)
        if self.totals[0] > last.good:
            self.good_at = now
        if self.totals[1] > last.bad:
            self.bad_at = now

    def _set_back(self, seconds: float, now: float) -> None:
        """Move all times back with the clock, so that none lies in the future."""
        self._samples = deque(sample._replace(at=sample.at + seconds) for sample in self._samples)
        self.good_at, self.bad_at = min(self.good_at, now), min(self.bad_at, now)
        self.probed_at = self._probe_told = min(self.probed_at, now)

    def _remember(self, now: float) -> None:
        good, bad = self._others_good + self.tally.good, self._others_bad + self.tally.bad
        last = self._samples[-1]
        if (good, bad) != (last.good, last.bad):
            if now - last.at < _SAMPLE_SECONDS and len(self._samples) > 1:
                self._samples[-1] = _Sample(last.at, good, bad)
            else:
                self._samples.append(_Sample(now, good, bad))
        while len(self._samples) > 1 and self._samples[1].at <= now - WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def totals(self) -> tuple[int, int]:
        """All good and bad calls, as last noted."""
        return self._samples[-1][1:]

    def fails(self, *, since: tuple[int, int] | None = None) -> bool | None:
        """Whether the calls of the last minute say that the source does not work; None if there were none.

        A lone failure beside good calls is an accident.

        Args:
            since: only calls after these totals.
        """
        first, last = self._samples[0], self._samples[-1]
        good, bad = last.good - first.good, last.bad - first.bad
        if since is not None:
            good, bad = max(0, min(good, last.good - since[0])), max(0, min(bad, last.bad - since[1]))
        if good + bad == 0:
            return None
        return bad >= TOLERATED * (good + bad) and (bad > 1 or good == 0)

    # What processes tell one another.

    def tell(self) -> Seen | None:
        """What is new for the other processes, or None; given once: what gets lost would soon be old anyway."""
        good, bad = self.tally.good - self._told[0], self.tally.bad - self._told[1]
        is_newer = self.probed_at > self._probe_told
        if not good and not bad and not is_newer:
            return None
        self._told = (self.tally.good, self.tally.bad)
        self._probe_told = self.probed_at
        return Seen(
            good, bad, self.good_at if good else 0.0, self.bad_at if bad else 0.0, self.probed_at if is_newer else 0.0
        )

    def learn(self, everybody: Seen, now: float) -> None:
        """Take over what everybody together has counted, what was told included."""
        self.note(now)
        good, bad = everybody.good - self._told[0], everybody.bad - self._told[1]
        more, worse = good - self._others_good, bad - self._others_bad
        self._others_good, self._others_bad = good, bad
        if not self._is_shared or more < 0 or worse < 0:
            # Calls of long ago, or a store that has not kept what it was told: neither is news.
            self._samples = deque(_Sample(at, old + more, failed + worse) for at, old, failed in self._samples)
            self._is_shared = True
        self._remember(now)
        self.good_at = max(self.good_at, _past(everybody.good_at, now))
        self.bad_at = max(self.bad_at, _past(everybody.bad_at, now))
        self.probed_at = self._probe_told = max(self.probed_at, _past(everybody.probed_at, now))


def _past(told: float, now: float) -> float:
    """A time of others, at most now; 0 if their clock was ahead."""
    return 0.0 if told > now + SKEW_SECONDS else min(told, now)
