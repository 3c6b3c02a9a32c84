"""Mails of the status page: links that confirm a subscription, news of incidents, drafts for operators.

They are queued in the transaction of the act that causes them. What a link opens is sealed in the row.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import orjson
from sqlalchemy import Connection, delete

from apientreprise_gateway.accounts.mail_queue import Mail, enqueue
from apientreprise_gateway.database.serving import mails
from apientreprise_gateway.portal.sealing import Sealer, SealError
from apientreprise_gateway.portal.statut.links import ON_PORTAL, ROOT
from apientreprise_gateway.status import subscriptions, words
from apientreprise_gateway.status.components import Component
from apientreprise_gateway.status.drafts import Opened
from apientreprise_gateway.status.incidents import Incident, Kind, Update
from apientreprise_gateway.status.subscriptions import Asked, Subscription

SUBSCRIPTIONS: Final = f"{ROOT}/abonnements"
CONFIRM: Final = f"{SUBSCRIPTIONS}/confirmer"
DRAFTS: Final = "/admin/statut/incidents"
_ABOUT: Final = "status_subscription"


def manage_path(secret: str) -> str:
    """Where a subscription is changed."""
    return f"{SUBSCRIPTIONS}/{secret}"


def end_path(secret: str) -> str:
    """Where a subscription is ended, with one click of a mail program as well."""
    return f"{manage_path(secret)}/fin"


def secret_of(connection: Connection, sealer: Sealer, subscription: Subscription | Asked) -> str:
    """The secret of the link that changes a subscription; another one if no key opens it any more."""
    try:
        return sealer.open(subscription.sealed).decode()
    except SealError:
        return subscriptions.renew_secret(connection, subscription.id, seal=sealer.seal)


def to_confirm(connection: Connection, sealer: Sealer, email: str, asked: Asked, *, now: datetime) -> bool:
    """Send the link that confirms a subscription; to an address that has one, the link that changes it."""
    if asked.confirmation is None:
        secret = secret_of(connection, sealer, asked)
        mail = Mail(
            kind="status_subscribed",
            key=f"{asked.id}|{now.isoformat()}",
            recipient=email,
            sealed=sealer.seal(orjson.dumps({"manage": manage_path(secret), "unsubscribe": end_path(secret)})),
            about=(_ABOUT, asked.id),
        )
        return enqueue(connection, mail, now=now)
    ends = now + subscriptions.CONFIRMED_WITHIN
    mail = Mail(
        kind="status_confirm",
        key=subscriptions.digest(asked.confirmation).hex(),
        recipient=email,
        data={"expires_at": ends.isoformat()},
        sealed=sealer.seal(orjson.dumps({"link": f"{CONFIRM}/{asked.confirmation}"})),
        about=(_ABOUT, asked.id),
        expires_at=ends,
    )
    return enqueue(connection, mail, now=now)


def news(
    connection: Connection,
    sealer: Sealer,
    incident: Incident,
    *,
    components: Iterable[Component],
    update: Update,
    now: datetime,
) -> int:
    """Tell those who asked for it of an update; returns how many."""
    names = [component.name for component in components if component.id in incident.components]
    data = {
        "what": words.KINDS[incident.kind],
        "name": incident.name,
        "progress": words.PROGRESS[update.state],
        "body": update.body,
        "components": names,
        "page": ON_PORTAL.incident(incident.id),
        "planned": _planned(incident),
    }
    told = 0
    for subscription in subscriptions.interested(connection, incident):
        secret = secret_of(connection, sealer, subscription)
        links = {"manage": manage_path(secret), "unsubscribe": end_path(secret)}
        mail = Mail(
            kind="status_news",
            key=update.id,
            recipient=subscription.email,
            data=data,
            sealed=sealer.seal(orjson.dumps(links)),
            about=(_ABOUT, subscription.id),
        )
        told += enqueue(connection, mail, now=now)
    return told


def _planned(incident: Incident) -> str | None:
    if incident.kind is not Kind.MAINTENANCE or incident.scheduled_for is None or incident.scheduled_until is None:
        return None
    return f"du {words.moment(incident.scheduled_for)} au {words.moment(incident.scheduled_until)}, heure de Paris"


def drafts(connection: Connection, operators: Sequence[str], opened: Sequence[Opened], now: datetime) -> None:
    """Tell operators of drafts that were opened."""
    for draft in opened:
        data = {
            "name": draft.name,
            "components": [component.name for component in draft.components],
            "since": draft.since.isoformat(),
            "page": f"{DRAFTS}/{draft.id}",
        }
        for operator in operators:
            enqueue(connection, Mail(kind="status_draft", key=draft.id, recipient=operator, data=data), now=now)


def withdraw(connection: Connection, subscription: Subscription) -> None:
    """Send nothing of what still waits for a subscription that has ended."""
    waiting = (mails.c.object_kind == _ABOUT, mails.c.object_id == subscription.id, mails.c.state == "queued")
    connection.execute(delete(mails).where(*waiting))
