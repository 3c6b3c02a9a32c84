"""Applies again what was kept: bodies are read as they would be now, habilitations made what their events say.

What stands already is not changed, and nobody is told. What a body said before, and would say no more, is kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, update

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.applying import columns_of, refold, take_turn
from apientreprise_gateway.accounts.events import Subject, Told
from apientreprise_gateway.accounts.model import Habilitation, ProductKey, Role, Token, User
from apientreprise_gateway.accounts.reading import READERS, NoJsonError, read
from apientreprise_gateway.database.accounts import events
from apientreprise_gateway.database.engine import reading, writing

_BATCH: Final = 200
"""Bodies that are read in a transaction; each may have megabytes."""
_State = tuple[Habilitation, list[Token], dict[Role, User]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A habilitation whose events were applied again."""

    subject: Subject
    changed: bool


def reread(engine: Engine, *, event: int | None = None, since: datetime | None = None) -> int:
    """Read again the bodies of events that meant nothing when they came; how many mean something now."""
    found, after = 0, 0
    while True:
        with writing(engine) as connection:
            query = select(events.c.id, events.c.source, events.c.product, events.c.arrived_at, events.c.body).where(
                events.c.external_id.is_(None), events.c.body.is_not(None), events.c.id > after
            )
            if event is not None:
                query = query.where(events.c.id == event)
            if since is not None:
                query = query.where(events.c.arrived_at >= since)
            rows = connection.execute(query.order_by(events.c.id).limit(_BATCH)).all()
            found += sum(_reread(connection, row) for row in rows)
        if len(rows) < _BATCH:
            return found
        after = rows[-1].id


def _reread(connection: Connection, row: Any) -> bool:
    """Keep what a body says now, if that is something."""
    said = _told(row, ProductKey(row.product))
    if said is not None:
        connection.execute(update(events).where(events.c.id == row.id).values(columns_of(said)))
    return said is not None


def _told(row: Any, product: ProductKey) -> Told | None:
    """What a body says; None for one that means nothing, or cannot be read."""
    if row.source not in READERS:
        return None
    try:
        said = read(row.source, row.body, product, row.arrived_at)
    except NoJsonError:
        return None
    return said if isinstance(said, Told) else None


def replay(
    engine: Engine, now: datetime, *, event: int | None = None, since: datetime | None = None
) -> Iterator[Replayed]:
    """Apply all events of habilitations again, each habilitation in a transaction.

    Args:
        engine: of the database.
        now: the present.
        event: the number of an event, for its habilitation alone.
        since: only habilitations of which something came since then.
    """
    for subject in _subjects(engine, event=event, since=since):
        with writing(engine) as connection:
            take_turn(connection, subject)
            before = _state(connection, subject)
            _renew_facts(connection, subject)
            refold(connection, subject, now)
            changed = _state(connection, subject) != before
        yield Replayed(subject=subject, changed=changed)


def _subjects(engine: Engine, *, event: int | None, since: datetime | None) -> list[Subject]:
    """In the order in which their first events came."""
    query = select(events.c.product, events.c.external_id).where(events.c.external_id.is_not(None))
    if event is not None:
        query = query.where(events.c.id == event)
    if since is not None:
        query = query.where(events.c.arrived_at >= since)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(events.c.id)).all()
    found = dict.fromkeys((product, external_id) for product, external_id in rows)
    return [Subject(product=ProductKey(product), external_id=external_id) for product, external_id in found]


def _renew_facts(connection: Connection, subject: Subject) -> None:
    """Have what is stored of each event be what its body says, as long as that is kept."""
    columns = events.c.id, events.c.source, events.c.body, events.c.arrived_at, events.c.facts
    query = select(*columns).where(
        events.c.product == subject.product.value,
        events.c.external_id == subject.external_id,
        events.c.body.is_not(None),
    )
    for row in connection.execute(query).all():
        said = _told(row, subject.product)
        if said is not None and said.external_id == subject.external_id and said.facts.as_json() != row.facts:
            connection.execute(update(events).where(events.c.id == row.id).values(facts=said.facts.as_json()))


def _state(connection: Connection, subject: Subject) -> _State:
    """All that a replay may change."""
    found = repository.habilitation_by_number(connection, subject.product, subject.external_id)
    if found is None:
        return None
    return found, repository.tokens_of(connection, found.id), repository.contacts(connection, found.id)
