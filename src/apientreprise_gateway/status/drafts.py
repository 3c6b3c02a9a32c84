"""Drafts of incidents: three bad minutes in a row open one, for all that is the same one's trouble together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from apientreprise_gateway.status import incidents
from apientreprise_gateway.status.components import OURS, Component, Kind
from apientreprise_gateway.status.incidents import Impact, Incident
from apientreprise_gateway.status.judging import State

BAD_MINUTES: Final = 3
"""Bad minutes in a row that open a draft; as many good ones say that it is over."""
_STALE: Final = timedelta(hours=1)
"""After which what comes again is something else."""
_LOOKS_BACK: Final = BAD_MINUTES + 2
"""Minutes that are looked at: one may have become bad after it was written."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A draft that was opened now."""

    id: str
    name: str
    components: tuple[Component, ...]
    since: datetime


def bad_since(states: Mapping[datetime, State], *, now: datetime, seconds: float) -> datetime | None:
    """The first of at least three bad minutes in a row that go on now, or did a minute ago; None without them."""
    length = timedelta(seconds=seconds)
    for last in (now, now - length):
        run = []
        moment = last
        while states.get(moment) is State.BAD:
            run.append(moment)
            moment -= length
        if len(run) >= BAD_MINUTES:
            return run[-1]
    return None


def is_over(states: Mapping[datetime, State], *, now: datetime, seconds: float) -> bool:
    """Whether the last three minutes were good, or announced maintenance."""
    latest = [states.get(now - place * timedelta(seconds=seconds)) for place in range(BAD_MINUTES)]
    return all(state in (State.GOOD, State.MAINTENANCE) for state in latest)


def looks_back(seconds: float) -> timedelta:
    """How far back minutes are looked at."""
    return _LOOKS_BACK * timedelta(seconds=seconds)


def keep_drafts(
    connection: Connection,
    components: Sequence[Component],
    states: Mapping[str, Mapping[datetime, State]],
    *,
    at: datetime,
    seconds: float,
    now: datetime,
) -> list[Opened]:
    """Open drafts for what has been bad, name what joined them, and note what is over.

    Args:
        connection: writes.
        components: all of them.
        states: the latest minutes of each component.
        at: the beginning of the last minute.
        seconds: the length of a minute.
        now: the moment of the acts.
    """
    going_on = incidents.open_incidents(connection, now=now)
    bad: dict[str, list[tuple[Component, datetime]]] = defaultdict(list)
    for component in components:
        since = bad_since(states.get(component.id, {}), now=at, seconds=seconds)
        if since is not None:
            bad[component.trouble].append((component, since))
    opened = []
    for trouble, found in bad.items():
        known = _of([each for each in going_on if not _is_left(each, now)], trouble, found)
        if known is None:
            opened.append(_open(connection, trouble, found, now))
        else:
            _join(connection, known, found)
    for each in going_on:
        over = [is_over(states.get(id_, {}), now=at, seconds=seconds) for id_ in each.components]
        if each.recovered_at is None and over and all(over):
            incidents.recover(connection, each.id, at=at)
    return opened


def _is_left(incident: Incident, now: datetime) -> bool:
    """Whether it is a draft that nobody published, of trouble that has been over for a while."""
    over = incident.recovered_at
    return incident.is_draft and over is not None and over < now - _STALE


def _of(going_on: Iterable[Incident], trouble: str, found: Sequence[tuple[Component, datetime]]) -> Incident | None:
    """The incident that trouble belongs to: of the same one, or one that a person has opened for these components."""
    ids = {component.id for component, _ in found}
    return next((each for each in going_on if each.trouble == trouble or ids & set(each.components)), None)


def _open(connection: Connection, trouble: str, found: Sequence[tuple[Component, datetime]], now: datetime) -> Opened:
    components = tuple(component for component, _ in found)
    since = min(moment for _, moment in found)
    name = _name(components)
    id_ = incidents.open_draft(
        connection,
        name=name,
        impact=Impact.CRITICAL if trouble == OURS else Impact.MAJOR,
        components=[component.id for component in components],
        started_at=since,
        now=now,
        trouble=trouble,
    )
    return Opened(id_, name, components, since)


def _name(components: Sequence[Component]) -> str:
    first = components[0]
    if first.kind is Kind.SOURCE and len(components) > 1:
        return f"{first.group} : sources indisponibles"
    names = " et ".join(component.name for component in components)
    return f"{names} : {'source indisponible' if first.kind is Kind.SOURCE else 'service perturbé'}"


def _join(connection: Connection, known: Incident, found: Sequence[tuple[Component, datetime]]) -> None:
    """A draft names what joins it; what was published says what a person has said."""
    ids = {component.id for component, _ in found}
    named = set(known.components)
    if (known.is_draft and ids - named) or known.recovered_at is not None:
        incidents.extend(connection, known.id, named | ids if known.is_draft else named)
