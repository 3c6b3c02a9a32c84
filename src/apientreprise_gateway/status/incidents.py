"""Incidents and announced maintenance: what they are, the rules of their changes, and their rows.

An incident begins as a draft, which nobody sees but operators: three bad minutes in a row open one, a person publishes
it. Maintenance is announced ahead; its state follows the clock.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from apientreprise_gateway.database.status import incidents, updates

MOST_NAME: Final = 200
MOST_BODY: Final = 10_000
"""Characters of a title, and of the text of an update."""
SHOWN: Final = timedelta(days=90)
"""How long past incidents are listed; each keeps its page."""
MOST_LISTED: Final = 100
LONGEST_MAINTENANCE: Final = timedelta(days=7)


class IncidentError(Exception):
    """What was asked of an incident is not possible; the text, in French, says why."""


class Kind(StrEnum):
    """What a row is."""

    INCIDENT = "incident"
    MAINTENANCE = "maintenance"


class Impact(StrEnum):
    """How much an incident hinders."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class Progress(StrEnum):
    """The state of an incident or of maintenance, in the words of the common shape."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    POSTMORTEM = "postmortem"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"


OF_INCIDENTS: Final = (
    Progress.INVESTIGATING,
    Progress.IDENTIFIED,
    Progress.MONITORING,
    Progress.RESOLVED,
    Progress.POSTMORTEM,
)
ENDED: Final = (Progress.RESOLVED, Progress.POSTMORTEM, Progress.COMPLETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """A text about an incident."""

    id: str
    state: Progress
    body: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident, or announced maintenance."""

    id: str
    kind: Kind
    name: str
    progress: Progress
    impact: Impact
    components: tuple[str, ...]
    trouble: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime
    published_at: datetime | None = None
    recovered_at: datetime | None = None
    monitoring_at: datetime | None = None
    resolved_at: datetime | None = None
    discarded_at: datetime | None = None
    scheduled_for: datetime | None = None
    scheduled_until: datetime | None = None
    updates: tuple[Update, ...] = ()
    """The latest first."""

    @property
    def is_draft(self) -> bool:
        """Whether operators alone see it."""
        return self.published_at is None

    @property
    def is_open(self) -> bool:
        """Whether it goes on, or is still to come."""
        return self.discarded_at is None and self.progress not in ENDED

    def is_planned_at(self, moment: datetime) -> bool:
        """Whether it is maintenance that was announced for a moment."""
        if self.kind is not Kind.MAINTENANCE or self.scheduled_for is None or self.scheduled_until is None:
            return False
        return not self.is_draft and self.is_open and self.scheduled_for <= moment < self.scheduled_until


def open_draft(
    connection: Connection,
    *,
    name: str,
    impact: Impact,
    components: Iterable[str],
    started_at: datetime,
    now: datetime,
    trouble: str | None = None,
) -> str:
    """Open a draft; returns its id.

    Raises:
        IncidentError: its title cannot be used.
    """
    values = _values(Kind.INCIDENT, name, impact, components, now)
    values |= {"state": Progress.INVESTIGATING.value, "started_at": started_at, "trouble": trouble}
    connection.execute(insert(incidents).values(values))
    return str(values["id"])


def announce(
    connection: Connection,
    *,
    name: str,
    body: str,
    components: Collection[str],
    start: datetime,
    end: datetime,
    now: datetime,
) -> str:
    """Announce maintenance; returns its id.

    Raises:
        IncidentError: its times or texts cannot be used.
    """
    if start < now:
        raise IncidentError("Le début est déjà passé : une maintenance s’annonce à l’avance.")
    if not timedelta(0) < end - start <= LONGEST_MAINTENANCE:
        raise IncidentError("La fin doit venir après le début, et au plus 7 jours plus tard.")
    if not components:
        raise IncidentError("Choisissez au moins un composant.")
    values = _values(Kind.MAINTENANCE, name, Impact.NONE, components, now)
    values |= {"state": Progress.SCHEDULED.value, "started_at": start, "published_at": now}
    connection.execute(insert(incidents).values(values | {"scheduled_for": start, "scheduled_until": end}))
    _add_update(connection, str(values["id"]), Progress.SCHEDULED, body, now)
    return str(values["id"])


