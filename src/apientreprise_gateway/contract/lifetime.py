"""How long an answer may be kept.

Each provider renews its data at a set hour, Paris time; an answer that is kept must not outlive the data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_PARIS: Final = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A rule that says when an answer that is kept expires."""

    text: str
    """The rule in French, for the documentation."""
    ends: Callable[[float], float]
    """From the present time to when an answer given now expires, always later; both Unix time in seconds."""


def lasting(seconds: int, text: str) -> Lifetime:
    """A lifetime of the same number of seconds for every answer."""
    return Lifetime(text, lambda now: now + seconds)


def until(hour: int, text: str) -> Lifetime:
    """A lifetime that ends when it is next this hour in Paris."""

    def ends(now: float) -> float:
        today = _date(now)
        end = _instant(today, hour)
        # Compared as Unix time: `datetime`s of one zone compare by what clocks show, and these go back in autumn.
        return end if end > now else _instant(today + timedelta(days=1), hour)

    return Lifetime(text, ends)


def _next_month(now: float) -> float:
    late = _date(now).replace(day=28)
    return _instant((late + timedelta(days=4)).replace(day=1), 0)


def today() -> date:
    """The day in Paris."""
    return datetime.now(_PARIS).date()


def _date(now: float) -> date:
    return datetime.fromtimestamp(now, _PARIS).date()


def _instant(day: date, hour: int) -> float:
    return datetime.combine(day, time(hour), _PARIS).timestamp()


HOUR: Final = lasting(3600, "une heure")
DAY: Final = lasting(24 * 3600, "24 heures")
UNTIL_3: Final = until(3, "jusqu'à 3 h, heure de Paris")
UNTIL_8: Final = until(8, "jusqu'à 8 h, heure de Paris")
END_OF_DAY: Final = until(0, "jusqu'à minuit, heure de Paris")
END_OF_MONTH: Final = Lifetime("jusqu'à la fin du mois, heure de Paris", _next_month)
