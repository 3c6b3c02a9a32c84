"""Accounts for tests: people, habilitations and tokens as rows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, insert

from apientreprise_gateway.accounts.model import Habilitation, HabilitationState, ProductKey, Role
from apientreprise_gateway.database.accounts import habilitations, roles, users

NOW = datetime(2026, 3, 2, 12, 30, 15, tzinfo=UTC)
SIRET = "13002526500013"
_numbers = count(1)


def add_user(connection: Connection, email: str | None = None, **more: Any) -> str:
    """A person; the id."""
    name = str(uuid4())
    email = email or f"personne{next(_numbers)}@mairie.example"
    values = {"id": name, "email": email, "created_at": NOW, "last_used_at": NOW, "given_name": "Camille"} | more
    connection.execute(insert(users).values(values))
    return name


def add_habilitation(
    connection: Connection,
    people: Mapping[Role, str] | None = None,
    *,
    scopes: Sequence[str] = ("unites_legales_etablissements_insee", "associations_djepva"),
    state: HabilitationState = HabilitationState.VALIDATED,
    **more: Any,
) -> Habilitation:
    """A habilitation with the people of its roles (ids of users)."""
    given: dict[str, Any] = {
        "id": str(UUID(int=next(_numbers) + (4 << 76) + (8 << 60))),
        "product": ProductKey.ENTREPRISE,
        "source": "datapass",
        "external_id": str(next(_numbers)),
        "public_id": None,
        "siret": SIRET,
        "title": "Marchés publics de la mairie",
        "description": None,
        "form_uid": None,
        "use_case": None,
        "state": state,
        "scopes": tuple(scopes),
        "modalities": ("params",),
        "reopened": False,
        "details": {},
        "created_at": NOW,
        "first_submitted_at": NOW,
        "submitted_at": NOW,
        "validated_at": NOW if state is HabilitationState.VALIDATED else None,
        "ended_at": None,
        "updated_at": NOW,
        "replaces": None,
    } | more
    row = given | {"scopes": list(given["scopes"]), "modalities": list(given["modalities"])}
    connection.execute(insert(habilitations).values(row))
    for role, user_id in (people or {}).items():
        connection.execute(insert(roles).values(habilitation_id=given["id"], role=role, user_id=user_id))
    return Habilitation(**given)