def _values(kind: Kind, name: str, impact: Impact, components: Iterable[str], now: datetime) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "kind": kind.value,
        "name": _checked_name(name),
        "impact": impact.value,
        "components": sorted(set(components)),
        "created_at": now,
        "updated_at": now,
    }


def publish(
    connection: Connection,
    incident: Incident,
    *,
    state: Progress,
    body: str,
    now: datetime,
    name: str | None = None,
    impact: Impact | None = None,
    components: Iterable[str] | None = None,
) -> str:
    """Publish a draft, or an update of what was published: one act. Returns the id of the update.

    Raises:
        IncidentError: the state does not follow, or a text cannot be used.
    """
    _check(incident, state)
    values: dict[str, Any] = {"state": state.value, "updated_at": now}
    if name is not None:
        values["name"] = _checked_name(name)
    if impact is not None:
        values["impact"] = impact.value
    if components is not None:
        values["components"] = sorted(set(components))
    if incident.is_draft:
        values["published_at"] = now
    if state is Progress.MONITORING and incident.monitoring_at is None:
        values["monitoring_at"] = now
    if state is not Progress.POSTMORTEM:
        values["resolved_at"] = now if state in ENDED else None
    number = _add_update(connection, incident.id, state, body, now)
    connection.execute(update(incidents).where(incidents.c.id == incident.id).values(values))
    return number


def _check(incident: Incident, state: Progress) -> None:
    if incident.discarded_at is not None:
        raise IncidentError("Ce brouillon a été écarté.")
    if incident.kind is Kind.MAINTENANCE:
        if state is not Progress.COMPLETED and state is not incident.progress:
            raise IncidentError("L’état d’une maintenance suit son horaire.")
        if not incident.is_open:
            raise IncidentError("Cette maintenance est terminée.")
        return
    if state not in OF_INCIDENTS:
        raise IncidentError("Cet état n’est pas celui d’un incident.")
    if state is Progress.POSTMORTEM and incident.progress not in ENDED:
        raise IncidentError("Un retour d’expérience suit la résolution.")
    if incident.progress is Progress.POSTMORTEM and state is not Progress.POSTMORTEM:
        raise IncidentError("Cet incident est clos : ouvrez-en un nouveau.")


def discard(connection: Connection, incident: Incident, *, now: datetime) -> None:
    """Put a draft aside.

    Raises:
        IncidentError: it was published.
    """
    if not incident.is_draft:
        raise IncidentError("Ce qui est publié ne s’écarte plus : publiez une mise à jour.")
    done = {"discarded_at": now, "updated_at": now}
    connection.execute(update(incidents).where(incidents.c.id == incident.id).values(done))


def extend(connection: Connection, id_: str, components: Iterable[str]) -> None:
    """Name these components in an incident from now on; its trouble has come back if it was over."""
    values = {"components": sorted(set(components)), "recovered_at": None}
    connection.execute(update(incidents).where(incidents.c.id == id_).values(values))


def recover(connection: Connection, id_: str, *, at: datetime) -> None:
    """Note since when the components of an incident work again."""
    connection.execute(update(incidents).where(incidents.c.id == id_).values(recovered_at=at))


def _add_update(connection: Connection, id_: str, state: Progress, body: str, now: datetime) -> str:
    text = body.replace("\r\n", "\n").replace("\0", "").strip()
    if not text:
        raise IncidentError("Écrivez un texte.")
    if len(text) > MOST_BODY:
        raise IncidentError(f"Le texte dépasse {MOST_BODY} caractères.")
    numbered = select(func.coalesce(func.max(updates.c.number), 0) + 1).where(updates.c.incident_id == id_)
    values = {"id": str(uuid4()), "incident_id": id_, "state": state.value, "body": text, "at": now}
    connection.execute(insert(updates).values(number=numbered.scalar_subquery(), **values))
    return values["id"]  # type: ignore[return-value]  # the mapping also holds a moment


