"""Makes the pages of the status page of a snapshot: the same on the portal and among static files."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from apientreprise_gateway.portal.statut import drawing
from apientreprise_gateway.portal.statut.links import Links
from apientreprise_gateway.status import statuspage, words
from apientreprise_gateway.status.availability import Counts, by_month, by_year
from apientreprise_gateway.status.incidents import Incident
from apientreprise_gateway.status.snapshot import Now, Shown, Snapshot

MONTHS: Final = 12
TONES: Final[Mapping[Now, str]] = {
    Now.OPERATIONAL: "success",
    Now.DEGRADED: "warning",
    Now.PARTIAL: "warning",
    Now.MAJOR: "error",
    Now.MAINTENANCE: "info",
    Now.UNKNOWN: "neutral",
}


def common(snapshot: Snapshot, links: Links) -> dict[str, Any]:
    """What every page is given."""
    return {"snapshot": snapshot, "links": links, "words": words, "tones": TONES, "drawing": drawing, "Now": Now}


def index(snapshot: Snapshot, links: Links) -> dict[str, Any]:
    """What the first page is given."""
    indicator, said = statuspage.overall(snapshot)
    tone = {"none": "success", "minor": "warning", "maintenance": "info"}.get(indicator, "error")
    unknown = all(shown.now is Now.UNKNOWN for shown in snapshot.own)
    return common(snapshot, links) | {
        "overall": said,
        "overall_state": "unknown" if unknown and indicator == "none" else indicator,
        "overall_tone": "info" if unknown and indicator == "none" else tone,
        "past": [each for each in snapshot.incidents if not each.is_open],
        "promised": [(shown, periods(shown)) for shown in snapshot.own],
    }


def component(snapshot: Snapshot, shown: Shown, links: Links) -> dict[str, Any]:
    """What the page of a component is given."""
    return common(snapshot, links) | {
        "shown": shown,
        "periods": periods(shown),
        "incidents": snapshot.of(shown.component.id),
    }


def incident(snapshot: Snapshot, found: Incident, links: Links) -> dict[str, Any]:
    """What the page of an incident or maintenance is given."""
    named = [shown for id_ in found.components if (shown := snapshot.component(id_)) is not None]
    return common(snapshot, links) | {"incident": found, "named": named}


def periods(shown: Shown) -> list[tuple[str, Counts, bool | None]]:
    """The last months, then years: their names, counts, and whether the promise was kept in them."""
    return list(_periods(shown))


def _periods(shown: Shown) -> Iterator[tuple[str, Counts, bool | None]]:
    def kept(counts: Counts) -> bool | None:
        promise, share = shown.component.promise, counts.availability
        return None if promise is None or share is None else share >= promise

    months: list[tuple[date, Counts]] = list(by_month(shown.days).items())[:MONTHS]
    for begin, counts in months:
        yield words.month(begin), counts, kept(counts)
    for begin, counts in by_year(shown.days).items():
        yield f"année {begin.year}", counts, kept(counts)
