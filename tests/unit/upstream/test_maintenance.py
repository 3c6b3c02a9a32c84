"""Tests of planned maintenance."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.upstream.maintenance import Maintenance, Once, Weekly

PARIS = ZoneInfo("Europe/Paris")


def paris(text: str, *, fold: int = 0) -> float:
    """Unix time of an hour on French clocks."""
    return datetime.fromisoformat(text).replace(tzinfo=PARIS, fold=fold).timestamp()


def once(start: str, end: str) -> Once:
    """A window on one day, in French hours."""
    return Once(datetime.fromtimestamp(paris(start), UTC), datetime.fromtimestamp(paris(end), UTC))


def weekly(days: str, begins: str, ends: str) -> Weekly:
    """A weekly window; days are digits, Monday is 0."""
    return Weekly(frozenset(map(int, days)), time.fromisoformat(begins), time.fromisoformat(ends))


class At:
    """Maintenance at hours of our choice."""

    def __init__(self, *windows: Once | Weekly) -> None:
        self.now = 0.0
        self.maintenance = Maintenance(windows, clock=lambda: self.now)

    def left(self, now: float) -> int:
        """The seconds left at an instant; instants must not go back."""
        self.now = now
        return self.maintenance.seconds_left()


def test_once() -> None:
    """A window holds from its first instant to before its last, and tells the seconds to its end, rounded up."""
    at = At(once("2026-11-23T20:00", "2026-11-23T22:00"))
    assert at.left(paris("2026-11-20T21:00")) == 0
    assert at.left(paris("2026-11-23T20:00") - 0.001) == 0
    assert at.left(paris("2026-11-23T20:00")) == 7200
    assert at.maintenance.until() == paris("2026-11-23T22:00")
    assert at.left(paris("2026-11-23T20:00") + 0.5) == 7200
    assert at.left(paris("2026-11-23T22:00") - 0.001) == 1
    assert at.left(paris("2026-11-23T22:00")) == 0
    assert at.maintenance.until() is None
    assert at.left(paris("2036-11-23T21:00")) == 0


def test_weekly() -> None:
    """A weekly window comes on its days, every week, for years."""
    at = At(weekly("02", "01:00", "03:30"))
    for week in range(0, 500, 7):
        monday = datetime(2026, 11, 23, tzinfo=PARIS) + timedelta(days=7 * week)
        wall = (monday + timedelta(hours=2)).replace(tzinfo=PARIS)
        assert at.left(wall.timestamp()) == 5400
        assert at.left((wall + timedelta(days=1)).timestamp()) == 0
        assert at.left((wall + timedelta(days=2)).timestamp()) == 5400


def test_over_midnight() -> None:
    """A window that ends at an earlier hour than it begins ends on the next day, also at the end of a week."""
    at = At(weekly("6", "22:00", "06:00"))
    assert at.left(paris("2026-11-22T21:59:59")) == 0
    assert at.left(paris("2026-11-22T22:00")) == 8 * 3600
    assert at.left(paris("2026-11-23T05:00")) == 3600
    assert at.left(paris("2026-11-23T06:00")) == 0
    assert at.left(paris("2026-11-23T22:30")) == 0
    started_within = At(weekly("6", "22:00", "06:00"))
    assert started_within.left(paris("2026-11-23T05:00")) == 3600, "a gateway that starts meanwhile knows of it"


def test_a_whole_day() -> None:
    """A window that begins and ends at one hour takes a whole day; one on every day never ends within the week."""
    at = At(weekly("5", "00:00", "00:00"))
    assert at.left(paris("2026-11-27T23:59")) == 0
    assert at.left(paris("2026-11-28T00:00")) == 86_400
    assert at.left(paris("2026-11-29T00:00")) == 0
    always = At(weekly("0123456", "00:00", "00:00"))
    for day in range(60):
        assert always.left(paris("2026-11-28T00:00") + day * 86_400) > 0


@pytest.mark.parametrize(
    ("begins", "ends", "start", "seconds"),
    [
        # On 29 March 2026 the hour from 2:00 to 3:00 is left out; the nights are an hour shorter.
        ("22:00", "06:00", "2026-03-28T22:00", 7 * 3600),
        ("01:00", "04:00", "2026-03-29T01:00", 2 * 3600),
        ("01:30", "02:30", "2026-03-29T01:30", 3600),
        ("02:15", "02:45", "2026-03-29T03:15", 1800),
    ],
)
def test_when_clocks_go_forward(begins: str, ends: str, start: str, seconds: int) -> None:
    """Windows follow French clocks into summer, and keep their length where they end in the hour that is left out."""
    at = At(weekly("56", begins, ends))
    assert at.left(paris(start)) == seconds
    assert at.left(paris(start) + seconds) == 0


@pytest.mark.parametrize(
    ("begins", "ends", "start", "seconds"),
    [
        # On 25 October 2026 the hour from 2:00 to 3:00 comes twice; the night is an hour longer.
        ("22:00", "06:00", "2026-10-24T22:00", 9 * 3600),
        ("01:00", "04:00", "2026-10-25T01:00", 4 * 3600),
        ("02:00", "03:00", "2026-10-25T02:00", 2 * 3600),
        ("01:30", "02:30", "2026-10-25T01:30", 2 * 3600),
    ],
)
def test_when_clocks_go_back(begins: str, ends: str, start: str, seconds: int) -> None:
    """Windows follow French clocks into winter, and hold through both of the hours that have one name."""
    at = At(weekly("56", begins, ends))
    assert at.left(paris(start)) == seconds
    assert at.left(paris(start) + seconds) == 0


def test_windows_that_touch() -> None:
    """Windows that overlap or touch are one: it ends where the last of them ends."""
    at = At(
        once("2026-11-23T20:00", "2026-11-23T22:00"),
        once("2026-11-23T20:30", "2026-11-23T21:00"),
        once("2026-11-23T22:00", "2026-11-23T23:00"),
        weekly("0", "22:30", "23:30"),
        once("2026-11-23T23:31", "2026-11-23T23:59"),
    )
    assert at.left(paris("2026-11-23T20:15")) == 3 * 3600 + 900
    assert at.left(paris("2026-11-23T23:30")) == 0
    assert at.left(paris("2026-11-23T23:31")) == 28 * 60


def test_looks_ahead_once_per_change() -> None:
    """Between two changes an instant is compared, and nothing is computed."""
    at = At(weekly("0", "01:00", "02:00"))
    at.left(paris("2026-11-22T00:00"))
    looked: list[float] = []
    at.maintenance._look_ahead = looked.append  # type: ignore[assignment, method-assign]
    for minute in range(60 * 24 + 59):
        assert at.left(paris("2026-11-22T00:00") + 60 * minute) == 0
    assert looked == []


@given(
    st.lists(
        st.builds(
            Weekly,
            st.frozensets(st.integers(0, 6), min_size=1),
            st.times().map(lambda moment: moment.replace(microsecond=0)),
            st.times().map(lambda moment: moment.replace(microsecond=0)),
        ),
        min_size=1,
        max_size=3,
    ),
    st.lists(st.integers(0, 400 * 24 * 3600), min_size=1, max_size=20),
)
def test_agrees_with_the_calendar(windows: list[Weekly], instants: list[int]) -> None:
    """At any instant outside the hours of change, what holds is what a French calendar and clock say."""
    at = At(*windows)
    for instant in sorted(instants):
        now = datetime.fromtimestamp(paris("2026-01-05T00:00") + instant, PARIS)
        if now.month in (3, 10) and now.day > 23:
            continue
        at.now = now.timestamp()
        assert (at.maintenance.seconds_left() > 0) == any(_holds(window, now) for window in windows)


def _holds(window: Weekly, now: datetime) -> bool:
    clock, today = now.time(), now.weekday()
    yesterday = (today - 1) % 7
    if window.ends > window.begins:
        return today in window.days and window.begins <= clock < window.ends
    return (today in window.days and clock >= window.begins) or (yesterday in window.days and clock < window.ends)


def test_a_system_without_time_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that knows no time zones is told what it lacks, if a window needs them."""
    monkeypatch.setattr("apientreprise_gateway.upstream.maintenance.ZONE", "Europe/Nowhere")
    Maintenance([once("2026-11-23T20:00", "2026-11-23T22:00")])
    with pytest.raises(ValueError, match="install the package tzdata"):
        Maintenance([weekly("0", "01:00", "02:00")])


@pytest.mark.parametrize("wrong", [timedelta(days=30), timedelta(hours=1), timedelta(days=-30)])
def test_a_clock_that_is_corrected(wrong: timedelta) -> None:
    """What was found by a clock that was wrong does not hold once it is right, whether it was ahead or behind."""
    now = paris("2026-03-04 12:00")
    at = At(
        once("2026-03-04 11:30", "2026-03-04 12:30"),
        once("2026-04-03 11:00", "2026-04-03 14:00"),
        once("2026-02-02 11:00", "2026-02-02 14:00"),
        once("2026-03-04 12:45", "2026-03-04 13:45"),
    )
    assert at.left(now + wrong.total_seconds()) > 0
    assert at.left(now) == 1800
    assert at.left(now + 1800) == 0
    assert at.left(now + 1800 + wrong.total_seconds()) > 0
    assert at.left(now + 1800) == 0
