"""What the calls to a source of data say about whether it works.

Each call only adds to one of the two counters of a `CallCounts`, good or bad. `Evidence` samples these counters from
time to time and keeps the samples of the last minute.
"""

from collections import deque
from typing import Final, NamedTuple

from apientreprise_gateway.observability.provider_calls import CallCounts

WINDOW_SECONDS: Final = 60.0
"""Length in seconds of the window of calls that is judged."""
TOLERATED: Final = 0.1
"""Share of bad calls from which a source counts as not working, as in the published API."""
SKEW_SECONDS: Final = 5.0
"""Seconds by which the clocks of two gateways may differ."""
_SAMPLE_SECONDS: Final = 1.0


class Seen(NamedTuple):
    """Counts of calls, and Unix times in seconds at which each count was last seen to grow; 0 for nothing new."""

    good: int = 0
    bad: int = 0
    good_at: float = 0.0
    bad_at: float = 0.0
    probed_at: float = 0.0
    """When a probe last succeeded."""


class _Sample(NamedTuple):
    at: float
    good: int
    bad: int


class Evidence:
    """The calls of all processes to one source, as far as this process knows them."""

    def __init__(self, counts: CallCounts, *, now: float) -> None:
        self.counts = counts
        self.good_at = 0.0
        self.bad_at = 0.0
        self.probed_at = 0.0
        self._others_good = 0
        """Good calls of other processes, including processes that have ended."""
        self._others_bad = 0
        self._told = (0, 0)
        """Good and bad calls of this process that were shared with the others."""
        self._probe_told = 0.0
        """Unix time in seconds of the last successful probe that was shared, by this process or another."""
        self._is_shared = False
        """Whether the counts of the others have been received at least once."""
        self._samples = deque([_Sample(now, 0, 0)])

    def note(self, now: float) -> None:
        """Sample the counters, and keep the sample if they have changed."""
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
        """After the clock was set back, move all times back too, so that none lies in the future."""
        self._samples = deque(sample._replace(at=sample.at + seconds) for sample in self._samples)
        self.good_at, self.bad_at = min(self.good_at, now), min(self.bad_at, now)
        self.probed_at = self._probe_told = min(self.probed_at, now)

    def _remember(self, now: float) -> None:
        good, bad = self._others_good + self.counts.good, self._others_bad + self.counts.bad
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
        """All good and bad calls, as last sampled."""
        return self._samples[-1][1:]

    def fails(self, *, since: tuple[int, int] | None = None) -> bool | None:
        """Whether the calls of the last minute say that the source does not work; None if there were none.

        A single bad call among good ones is not enough.

        Args:
            since: judge only the calls after these totals.
        """
        first, last = self._samples[0], self._samples[-1]
        good, bad = last.good - first.good, last.bad - first.bad
        if since is not None:
            good, bad = max(0, min(good, last.good - since[0])), max(0, min(bad, last.bad - since[1]))
        if good + bad == 0:
            return None
        return bad >= TOLERATED * (good + bad) and (bad > 1 or good == 0)

    # What processes share.

    def tell(self) -> Seen | None:
        """What is new since the last call, to share with the other processes; None if nothing is.

        It is returned once only: if it gets lost, it would soon have been out of date anyway.
        """
        good, bad = self.counts.good - self._told[0], self.counts.bad - self._told[1]
        is_newer = self.probed_at > self._probe_told
        if not good and not bad and not is_newer:
            return None
        self._told = (self.counts.good, self.counts.bad)
        self._probe_told = self.probed_at
        return Seen(
            good, bad, self.good_at if good else 0.0, self.bad_at if bad else 0.0, self.probed_at if is_newer else 0.0
        )

    def learn(self, everybody: Seen, now: float) -> None:
        """Take in the counts of all processes together, which include what this one has shared."""
        self.note(now)
        good, bad = everybody.good - self._told[0], everybody.bad - self._told[1]
        more, worse = good - self._others_good, bad - self._others_bad
        self._others_good, self._others_bad = good, bad
        if not self._is_shared or more < 0 or worse < 0:
            # Old calls read for the first time, or a store that has lost its counts: neither means new calls.
            self._samples = deque(_Sample(at, old + more, failed + worse) for at, old, failed in self._samples)
            self._is_shared = True
        self._remember(now)
        self.good_at = max(self.good_at, _past(everybody.good_at, now))
        self.bad_at = max(self.bad_at, _past(everybody.bad_at, now))
        self.probed_at = self._probe_told = max(self.probed_at, _past(everybody.probed_at, now))


def _past(told: float, now: float) -> float:
    """A time told by another process, at most `now`; 0 if its clock is too far ahead."""
    return 0.0 if told > now + SKEW_SECONDS else min(told, now)
