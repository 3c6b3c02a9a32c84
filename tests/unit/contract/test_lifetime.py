"""Tests of how long an answer may be kept."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.contract.lifetime import (
    DAY,
    END_OF_DAY,
    END_OF_MONTH,
    HOUR,
    UNTIL_3,
    UNTIL_8,
    Lifetime,
    until,
)

PARIS = ZoneInfo("Europe/Paris")
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC).timestamp(), datetime(2040, 1, 1, tzinfo=UTC).timestamp()
instants = st.floats(FIRST, LAST)
DAYS = 86_400.0


def end_of(lifetime: Lifetime, given: str) -> str:
    """When an answer ends, in Paris, given at a time with its offset."""
    end = lifetime.ends(datetime.fromisoformat(given).timestamp())
    return datetime.fromtimestamp(end, PARIS).isoformat()


@pytest.mark.parametrize(
    ("lifetime", "given", "end"),
    [
        (HOUR, "2026-11-20T10:15:00+01:00", "2026-11-20T11:15:00+01:00"),
        (DAY, "2026-11-20T10:15:00+01:00", "2026-11-21T10:15:00+01:00"),
        (UNTIL_8, "2026-11-20T10:15:00+01:00", "2026-11-21T08:00:00+01:00"),
        (UNTIL_8, "2026-11-20T07:59:59+01:00", "2026-11-20T08:00:00+01:00"),
        (UNTIL_8, "2026-11-20T08:00:00+01:00", "2026-11-21T08:00:00+01:00"),
        (UNTIL_8, "2026-06-20T21:30:00+00:00", "2026-06-21T08:00:00+02:00"),
        (UNTIL_3, "2026-11-20T23:59:00+01:00", "2026-11-21T03:00:00+01:00"),
        (UNTIL_3, "2026-11-21T00:01:00+01:00", "2026-11-21T03:00:00+01:00"),
        (END_OF_DAY, "2026-11-20T22:59:59+00:00", "2026-11-21T00:00:00+01:00"),
        (END_OF_DAY, "2026-11-20T23:00:00+00:00", "2026-11-22T00:00:00+01:00"),
        (END_OF_MONTH, "2026-11-01T00:00:00+01:00", "2026-12-01T00:00:00+01:00"),
        (END_OF_MONTH, "2026-12-31T23:59:59+01:00", "2027-01-01T00:00:00+01:00"),
        (END_OF_MONTH, "2028-02-29T12:00:00+01:00", "2028-03-01T00:00:00+01:00"),
        # The clocks of 29 March 2026 have no hour from 2 to 3, those of 25 October 2026 have it twice.
        (UNTIL_3, "2026-03-29T01:59:59+01:00", "2026-03-29T03:00:00+02:00"),
        (UNTIL_8, "2026-03-28T09:00:00+01:00", "2026-03-29T08:00:00+02:00"),
        (UNTIL_3, "2026-10-25T02:59:59+02:00", "2026-10-25T03:00:00+01:00"),
        (UNTIL_3, "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"),
        (DAY, "2026-10-24T12:00:00+02:00", "2026-10-25T11:00:00+01:00"),
        (END_OF_DAY, "2026-10-25T00:30:00+02:00", "2026-10-26T00:00:00+01:00"),
    ],
)
def test_ends(lifetime: Lifetime, given: str, end: str) -> None:
    """An answer ends when its provider's data is renewed, by the clocks of Paris, in summer and winter."""
    assert end_of(lifetime, given) == end


@given(instants, st.integers(0, 23))
def test_an_hour_of_the_day_comes_within_a_day(now: float, hour: int) -> None:
    """Whatever the hour, and on the days when clocks change, an answer ends later than now, and within 25 hours."""
    end = until(hour, "").ends(now)
    assert 0 < end - now <= timedelta(hours=25).total_seconds()
    shown = datetime.fromtimestamp(end, PARIS)
    assert (shown.minute, shown.second) == (0, 0)
    assert shown.hour == hour or (hour == 2 and shown.hour == 3)  # the hour that does not exist in spring


@given(instants)
def test_a_month_ends_with_its_last_day(now: float) -> None:
    """An answer that is kept for the month ends in the first moment of the next one."""
    end = END_OF_MONTH.ends(now)
    shown, given = datetime.fromtimestamp(end, PARIS), datetime.fromtimestamp(now, PARIS)
    assert 0 < end - now <= 31 * DAYS + 3600
    assert (shown.day, shown.hour, shown.minute) == (1, 0, 0)
    assert (shown.year * 12 + shown.month) - (given.year * 12 + given.month) == 1
