"""Deletes what accounts and portal keep no longer, in transactions of a bounded number of rows.

- `PORTAL_KEEP_CONTACTS_MONTHS` after their last use: people without a request or habilitation that goes on, their
  roles, the people named in the details of such habilitations, and attachments of those.
- `PORTAL_KEEP_ACTIVITY_MONTHS`: acts, ended transfers, links to tokens. Acts name people by an id, which says nothing
  once the person is gone.
- `PORTAL_KEEP_WEBHOOKS_MONTHS`: bodies of webhooks.
- 30 days: mails that were sent, dropped or given up, with their addresses; ended bans.
- A day: ended sessions, links to log in, logins on their way, tries.

Every purge is a row of `account_purges`.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    delete,
    exists,
    insert,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from apientreprise_gateway.accounts.model import OVER, HabilitationState
from apientreprise_gateway.database import accounts as tables
from apientreprise_gateway.database import serving
from apientreprise_gateway.database.engine import writing

BATCH_ROWS: Final = 1000
MAIL_DAYS: Final = 30
BAN_DAYS: Final = 30
ENDED_DAYS: Final = 1
PERSONAL_DETAILS: Final = ("dpo", "controller")
"""Parts of a habilitation's details that name people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """For how many months things are kept."""

    contacts: int
    activity: int
    webhooks: int


Step = Callable[[Connection], int]
"""Deletes a bounded number of rows, and says how many."""


def purge(engine: Engine, kept: Kept, now: datetime, *, batch: int = BATCH_ROWS) -> dict[str, int]:
    """Delete what is past its time; returns the rows of each kind, where there were some.

    Raises:
        DatabaseError: the database cannot be used; batches before are deleted.
    """
    done: dict[str, int] = {}
    for what, step in _steps(kept, now, batch):
        total, row_id = 0, None
        while True:
            with writing(engine) as connection:
                found = step(connection)
                total += found
                if found:
                    row_id = _note(connection, row_id, what, total, now)
            if found < batch:
                break
        if total:
            done[what] = total
    return done


def _note(connection: Connection, row_id: int | None, what: str, rows: int, now: datetime) -> int:
    """Write how many rows a purge has deleted so far, with the batch itself."""
    purges = tables.account_purges
    if row_id is None:
        statement = insert(purges).values(at=now, what=what, rows=rows).returning(purges.c.id)
        return int(connection.execute(statement).scalar_one())
    connection.execute(update(purges).where(purges.c.id == row_id).values(rows=rows))
    return row_id


def _steps(kept: Kept, now: datetime, batch: int) -> Iterator[tuple[str, Step]]:
    contacts = _before(now, kept.contacts)
    activity = _before(now, kept.activity)
    webhooks = _before(now, kept.webhooks)
    ended = now - timedelta(days=ENDED_DAYS)
    events = tables.events.c
    yield "activity", _deletes(tables.activity, tables.activity.c.at < activity, batch)
    yield (
        "webhook_bodies",
        _empties(tables.events, and_(events.body.is_not(None), events.arrived_at < webhooks), {"body": None}, batch),
    )
    yield "transfers", _deletes(tables.transfers, tables.transfers.c.ended_at < activity, batch)
    yield "hand_overs", _deletes(tables.hand_overs, tables.hand_overs.c.expires_at < activity, batch)
    yield (
        "attachments",
        _deletes(tables.attachments, tables.attachments.c.habilitation_id.in_(_forgotten(contacts)), batch),
    )
    yield "habilitation_contacts", lambda connection: _forget_details(connection, contacts, batch)
    yield "roles", _deletes(tables.roles, _is_idle_role(contacts), batch)
    yield "contacts", _deletes(tables.users, _is_idle(contacts), batch)
    yield "bans", _deletes(tables.bans, tables.bans.c.ends_at < now - timedelta(days=BAN_DAYS), batch)
    yield "mails", _deletes(serving.mails, serving.mails.c.ended_at < now - timedelta(days=MAIL_DAYS), batch)
    for table in (serving.sessions, serving.login_links, serving.login_attempts):
        yield table.name, _deletes(table, table.c.expires_at < ended, batch)
    yield "tries", _deletes(serving.tries, serving.tries.c.at < ended, batch)


def _before(moment: datetime, months: int) -> datetime:
    """The same day some months earlier, or the last day of a month that is shorter."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def _chosen(table: Table, condition: ColumnElement[bool], batch: int) -> ColumnElement[bool]:
    """Some of the rows that meet a condition."""
    key = list(table.primary_key.columns)
    if len(key) == 1:
        return key[0].in_(select(key[0]).where(condition).limit(batch))
    return tuple_(*key).in_(select(*key).where(condition).limit(batch))


def _deletes(table: Table, condition: ColumnElement[bool], batch: int) -> Step:
    return lambda connection: connection.execute(delete(table).where(_chosen(table, condition, batch))).rowcount


def _empties(table: Table, condition: ColumnElement[bool], values: dict[str, Any], batch: int) -> Step:
    statement = update(table).where(_chosen(table, condition, batch)).values(values)
    return lambda connection: connection.execute(statement).rowcount


def _is_over(before: datetime) -> ColumnElement[bool]:
    """Whether a habilitation ended, or was left unfinished, before a moment."""
    state = tables.habilitations.c.state
    return and_(
        or_(state.in_(OVER), state.in_((HabilitationState.DRAFT, HabilitationState.CHANGES_REQUESTED))),
        tables.habilitations.c.updated_at < before,
    )


def _forgotten(before: datetime) -> Any:
    return select(tables.habilitations.c.id).where(_is_over(before))


def _is_idle_role(before: datetime) -> ColumnElement[bool]:
    """Whether a role is one in a habilitation that was over before a moment, of a person not seen since."""
    seen = exists().where(tables.users.c.id == tables.roles.c.user_id, tables.users.c.last_used_at >= before)
    return and_(tables.roles.c.habilitation_id.in_(_forgotten(before)), not_(seen))


def _is_idle(before: datetime) -> ColumnElement[bool]:
    """Whether a person was not seen since a moment, and has no role; those that were over are gone by then."""
    has_role = exists().where(tables.roles.c.user_id == tables.users.c.id)
    return and_(tables.users.c.last_used_at < before, not_(has_role))


def _forget_details(connection: Connection, before: datetime, batch: int) -> int:
    """Take the people out of the details of habilitations that were over before a moment."""
    table = tables.habilitations
    names = [table.c.details[name].as_string().is_not(None) for name in PERSONAL_DETAILS]
    query = select(table.c.id, table.c.details).where(_is_over(before), or_(*names)).limit(batch)
    found = connection.execute(query).all()
    for row in found:
        details = {name: value for name, value in row.details.items() if name not in PERSONAL_DETAILS}
        connection.execute(update(table).where(table.c.id == row.id).values(details=details))
    return len(found)
