"""What is said of shares, durations, bars and badges."""

from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.portal.statut import drawing
from apientreprise_gateway.status import feeds, words
from apientreprise_gateway.status.availability import Counts
from apientreprise_gateway.status.snapshot import Now, Shown
from support.status import COMPONENTS, START


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_is_not_whole_is_not_said_to_be(good: int, bad: int) -> None:
    """100 % without a bad minute alone, and never more than there was."""
    share = Counts(good=good, bad=bad).availability
    said = words.percent(share)
    if share is None:
        assert said == "non mesuré"
        return
    assert (said == "100\u202f%") == (bad == 0)
    assert float(said.removesuffix("\u202f%").replace(",", ".")) <= share * 100 + 1e-9


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3600, "1 h 00 min"), (90_000, "25 h 00 min")]
)
def test_durations(seconds: float, said: str) -> None:
    """In their two largest units."""
    assert words.duration(seconds) == said


def test_moments_are_those_of_paris() -> None:
    """In winter and in summer."""
    assert words.moment(START) == "2 mars 2026 à 10:00"
    assert words.moment(START.replace(month=7, day=1, hour=22)) == "2 juillet 2026 à 00:00"


def test_bars_say_what_they_show() -> None:
    """The text counts days with failures, and those without a measure."""
    first = date(2026, 1, 1)
    days = [(first + timedelta(days=place), Counts(good=1440)) for place in range(88)]
    days += [(first, Counts(good=1400, bad=40)), (first, Counts())]
    text = str(drawing.bars("API <b>", days))
    assert (
        'aria-label="API &lt;b&gt;, 90 derniers jours : disponible 99,96\u202f% du temps mesuré, 1 jour avec panne'
        in text
    )
    assert ElementTree.fromstring(text).get("role") == "img"
    assert [
        drawing.tone(each) for each in (Counts(good=99, bad=1), Counts(bad=1), Counts(maintenance=1), Counts())
    ] == [
        "perturbe",
        "panne",
        "maintenance",
        "inconnu",
    ]


@pytest.mark.parametrize("now", Now)
def test_badges_are_pictures_with_a_title(now: Now) -> None:
    """Of each state."""
    root = ElementTree.fromstring(feeds.badge(Shown(COMPONENTS[3], now, {}, None)))
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text == f"{COMPONENTS[3].name} : {words.NOW[now]}"
    assert root.get("aria-labelledby") == title.get("id")
