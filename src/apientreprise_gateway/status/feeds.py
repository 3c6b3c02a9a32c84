"""Incidents and maintenance for feed readers (Atom) and calendars (iCalendar), and badges.

The ids of entries never change: a reader shows an incident once, and again when it changes.
"""

from datetime import datetime, timedelta
from html import escape
from typing import Final
from urllib.parse import urlsplit
from xml.sax.saxutils import escape as xml_escape

from feedgenerator import Atom1Feed
from icalendar import Calendar, Event

from apientreprise_gateway.status import words
from apientreprise_gateway.status.incidents import Incident
from apientreprise_gateway.status.snapshot import Now, Shown, Snapshot

_TITLE: Final = "État d’API Entreprise et d’API Particulier"
_XML: Final = {code: None for code in (*range(32), 0xFFFE, 0xFFFF) if code not in (9, 10, 13)}
"""Characters that XML cannot hold."""
_COLOURS: Final = {
    Now.OPERATIONAL: "#18753c",
    Now.DEGRADED: "#8a5a00",
    Now.PARTIAL: "#b34000",
    Now.MAJOR: "#b3000b",
    Now.MAINTENANCE: "#0063cb",
    Now.UNKNOWN: "#5f5f5f",
}


def atom(snapshot: Snapshot, base: str) -> bytes:
    """The incidents and the maintenance of the last 90 days.

    Args:
        snapshot: what is told.
        base: the address of the status page, without a slash at the end.
    """
    listed = sorted((*snapshot.incidents, *snapshot.maintenances), key=lambda each: each.updated_at, reverse=True)
    feed = Atom1Feed(
        title=_TITLE,
        link=base,
        description="Incidents et maintenances",
        language="fr",
        feed_url=f"{base}/incidents.atom",
        feed_guid=f"{base}/incidents.atom",
    )
    for each in listed:
        text = "".join(_paragraphs(update.body, words.PROGRESS[update.state], update.at) for update in each.updates)
        feed.add_item(
            title=f"{words.KINDS[each.kind]} : {each.name} ({words.PROGRESS[each.progress]})".translate(_XML),
            link=f"{base}/incidents/{each.id}",
            description=text.translate(_XML),
            unique_id=f"urn:uuid:{each.id}",
            pubdate=each.published_at or each.created_at,
            updateddate=each.updated_at,
            categories=[shown.component.name for id_ in each.components if (shown := snapshot.component(id_))],
        )
    if not listed:
        feed.feed["updated"] = snapshot.measured_at or snapshot.at
    return bytes(feed.writeString("utf-8").encode())


def _paragraphs(body: str, progress: str, at: datetime) -> str:
    text = "<br>".join(escape(body).split("\n"))
    return f"<p><strong>{escape(progress)}</strong> ({words.moment(at)})</p><p>{text}</p>"


def calendar(snapshot: Snapshot, base: str) -> bytes:
    """The announced maintenance of the last 90 days and to come."""
    made = Calendar()
    made.add("prodid", "-//apientreprise-gateway//statut//FR")
    made.add("version", "2.0")
    made.add("name", "Maintenances")
    made.add("refresh-interval", timedelta(hours=1))
    for each in snapshot.maintenances:
        made.add_component(_event(each, snapshot, base))
    return bytes(made.to_ical())


def _event(maintenance: Incident, snapshot: Snapshot, base: str) -> Event:
    names = [shown.component.name for id_ in maintenance.components if (shown := snapshot.component(id_))]
    event = Event()
    event.add("uid", f"{maintenance.id}@{urlsplit(base).hostname or 'statut'}")
    event.add("dtstamp", maintenance.updated_at)
    event.add("last-modified", maintenance.updated_at)
    event.add("sequence", max(0, len(maintenance.updates) - 1))
    event.add("dtstart", maintenance.scheduled_for)
    event.add("dtend", maintenance.scheduled_until)
    event.add("summary", f"Maintenance : {maintenance.name}".translate(_XML))
    texts = [update.body for update in maintenance.updates[:1]]
    event.add("description", "\n\n".join([*texts, f"Composants : {', '.join(names)}"]).translate(_XML))
    event.add("url", f"{base}/incidents/{maintenance.id}")
    event.add("transp", "TRANSPARENT")
    return event


def badge(shown: Shown) -> bytes:
    """An SVG of the state of a component now, with a title for those who do not see it."""
    left, right = shown.component.name, words.NOW[shown.now]
    widths = [20 + 7 * len(text) for text in (left, right)]
    width = sum(widths)
    title = xml_escape(f"{left} : {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" viewBox="0 0 {width} 20" role="img" '
        f'aria-labelledby="titre"><title id="titre">{title}</title>'
        f'<rect width="{width}" height="20" rx="3" fill="#3a3a3a"/>'
        f'<rect x="{widths[0]}" width="{widths[1]}" height="20" rx="3" fill="{_COLOURS[shown.now]}"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{widths[0] / 2:g}" y="14" textLength="{widths[0] - 12}">{xml_escape(left)}</text>'
        f'<text x="{widths[0] + widths[1] / 2:g}" y="14" textLength="{widths[1] - 12}">{xml_escape(right)}</text>'
        "</g></svg>\n"
    ).encode()
