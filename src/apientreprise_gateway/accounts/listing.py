"""Habilitations and tokens as rows of a table, for operators."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.model import Token
from apientreprise_gateway.database.accounts import habilitations as _habilitations
from apientreprise_gateway.database.accounts import roles, users
from apientreprise_gateway.database.accounts import tokens as _tokens


def habilitations(
    connection: Connection, *, state: str | None = None, siret: str | None = None, email: str | None = None
) -> list[dict[str, Any]]:
    """Habilitations, the newest first, with the number of their tokens."""
    table = _habilitations
    count = select(func.count()).where(_tokens.c.habilitation_id == table.c.id).scalar_subquery()
    columns = (table.c[name] for name in ("id", "product", "state", "siret", "title"))
    query = select(table.c.external_id.label("number"), *columns, count.label("tokens"))
    if state is not None:
        query = query.where(table.c.state == state)
    if siret is not None:
        query = query.where(table.c.siret == siret)
    if email is not None:
        theirs = select(roles.c.habilitation_id).join(users, users.c.id == roles.c.user_id)
        query = query.where(table.c.id.in_(theirs.where(users.c.email == email.strip().lower())))
    return [dict(row) for row in connection.execute(query.order_by(table.c.created_at.desc(), table.c.id)).mappings()]


def token_row(token: Token, now: datetime) -> dict[str, Any]:
    """A token: its state, its end, its calls."""
    return {
        "jti": token.id,
        "state": token.state(now).value,
        "issued": datetime.fromtimestamp(token.iat, token.ends_at.tzinfo).isoformat(),
        "expires": token.ends_at.isoformat(),
        "revoked": _text(token.revoked_at),
        "first_call": _text(token.first_call_at),
        "last_call": _text(token.last_call_at),
        "replaces": token.replaces,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def tokens(
    connection: Connection, *, now: datetime, number: str | None = None, expired: bool = False
) -> list[dict[str, Any]]:
    """Tokens, those that end first at the top, with the number of their habilitation."""
    columns = (_tokens.c[field.name] for field in fields(Token))
    query = select(*columns, _habilitations.c.external_id).join(
        _habilitations, _habilitations.c.id == _tokens.c.habilitation_id
    )
    if number is not None:
        query = query.where(_habilitations.c.external_id == number)
    if not expired:
        query = query.where(_tokens.c.exp > int(now.timestamp()))
    rows = connection.execute(query.order_by(_tokens.c.exp, _tokens.c.id)).mappings()
    return [token_row(repository.token_of(row), now) | {"number": row["external_id"]} for row in rows]
