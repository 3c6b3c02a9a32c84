"""Planned maintenance: the windows during which a provider is not asked.

A window comes once, or weekly on some days in French legal time. A weekly window belongs to the day on which it begins;
it ends on the next day if its end is not later than its beginning.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as wall_time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ZONE: Final = "Europe/Paris"
_AHEAD: Final = timedelta(days=9)
"""How far ahead weekly windows are computed: more than a week, so that the next one is always among them."""
_DAY: Final = timedelta(days=1)


class Once(NamedTuple):
    """A window that comes once; both times have a time zone."""

    start: datetime
    end: datetime


class Weekly(NamedTuple):
    """A window that comes every week."""

    days: frozenset[int]
    """The days on which it begins; Monday is 0."""
    begins: wall_time
    ends: wall_time
    """Its end, not included; on the next day if it is at or before `begins`."""


def _french_time() -> tzinfo:
    try:
        return ZoneInfo(ZONE)
    except ZoneInfoNotFoundError:
        raise ValueError(f"maintenance: the system has no time zone {ZONE}; install the package tzdata") from None


class Maintenance:
    """The windows of one provider."""

    def __init__(self, windows: Sequence[Once | Weekly], *, clock: Callable[[], float] = time.time) -> None:
        """Take the windows.

        Args:
            windows: those that overlap or touch count as one.
            clock: Unix time in seconds.

        Raises:
            ValueError: the system does not know French legal time.
        """
        self._windows = windows
        self._zone = _french_time() if any(isinstance(window, Weekly) for window in windows) else UTC
        self._clock = clock
        self._until: float | None = None
        self._looked_at = math.inf
        """Unix time of the last look, to notice a clock that was set back."""
        self._next_change = -math.inf

    def and_also(self, windows: Sequence[Once]) -> "Maintenance":
        """The same with more windows."""
        return Maintenance([*self._windows, *windows], clock=self._clock)

    def until(self) -> float | None:
        """When the current window ends, Unix time in seconds; None if there is none."""
        now = self._clock()
        if not self._looked_at <= now < self._next_change:
            self._look_ahead(now)
        return self._until

    def seconds_left(self) -> int:
        """Whole seconds, at least 1, until the current window ends; 0 if there is none."""
        until = self.until()
        return 0 if until is None else max(1, math.ceil(until - self._clock()))

    def _look_ahead(self, now: float) -> None:
        coming = sorted(window for window in self._layout(now) if window[1] > now)
        until = now
        for start, end in coming:
            if start > until:
                break
            until = max(until, end)
        self._looked_at = now
        self._until = until if until > now else None
        self._next_change = self._until or min((start for start, _ in coming), default=math.inf)

    def _layout(self, now: float) -> Iterator[tuple[float, float]]:
        """Every window around an instant, in Unix time."""
        today = datetime.fromtimestamp(now, self._zone).date()
        for window in self._windows:
            if isinstance(window, Once):
                yield window.start.timestamp(), window.end.timestamp()
                continue
            for offset in range(-1, _AHEAD.days):
                day = today + offset * _DAY
                if day.weekday() in window.days:
                    yield self._on(day, window)

    def _on(self, day: date, window: Weekly) -> tuple[float, float]:
        last = day if window.ends > window.begins else day + _DAY
        start = datetime.combine(day, window.begins, self._zone).timestamp()
        end = datetime.combine(last, window.ends, self._zone)
        # At a change of clocks: a window that ends in a repeated hour includes the repetition.
        return start, max(end.timestamp(), end.replace(fold=1).timestamp())
