"""Bars of 90 days as SVG: one path for each state, so that a page with all components stays small."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final

from markupsafe import Markup, escape

from apientreprise_gateway.status.availability import Counts
from apientreprise_gateway.status.judging import State
from apientreprise_gateway.status.words import percent

_STEP: Final = 8
_BAR: Final = 6
_HEIGHT: Final = 34
_PART: Final = 0.95
"""Availability of a day below which its bar is that of a failure, not of a disturbance."""


def bars(name: str, days: Sequence[tuple[date, Counts]]) -> Markup:
    """The bars of days, with their meaning as text for those who do not see them."""
    paths: dict[str, list[str]] = defaultdict(list)
    for place, (_, counts) in enumerate(days):
        paths[tone(counts)].append(f"M{place * _STEP} 0h{_BAR}v{_HEIGHT}h-{_BAR}z")
    drawn = Markup("").join(
        Markup('<path class="jour-{}" d="{}"/>').format(kind, "".join(parts)) for kind, parts in paths.items()
    )
    return Markup(
        '<svg class="jours" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(len(days) * _STEP, _HEIGHT, summary(name, days), drawn)


def summary(name: str, days: Sequence[tuple[date, Counts]]) -> str:
    """What the bars say, in words."""
    sums = sum((counts for _, counts in days), Counts())
    measured = sum(counts.measured > 0 for _, counts in days)
    bad = sum(counts.bad > 0 for _, counts in days)
    if not measured:
        return f"{name}, {len(days)} derniers jours : aucune mesure"
    said = f"{bad} jour{'s' if bad > 1 else ''} avec panne" if bad else "aucune panne"
    return (
        f"{name}, {len(days)} derniers jours : disponible {percent(sums.availability)} du temps mesuré, {said}, "
        f"{len(days) - measured} jours sans mesure"
    )


def tone(counts: Counts) -> str:
    """How the bar of a day looks."""
    if counts.state is State.BAD:
        return "panne" if (counts.availability or 0) < _PART else "perturbe"
    return {State.GOOD: "bon", State.MAINTENANCE: "maintenance"}.get(counts.state, "inconnu")


def text(value: str) -> Markup:
    """A text of an operator as paragraphs."""
    parts = [part for part in value.split("\n\n") if part.strip()]
    return Markup("").join(Markup("<p>{}</p>").format(Markup("<br>").join(escape(part).split("\n"))) for part in parts)
