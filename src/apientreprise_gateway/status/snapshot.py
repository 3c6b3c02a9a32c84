"""All that the status page shows, as it was at one moment; pages, feeds and files are made of it without a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from apientreprise_gateway.status import incidents, store
from apientreprise_gateway.status.availability import Counts
from apientreprise_gateway.status.components import Component, Kind
from apientreprise_gateway.status.incidents import Impact, Incident, Progress
from apientreprise_gateway.status.judging import State
from apientreprise_gateway.status.periods import day_of, minute_of

BARS: Final = 90
"""Days that have a bar."""
_DAYS_READ: Final = 400
"""Days of sources that are read: those of a year's months, and more."""
_OLD_MINUTES: Final = 3
"""Minutes without a measure after which nothing is known of a component."""


class Now(StrEnum):
    """The state of a component, in the words of the common shape; the last of them is ours."""

    OPERATIONAL = "operational"
    DEGRADED = "degraded_performance"
    PARTIAL = "partial_outage"
    MAJOR = "major_outage"
    MAINTENANCE = "under_maintenance"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Shown:
    """A component with what is told of it."""

    component: Component
    now: Now
    days: Mapping[date, Counts]
    """Those that were measured, in their order."""
    since: date | None
    """The first day that was measured."""

    def bars(self, today: date) -> list[tuple[date, Counts]]:
        """The last 90 days, each with its counts; the latest last."""
        every = (today - timedelta(days=back) for back in range(BARS - 1, -1, -1))
        return [(day, self.days.get(day, Counts())) for day in every]

    def last_days(self, today: date) -> Counts:
        """The counts of the last 90 days together."""
        return sum((counts for _, counts in self.bars(today)), Counts())


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The status page at one moment."""

    at: datetime
    measured_at: datetime | None
    """The last minute that was measured."""
    seconds: float
    """The length of a minute."""
    components: tuple[Shown, ...]
    incidents: tuple[Incident, ...]
    """The latest first; of the last 90 days."""
    maintenances: tuple[Incident, ...]
    is_stale: bool = False
    """Whether the database could not be asked since."""

    @property
    def today(self) -> date:
        """Its day."""
        return day_of(self.at)

    @property
    def open_incidents(self) -> list[Incident]:
        """Those that go on."""
        return [each for each in self.incidents if each.is_open]

    @property
    def coming(self) -> list[Incident]:
        """Maintenance that goes on or is to come, the next first."""
        return [each for each in reversed(self.maintenances) if each.is_open]

    def component(self, id_: str) -> Shown | None:
        """A component by its id."""
        return next((each for each in self.components if each.component.id == id_), None)

    def incident(self, id_: str) -> Incident | None:
        """An incident or maintenance that is listed."""
        return next((each for each in (*self.incidents, *self.maintenances) if each.id == id_), None)

    def of(self, id_: str) -> list[Incident]:
        """The incidents and maintenance of a component."""
        return [each for each in (*self.incidents, *self.maintenances) if id_ in each.components]

    def groups(self) -> dict[str, list[Shown]]:
        """The sources, by the name of their provider."""
        found: dict[str, list[Shown]] = {}
        for each in self.components:
            if each.component.group is not None:
                found.setdefault(each.component.group, []).append(each)
        return found

    @property
    def own(self) -> list[Shown]:
        """The APIs and the account side."""
        return [each for each in self.components if each.component.group is None]

    @property
    def impact(self) -> Impact:
        """How much is wrong, all together."""
        said = [each.impact for each in self.open_incidents]
        measured = [_WEIGHT[shown.component.kind] for shown in self.components if shown.now is Now.MAJOR]
        return max((Impact.NONE, *said, *measured), key=list(Impact).index)

    def stale(self) -> "Snapshot":
        """The same, as what was known last."""
        return replace(self, is_stale=True)


_WEIGHT: Final = {Kind.API: Impact.CRITICAL, Kind.ACCOUNT: Impact.MAJOR, Kind.SOURCE: Impact.MINOR}
_HINDERED: Final = {Impact.MINOR: Now.DEGRADED, Impact.MAJOR: Now.PARTIAL, Impact.CRITICAL: Now.MAJOR}


Days = Mapping[str, Mapping[date, Counts]]
"""The days of components, by their ids."""


def past_days(connection: Connection, components: Sequence[Component], *, now: datetime) -> Days:
    """The days that are shown: of sources more than a year, of the others all. Those before yesterday hardly change."""
    own = [component.id for component in components if component.group is None]
    return store.days_since(connection, day_of(now) - timedelta(days=_DAYS_READ), also=own)


def take(
    connection: Connection,
    components: Sequence[Component],
    *,
    seconds: float,
    now: datetime,
    past: Days | None = None,
) -> Snapshot:
    """Read all that is shown now; but for yesterday and today, days are those of `past` if it is given."""
    past = past_days(connection, components, now=now) if past is None else past
    recent = store.days_since(connection, day_of(now) - timedelta(days=1))
    since = minute_of(now, seconds) - timedelta(seconds=seconds * _OLD_MINUTES)
    latest = {id_: list(states.values())[-1] for id_, states in store.states_since(connection, since).items()}
    published = incidents.listed(connection, incidents.Kind.INCIDENT, now=now)
    planned = incidents.listed(connection, incidents.Kind.MAINTENANCE, now=now)
    shown = []
    for component in components:
        own_days = {**past.get(component.id, {}), **recent.get(component.id, {})}
        state = now_of(component, latest.get(component.id), published, planned, now)
        shown.append(Shown(component, state, own_days, next(iter(own_days), None)))
    return Snapshot(
        at=now,
        measured_at=store.last_minute(connection),
        seconds=seconds,
        components=tuple(shown),
        incidents=tuple(published),
        maintenances=tuple(planned),
    )


def now_of(
    component: Component,
    latest: State | None,
    published: Sequence[Incident],
    planned: Sequence[Incident],
    now: datetime,
) -> Now:
    """The state of a component: what was measured last, or what a person says of trouble that no measure has found."""
    if latest is State.MAINTENANCE or any(
        component.id in each.components and each.is_planned_at(now) for each in planned
    ):
        return Now.MAINTENANCE
    if latest is State.BAD:
        return Now.MAJOR
    said = [
        _HINDERED[each.impact]
        for each in published
        if each.trouble is None
        and component.id in each.components
        and each.progress in (Progress.INVESTIGATING, Progress.IDENTIFIED)
        and each.impact in _HINDERED
    ]
    if said:
        return max(said, key=list(Now).index)
    return Now.OPERATIONAL if latest is State.GOOD else Now.UNKNOWN
