"""Minutes and days in the database. The first to write a minute of a component counts, and adds it to its day.

Minutes are kept 90 days, days for ever.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from apientreprise_gateway.database.engine import is_postgresql
from apientreprise_gateway.database.status import days, minutes
from apientreprise_gateway.status.availability import Counts
from apientreprise_gateway.status.judging import Cause, State
from apientreprise_gateway.status.periods import day_of

KEPT: Final = timedelta(days=90)
_CORRECTED: Final = (State.GOOD, State.UNKNOWN)
"""What a minute may have been taken for before its answers were counted."""


def insert_for(connection: Connection, table: Any) -> Any:
    """An INSERT of the connection's kind of database, which knows ON CONFLICT."""
    return (postgresql if is_postgresql(connection) else sqlite).insert(table)


def write_minute(connection: Connection, at: datetime, states: Mapping[str, State]) -> set[str]:
    """Write the states of components in a minute; returns those components that had none there yet."""
    rows = [
        {
            "at": at,
            "component": component,
            "state": state.value,
            "cause": Cause.PROBE.value if state is State.BAD else None,
        }
        for component, state in sorted(states.items())
    ]
    if not rows:
        return set()
    statement = insert_for(connection, minutes).values(rows)
    statement = statement.on_conflict_do_nothing(index_elements=["at", "component"])
    written = set(connection.scalars(statement.returning(minutes.c.component)))
    _count(connection, day_of(at), {component: Counter({states[component]: 1}) for component in written})
    return written


def condemn(connection: Connection, at: datetime, components: Iterable[str]) -> set[str]:
    """Make minutes bad whose answers say so; returns those that were not. A minute that nobody asked in stays away."""
    changed: dict[str, Counter[State]] = {}
    for component in sorted(components):
        for before in _CORRECTED:
            done = connection.execute(
                update(minutes)
                .where(minutes.c.at == at, minutes.c.component == component, minutes.c.state == before.value)
                .values(state=State.BAD.value, cause=Cause.ANSWERS.value)
            )
            if done.rowcount:
                changed[component] = Counter({before: -1, State.BAD: 1})
    _count(connection, day_of(at), changed)
    return set(changed)


def _count(connection: Connection, day: date, changes: Mapping[str, Counter[State]]) -> None:
    rows = [
        {"day": day, "component": component, **{state.value: change[state] for state in State}}
        for component, change in sorted(changes.items())
    ]
    if not rows:
        return
    statement = insert_for(connection, days).values(rows)
    sums = {state.value: days.c[state.value] + statement.excluded[state.value] for state in State}
    connection.execute(statement.on_conflict_do_update(index_elements=["day", "component"], set_=sums))


def forget(connection: Connection, *, now: datetime) -> int:
    """Delete the minutes whose time is over; returns their number."""
    return connection.execute(minutes.delete().where(minutes.c.at < now - KEPT)).rowcount


def states_since(connection: Connection, since: datetime) -> dict[str, dict[datetime, State]]:
    """The minutes of each component from a moment on, in the order of time."""
    found: dict[str, dict[datetime, State]] = defaultdict(dict)
    query = select(minutes.c.component, minutes.c.at, minutes.c.state).where(minutes.c.at >= since)
    for component, at, state in connection.execute(query.order_by(minutes.c.at)):
        found[component][at] = State(state)
    return dict(found)


def last_minute(connection: Connection) -> datetime | None:
    """The beginning of the last minute that was measured."""
    found: datetime | None = connection.scalar(select(func.max(minutes.c.at)))
    return found


def days_since(connection: Connection, since: date, *, also: Iterable[str] = ()) -> dict[str, dict[date, Counts]]:
    """The days of each component from one on, in their order; of those in `also` all days that there are."""
    found: dict[str, dict[date, Counts]] = defaultdict(dict)
    query = select(days).where((days.c.day >= since) | days.c.component.in_(list(also))).order_by(days.c.day)
    for row in connection.execute(query):
        found[row.component][row.day] = Counts(row.good, row.bad, row.unknown, row.maintenance)
    return dict(found)
