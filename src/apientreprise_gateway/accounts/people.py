"""All that is known of a person: given out, and erased as far as it may be.

Somebody is known by their mail address: in an account, its roles, mails, sessions, links, transfers and subscriptions,
in the details of habilitations, and in the bodies of webhooks. What an account still needs stays, and the reason is
said: a role in a habilitation that goes on, bodies of webhooks until their months are over. The log of acts names
people by an id, which says nothing once the account is gone.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, Text, and_, cast, delete, insert, or_, select, update

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.model import OVER, User
from apientreprise_gateway.accounts.retention import PERSONAL_DETAILS
from apientreprise_gateway.database import accounts as tables
from apientreprise_gateway.database.serving import login_links, mails, sessions
from apientreprise_gateway.database.status import subscriptions

_SECRET: Final = frozenset({"sha256", "csrf", "id_token", "sealed", "body", "data"})
"""Columns that open something, or that are of no meaning outside."""
_NOBODY: Final = ""


@dataclass(kw_only=True)
class Erasure:
    """What was erased, and what was not."""

    erased: dict[str, int] = field(default_factory=dict)
    """Rows, by what they were."""
    kept: list[str] = field(default_factory=list)
    """What stays, and why."""


def export(connection: Connection, email: str, *, now: datetime, by: str | None = None) -> dict[str, Any] | None:
    """All that is known of the person of a mail address, as JSON has it; None where nothing is. It is an act."""
    address = email.strip().lower()
    if "@" not in address:
        return None
    user = repository.user_by_email(connection, address)
    parts: dict[str, Sequence[Any]] = {
        "mails": _rows(connection, mails, _is_in_mail(address)),
        "login_links": _rows(connection, login_links, login_links.c.email == address),
        "hand_overs": _rows(connection, tables.hand_overs, _is_in_hand_over(address, user)),
        "transfers": _rows(connection, tables.transfers, _is_in_transfer(address, user)),
        "subscriptions": _rows(connection, subscriptions, subscriptions.c.email == address),
        "named_in_habilitations": _named_in(connection, address),
        "named_in_webhooks": _webhooks_of(connection, address),
    }
    if user is None and not any(parts.values()):
        return None
    account: dict[str, Any] = {"email": address, "account": None}
    if user is not None:
        account["account"] = _rows(connection, tables.users, tables.users.c.id == user.id)[0]
        account |= _of_account(connection, user)
        record(connection, "person.exported", at=now, user_id=by, about=("user", user.id))
    return account | parts


def _of_account(connection: Connection, user: User) -> dict[str, Any]:
    acted = or_(tables.activity.c.user_id == user.id, tables.activity.c.as_user_id == user.id)
    meant = and_(tables.activity.c.object_kind == "user", tables.activity.c.object_id == user.id)
    return {
        "identities": _rows(connection, tables.identities, tables.identities.c.user_id == user.id),
        "roles": [
            {"habilitation": each.id, "number": each.external_id, "title": each.title, "role": role.value}
            for each, held in repository.habilitations_of(connection, user.id)
            for role in sorted(held)
        ],
        "sessions": _rows(connection, sessions, sessions.c.user_id == user.id),
        "delegations": _rows(connection, tables.delegations, tables.delegations.c.by_user_id == user.id),
        "audit_notifications": _rows(
            connection, tables.audit_notifications, tables.audit_notifications.c.by == user.id
        ),
        "activity": _rows(connection, tables.activity, or_(acted, meant)),
    }


def erase(connection: Connection, email: str, *, now: datetime, by: str | None = None) -> Erasure | None:
    """Erase what may be erased of the person of a mail address; None where nobody is known by it.

    Each kind of rows that was erased is a row of `account_purges`.
    """
    address = email.strip().lower()
    if "@" not in address:
        return None
    user = repository.user_by_email(connection, address)
    done = Erasure()
    _erase_by_address(connection, address, user, done)
    if user is not None:
        _erase_account(connection, user, done, now=now, by=by)
    webhooks = len(_webhooks_of(connection, address))
    if webhooks:
        done.kept.append(f"{webhooks} bodies of webhooks: until PORTAL_KEEP_WEBHOOKS_MONTHS are over")
    if user is None and not done.erased and not done.kept:
        return None
    for what, rows in done.erased.items():
        connection.execute(insert(tables.account_purges).values(at=now, what=f"person: {what}", rows=rows))
    return done


def _erase_by_address(connection: Connection, address: str, user: User | None, done: Erasure) -> None:
    """Erase what holds the address beside the account."""
    ended = and_(_is_in_mail(address), mails.c.state != "queued")
    _delete(connection, mails, ended, done)
    _delete(connection, login_links, login_links.c.email == address, done)
    _delete(connection, subscriptions, subscriptions.c.email == address, done)
    over = tables.transfers.c.ended_at.is_not(None)
    _delete(connection, tables.transfers, and_(_is_in_transfer(address, user), over), done)
    links = tables.hand_overs.c.email == address
    _count(
        done, "hand_overs", connection.execute(update(tables.hand_overs).where(links).values(email=_NOBODY)).rowcount
    )
    queued = connection.execute(select(mails.c.id).where(_is_in_mail(address))).all()
    if queued:
        done.kept.append(f"{len(queued)} queued mails: erased once they are sent")
    for each in _named_in(connection, address):
        _forget_named(connection, each, done)


def _erase_account(connection: Connection, user: User, done: Erasure, *, now: datetime, by: str | None) -> None:
    over = select(tables.habilitations.c.id).where(tables.habilitations.c.state.in_(OVER))
    theirs = tables.roles.c.user_id == user.id
    _delete(connection, tables.roles, and_(theirs, tables.roles.c.habilitation_id.in_(over)), done)
    _delete(connection, sessions, sessions.c.user_id == user.id, done)
    _delete(connection, tables.identities, tables.identities.c.user_id == user.id, done)
    record(connection, "person.erased", at=now, user_id=by, about=("user", user.id), details=dict(done.erased))
    left = repository.habilitations_of(connection, user.id)
    if not left:
        _delete(connection, tables.users, tables.users.c.id == user.id, done)
        return
    for each, held in left:
        done.kept.append(f"the account: {', '.join(sorted(held))} of n°{each.external_id} ({each.state.value})")


def _forget_named(connection: Connection, named: dict[str, Any], done: Erasure) -> None:
    """Take the people out of the details of a habilitation that is over."""
    if named["state"] not in OVER:
        done.kept.append(f"details of n°{named['number']} ({named['state']}): the habilitation goes on")
        return
    where = tables.habilitations.c.id == named["habilitation"]
    details = connection.scalar(select(tables.habilitations.c.details).where(where)) or {}
    left = {name: value for name, value in details.items() if name not in PERSONAL_DETAILS}
    connection.execute(update(tables.habilitations).where(where).values(details=left))
    _count(done, "habilitation_contacts", 1)


def _delete(connection: Connection, table: Table, condition: ColumnElement[bool], done: Erasure) -> None:
    _count(done, table.name, connection.execute(delete(table).where(condition)).rowcount)


def _count(done: Erasure, what: str, rows: int) -> None:
    if rows:
        done.erased[what] = done.erased.get(what, 0) + rows


def _is_in_mail(address: str) -> ColumnElement[bool]:
    """Whether a mail goes to an address, also as a copy."""
    return or_(mails.c.recipient == address, cast(mails.c.copies, Text).contains(json.dumps(address), autoescape=True))


def _is_in_hand_over(address: str, user: User | None) -> ColumnElement[bool]:
    to = tables.hand_overs.c.email == address
    return to if user is None else or_(to, tables.hand_overs.c.by_user_id == user.id)


def _is_in_transfer(address: str, user: User | None) -> ColumnElement[bool]:
    takes = tables.transfers.c.email == address
    return takes if user is None else or_(takes, tables.transfers.c.from_user_id == user.id)


def _named_in(connection: Connection, address: str) -> list[dict[str, Any]]:
    """The habilitations whose details name an address."""
    found = tables.habilitations
    columns = select(found.c.id, found.c.external_id, found.c.state, found.c.details)
    query = columns.where(cast(found.c.details, Text).icontains(address, autoescape=True)).order_by(found.c.id)
    return [
        {"habilitation": row.id, "number": row.external_id, "state": row.state, "as": _parts(row.details, address)}
        for row in connection.execute(query)
    ]


def _parts(details: dict[str, Any], address: str) -> list[str]:
    """The parts of details that name an address."""
    return [name for name, value in details.items() if address in json.dumps(value, ensure_ascii=False).lower()]


def _webhooks_of(connection: Connection, address: str) -> list[dict[str, Any]]:
    """The kept bodies of webhooks that name an address."""
    events = tables.events
    query = select(events.c.id, events.c.name, events.c.external_id, events.c.arrived_at, events.c.body)
    rows = connection.execute(query.where(events.c.body.is_not(None)).execution_options(yield_per=200))
    return [
        {"event": row.id, "name": row.name, "number": row.external_id, "arrived_at": row.arrived_at.isoformat()}
        for row in rows
        if address.encode() in row.body.lower()
    ]


def _rows(connection: Connection, table: Table, condition: ColumnElement[bool]) -> list[dict[str, Any]]:
    columns = [column for column in table.columns if column.name not in _SECRET]
    query: Select[Any] = select(*columns).where(condition).order_by(*table.primary_key.columns)
    return [_plain(row.items()) for row in connection.execute(query).mappings()]


def _plain(items: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    return {str(name): value.isoformat() if isinstance(value, datetime) else value for name, value in items}
