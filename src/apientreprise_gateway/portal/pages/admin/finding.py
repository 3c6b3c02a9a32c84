"""Finds people and habilitations for operators: by mail address, SIRET, number, or the `jti` of a token."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, func, or_, select

from apientreprise_gateway.accounts.model import HabilitationState
from apientreprise_gateway.database.accounts import bans, events, habilitations, roles, tokens, transfers, users
from apientreprise_gateway.database.serving import jobs, mails

MOST: Final = 50
"""Rows of each kind that a search shows."""
LISTED: Final = 200
_HABILITATION: Final = (
    habilitations.c.id,
    habilitations.c.product,
    habilitations.c.external_id,
    habilitations.c.title,
    habilitations.c.siret,
    habilitations.c.state,
    habilitations.c.reopened,
    habilitations.c.submitted_at,
    habilitations.c.updated_at,
)
_PERSON: Final = (users.c.id, users.c.email, users.c.given_name, users.c.family_name, users.c.last_login_at)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found, rows with the columns above."""

    people: list[Any]
    habilitations: list[Any]
    token: str | None
    """The `jti`, if that is what was searched for."""


def search(connection: Connection, wanted: str) -> Found:
    """People by (a part of) their mail address or name, habilitations by number, SIRET or title, or a token."""
    text = wanted.strip()
    if len(text) < 2:
        return Found([], [], None)
    number = text.removeprefix("n°").strip()
    digits = "".join(text.split())
    found_habilitations = select(*_HABILITATION).where(
        or_(
            habilitations.c.external_id == number,
            habilitations.c.siret == digits,
            habilitations.c.siret.startswith(digits, autoescape=True)
            if digits.isdecimal()
            else habilitations.c.id == text,
            habilitations.c.title.icontains(text, autoescape=True),
        )
    )
    of_siret = (
        select(roles.c.user_id)
        .join(habilitations, habilitations.c.id == roles.c.habilitation_id)
        .where(or_(habilitations.c.siret == digits, habilitations.c.external_id == number))
    )
    found_people = select(*_PERSON).where(
        or_(
            users.c.email.icontains(text, autoescape=True),
            users.c.family_name.icontains(text, autoescape=True),
            users.c.id.in_(of_siret),
        )
    )
    return Found(
        list(connection.execute(found_people.order_by(users.c.email).limit(MOST))),
        list(connection.execute(found_habilitations.order_by(habilitations.c.updated_at.desc()).limit(MOST))),
        connection.scalar(select(tokens.c.id).where(tokens.c.id == text.lower())),
    )


def to_examine() -> "Select[Any]":
    """The requests of the portal that wait for an examination, the oldest first; those of DataPass wait there."""
    update = habilitations.c.details["update"].as_string()
    waiting = or_(
        habilitations.c.state == HabilitationState.SUBMITTED,
        habilitations.c.reopened & (update == HabilitationState.SUBMITTED.value),
    )
    query = select(*_HABILITATION).where(habilitations.c.source == "portal", waiting)
    return query.order_by(habilitations.c.submitted_at, habilitations.c.id)


def listed(connection: Connection, state: str, product: str) -> list[Any]:
    """Habilitations in a state, of a product; an empty word for any. The latest changed first."""
    query = select(*_HABILITATION)
    if state in set(HabilitationState):
        query = query.where(habilitations.c.state == state)
    if product:
        query = query.where(habilitations.c.product == product)
    return list(connection.execute(query.order_by(habilitations.c.updated_at.desc()).limit(LISTED)))


def counts(connection: Connection, now: datetime) -> dict[str, int]:
    """How much waits for an operator."""

    def count(query: "Select[Any]") -> int:
        return connection.scalar(select(func.count()).select_from(query.subquery())) or 0

    return {
        "requests": count(to_examine()),
        "transfers": count(select(transfers.c.id).where(transfers.c.state == "accepted", transfers.c.expires_at > now)),
        "bans": count(select(bans.c.id).where(bans.c.ends_at > now)),
        "mails": count(select(mails.c.id).where(mails.c.state == "failed")),
        "jobs": count(select(jobs.c.name).where(jobs.c.failures > 0)),
        "webhooks": count(select(events.c.id).where(events.c.external_id.is_(None))),
    }


def emails_of(connection: Connection, ids: "set[str]") -> dict[str, str]:
    """The mail addresses of people by their ids."""
    rows = connection.execute(select(users.c.id, users.c.email).where(users.c.id.in_(ids)))
    return {row.id: row.email for row in rows}
