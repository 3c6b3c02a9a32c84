"""Accounts as they are stored: habilitations, their people and their tokens, read and found.

Each function works in the transaction of its caller. What changes a habilitation is in `applying`, what changes a token
in `tokens`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, RowMapping, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from apientreprise_gateway.accounts.model import (
    Contact,
    Habilitation,
    HabilitationState,
    ProductKey,
    Role,
    Token,
    User,
)
from apientreprise_gateway.database.accounts import habilitations, organizations, roles, tokens, users
from apientreprise_gateway.database.engine import is_postgresql

_OF_HABILITATION: Final = tuple(habilitations.c[field.name] for field in fields(Habilitation))
_OF_TOKEN: Final = tuple(tokens.c[field.name] for field in fields(Token))
_OF_USER: Final = tuple(users.c[field.name] for field in fields(User))


def habilitation(connection: Connection, habilitation_id: str) -> Habilitation | None:
    """The habilitation with this id of ours."""
    query = select(*_OF_HABILITATION).where(habilitations.c.id == habilitation_id)
    found = connection.execute(query).mappings().first()
    return None if found is None else _habilitation(found)


def habilitation_by_number(connection: Connection, product: ProductKey, external_id: str) -> Habilitation | None:
    """The habilitation that people know by this number."""
    query = select(*_OF_HABILITATION).where(
        habilitations.c.product == product, habilitations.c.external_id == external_id
    )
    found = connection.execute(query).mappings().first()
    return None if found is None else _habilitation(found)


def habilitations_of(connection: Connection, user_id: str) -> list[tuple[Habilitation, frozenset[Role]]]:
    """Every habilitation in which a person has a role, the newest first, with these roles."""
    query = (
        select(*_OF_HABILITATION, roles.c.role)
        .join(roles, roles.c.habilitation_id == habilitations.c.id)
        .where(roles.c.user_id == user_id)
        .order_by(habilitations.c.created_at.desc(), habilitations.c.id)
    )
    found: dict[str, tuple[Habilitation, set[Role]]] = {}
    for row in connection.execute(query).mappings():
        _, held = found.setdefault(row["id"], (_habilitation(row), set()))
        held.add(Role(row["role"]))
    return [(each, frozenset(held)) for each, held in found.values()]


def roles_of(connection: Connection, user_id: str, habilitation_id: str) -> frozenset[Role]:
    """What a person is to a habilitation; empty for nothing."""
    query = select(roles.c.role).where(roles.c.user_id == user_id, roles.c.habilitation_id == habilitation_id)
    return frozenset(map(Role, connection.scalars(query)))


def contacts(connection: Connection, habilitation_id: str) -> dict[Role, User]:
    """The people of a habilitation."""
    query = (
        select(*_OF_USER, roles.c.role)
        .join(roles, roles.c.user_id == users.c.id)
        .where(roles.c.habilitation_id == habilitation_id)
    )
    return {Role(row["role"]): _user(row) for row in connection.execute(query).mappings()}


def tokens_of(connection: Connection, habilitation_id: str) -> list[Token]:
    """Every token of a habilitation, the newest first."""
    query = (
        select(*_OF_TOKEN).where(tokens.c.habilitation_id == habilitation_id).order_by(tokens.c.iat.desc(), tokens.c.id)
    )
    return [token_of(row) for row in connection.execute(query).mappings()]


def tokens_of_all(connection: Connection, habilitation_ids: Iterable[str]) -> dict[str, list[Token]]:
    """The tokens of each of some habilitations, the newest first, by one query; those without a token are left out."""
    query = select(*_OF_TOKEN).where(tokens.c.habilitation_id.in_(list(habilitation_ids)))
    found: dict[str, list[Token]] = {}
    for row in connection.execute(query.order_by(tokens.c.iat.desc(), tokens.c.id)).mappings():
        found.setdefault(row["habilitation_id"], []).append(token_of(row))
    return found


def token(connection: Connection, jti: str) -> Token | None:
    """The token with this `jti`."""
    found = connection.execute(select(*_OF_TOKEN).where(tokens.c.id == jti)).mappings().first()
    return None if found is None else token_of(found)


def user(connection: Connection, user_id: str) -> User | None:
    """The person with this id."""
    found = connection.execute(select(*_OF_USER).where(users.c.id == user_id)).mappings().first()
    return None if found is None else _user(found)


def user_by_email(connection: Connection, email: str) -> User | None:
    """The person with this mail address, in any case of letters."""
    found = connection.execute(select(*_OF_USER).where(users.c.email == email.strip().lower())).mappings().first()
    return None if found is None else _user(found)


def upsert_user(connection: Connection, contact: Contact, now: datetime) -> User:
    """The person of this mail address, made if unknown; what the contact says of them replaces what was known."""
    said = {
        name: value
        for name in ("given_name", "family_name", "phone_number", "job_title")
        if (value := getattr(contact, name)) is not None
    }
    email = contact.email.strip().lower()
    dialect = postgresql if is_postgresql(connection) else sqlite
    row = {"id": str(uuid4()), "email": email, "created_at": now, "last_used_at": now, **said}
    inserted = dialect.insert(users).values(row).on_conflict_do_nothing(index_elements=["email"])
    if connection.scalar(inserted.returning(users.c.id)) is None:
        if said:
            connection.execute(update(users).where(users.c.email == email).values(**said))
        connection.execute(
            update(users).where(users.c.email == email, users.c.last_used_at < now).values(last_used_at=now)
        )
    found = user_by_email(connection, email)
    if found is None:
        raise LookupError("a person who was just stored is gone")
    return found


def replace_contacts(
    connection: Connection, habilitation_id: str, named: Mapping[Role, Contact], now: datetime
) -> dict[Role, User]:
    """Give the roles of a habilitation to these people, and to no others."""
    # In one order, so that two that name the same people do not wait for each other.
    known = {
        email: upsert_user(connection, contact, now)
        for email, contact in sorted({contact.email: contact for contact in named.values()}.items())
    }
    held = {role: known[contact.email] for role, contact in named.items()}
    connection.execute(delete(roles).where(roles.c.habilitation_id == habilitation_id))
    if held:
        connection.execute(
            roles.insert(),
            [{"habilitation_id": habilitation_id, "role": role, "user_id": person.id} for role, person in held.items()],
        )
    return held


def upsert_organization(connection: Connection, siret: str, name: str | None, now: datetime) -> None:
    """Know an establishment; a name replaces the one before."""
    dialect = postgresql if is_postgresql(connection) else sqlite
    values = {"siret": siret, "name": name, "refreshed_at": None if name is None else now}
    statement = dialect.insert(organizations).values(values)
    if name is None:
        connection.execute(statement.on_conflict_do_nothing(index_elements=["siret"]))
        return
    renewed = {"name": name, "refreshed_at": now}
    connection.execute(statement.on_conflict_do_update(index_elements=["siret"], set_=renewed))


def organization_name(connection: Connection, siret: str) -> str | None:
    """What an establishment is called, where that is known."""
    found: str | None = connection.scalar(select(organizations.c.name).where(organizations.c.siret == siret))
    return found


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(map(str, values))


def _habilitation(row: RowMapping) -> Habilitation:
    values = {field.name: row[field.name] for field in fields(Habilitation)}
    return Habilitation(
        **values
        | {
            "product": ProductKey(row["product"]),
            "state": HabilitationState(row["state"]),
            "scopes": _texts(row["scopes"]),
            "modalities": _texts(row["modalities"]),
        }
    )


def token_of(row: RowMapping) -> Token:
    """The token in a row that has its columns."""
    narrowed = row["narrowed_scopes"]
    values = {field.name: row[field.name] for field in fields(Token)}
    return Token(
        **values | {"scopes": _texts(row["scopes"]), "narrowed_scopes": None if narrowed is None else _texts(narrowed)}
    )


def _user(row: RowMapping) -> User:
    return User(**{field.name: row[field.name] for field in fields(User)})