def _checked_name(name: str) -> str:
    text = " ".join(name.replace("\0", "").split())
    if not text:
        raise IncidentError("Écrivez un titre.")
    if len(text) > MOST_NAME:
        raise IncidentError(f"Le titre dépasse {MOST_NAME} caractères.")
    return text


def incident(connection: Connection, id_: str, *, now: datetime) -> Incident | None:
    """An incident or maintenance by its id."""
    row = connection.execute(select(incidents).where(incidents.c.id == id_)).one_or_none()
    return None if row is None else _read([row], _updates(connection, [id_]), now)[0]


def open_incidents(connection: Connection, *, now: datetime) -> list[Incident]:
    """Incidents that go on, drafts among them, without their texts."""
    query = select(incidents).where(incidents.c.kind == Kind.INCIDENT.value, incidents.c.discarded_at.is_(None))
    query = query.where(incidents.c.state.not_in([each.value for each in ENDED]))
    return _read(connection.execute(query.order_by(incidents.c.created_at)).all(), {}, now)


def listed(connection: Connection, kind: Kind, *, now: datetime, drafts: bool = False) -> list[Incident]:
    """Incidents or maintenance of the last 90 days and those that go on or are to come, the latest first."""
    query = select(incidents).where(incidents.c.kind == kind.value, incidents.c.discarded_at.is_(None))
    if not drafts:
        query = query.where(incidents.c.published_at.is_not(None))
    ended = incidents.c.state.in_([each.value for each in ENDED])
    recent = or_(incidents.c.updated_at >= now - SHOWN, incidents.c.scheduled_until >= now - SHOWN)
    query = query.where(or_(~ended, recent)).order_by(incidents.c.started_at.desc()).limit(MOST_LISTED)
    rows = connection.execute(query).all()
    return _read(rows, _updates(connection, [row.id for row in rows]), now)


def planned(connection: Connection, *, since: datetime, now: datetime) -> list[Incident]:
    """Maintenance that ends after a moment, without texts."""
    query = select(incidents).where(incidents.c.kind == Kind.MAINTENANCE.value, incidents.c.scheduled_until > since)
    return _read(connection.execute(query).all(), {}, now)


def _updates(connection: Connection, ids: Sequence[str]) -> Mapping[str, list[Update]]:
    found: dict[str, list[Update]] = {id_: [] for id_ in ids}
    query = select(updates).where(updates.c.incident_id.in_(ids)).order_by(updates.c.number.desc())
    for row in connection.execute(query) if ids else ():
        found[row.incident_id].append(Update(id=row.id, state=Progress(row.state), body=row.body, at=row.at))
    return found


def _read(rows: Iterable[Row[Any]], texts: Mapping[str, list[Update]], now: datetime) -> list[Incident]:
    return [
        Incident(
            id=row.id,
            kind=Kind(row.kind),
            name=row.name,
            progress=_progress(row, now),
            impact=Impact(row.impact),
            components=tuple(row.components),
            updates=tuple(texts.get(row.id, ())),
            **{
                name: getattr(row, name)
                for name in (
                    *("trouble", "created_at", "updated_at", "started_at", "published_at", "recovered_at"),
                    *("monitoring_at", "resolved_at", "discarded_at", "scheduled_for", "scheduled_until"),
                )
            },
        )
        for row in rows
    ]


def _progress(row: Row[Any], now: datetime) -> Progress:
    """The state of a row; that of maintenance follows the clock until it is said to be completed."""
    said = Progress(row.state)
    if row.kind != Kind.MAINTENANCE.value or said in ENDED:
        return said
    if now >= row.scheduled_until:
        return Progress.COMPLETED
    return Progress.IN_PROGRESS if now >= row.scheduled_for else Progress.SCHEDULED
