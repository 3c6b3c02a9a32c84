"""Availability: good minutes of those that were measured, without announced maintenance; by day, month and year."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

from apientreprise_gateway.status.judging import State


@dataclass(frozen=True, slots=True)
class Counts:
    """How many minutes of a period were what."""

    good: int = 0
    bad: int = 0
    unknown: int = 0
    maintenance: int = 0

    @classmethod
    def of(cls, states: Iterable[State]) -> Self:
        """Counted states."""
        found: dict[str, int] = defaultdict(int)
        for state in states:
            found[state.value] += 1
        return cls(**found)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.good + other.good,
            self.bad + other.bad,
            self.unknown + other.unknown,
            self.maintenance + other.maintenance,
        )

    @property
    def measured(self) -> int:
        """Minutes that count: neither unknown nor announced maintenance."""
        return self.good + self.bad

    @property
    def availability(self) -> float | None:
        """The share of good minutes, from 0 to 1; None if none was measured."""
        return self.good / self.measured if self.measured else None

    @property
    def state(self) -> State:
        """What the bar of the period shows."""
        if self.bad:
            return State.BAD
        if self.good:
            return State.GOOD
        return State.MAINTENANCE if self.maintenance else State.UNKNOWN


def by_month(days: Mapping[date, Counts]) -> dict[date, Counts]:
    """The counts of months, by their first day; the latest first."""
    return _by((day.replace(day=1), counts) for day, counts in days.items())


def by_year(days: Mapping[date, Counts]) -> dict[date, Counts]:
    """The counts of years, by their first day; the latest first."""
    return _by((day.replace(month=1, day=1), counts) for day, counts in days.items())


def _by(pairs: Iterable[tuple[date, Counts]]) -> dict[date, Counts]:
    sums: dict[date, Counts] = defaultdict(Counts)
    for begin, counts in pairs:
        sums[begin] += counts
    return dict(sorted(sums.items(), reverse=True))
