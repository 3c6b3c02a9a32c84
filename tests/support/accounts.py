"""Habilitations with people and tokens, put into a database for tests of pages."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, update

from apientreprise_gateway.accounts import repository, tokens
from apientreprise_gateway.accounts.model import Contact, Habilitation, Role, Token
from apientreprise_gateway.database.accounts import habilitations
from apientreprise_gateway.database.accounts import tokens as token_rows
from apientreprise_gateway.database.tables import calls, calls_by_hour, calls_by_minute

APPLICANT = "camille@mairie.test"
TECHNICAL = "sacha@editeur.test"
BUSINESS = "noa@mairie.test"
PEOPLE = {
    Role.APPLICANT: Contact(email=APPLICANT, given_name="Camille", family_name="Martin"),
    Role.TECHNICAL_CONTACT: Contact(email=TECHNICAL, given_name="Sacha", family_name="Petit"),
    Role.BUSINESS_CONTACT: Contact(email=BUSINESS, given_name="Noa", family_name="Durand"),
}
SIRET = "21750001600019"
_NUMBERS = count(100_001)
"""Numbers of requests, none twice, and none that a test gives itself."""


@dataclass(frozen=True, slots=True)
class Known:
    """A habilitation in force and its token."""

    habilitation: Habilitation
    token: Token

    @property
    def path(self) -> str:
        """The page of the habilitation."""
        return f"/compte/demandes/{self.habilitation.id}"

    @property
    def token_path(self) -> str:
        """The page of the token."""
        return f"/compte/jetons/{self.token.id}"


def add_habilitation(connection: Connection, now: datetime, **changes: Any) -> Habilitation:
    """A habilitation with the three people, in force unless the changes say otherwise."""
    values: dict[str, Any] = {
        "id": str(uuid4()),
        "product": "entreprise",
        "source": "datapass",
        "external_id": str(next(_NUMBERS)),
        "siret": SIRET,
        "title": "Marchés publics de la ville",
        "state": "validated",
        "scopes": ["unites_legales_etablissements_insee", "attestation_fiscale_dgfip"],
        "modalities": ["params"],
        "reopened": False,
        "details": {},
        "created_at": now,
        "first_submitted_at": now,
        "submitted_at": now,
        "validated_at": now,
        "updated_at": now,
    }
    people = changes.pop("people", PEOPLE)
    known = {field.name for field in fields(Habilitation)}
    row: dict[str, Any] = dict.fromkeys(known) | values | changes
    connection.execute(insert(habilitations).values(row))
    repository.replace_contacts(connection, row["id"], people, now)
    found = repository.habilitation(connection, row["id"])
    assert found is not None
    return found


def add_known(connection: Connection, now: datetime, *, called: bool = False, **changes: Any) -> Known:
    """A habilitation and a token of it, which was called or not."""
    habilitation = add_habilitation(connection, now, **changes)
    token = tokens.make(connection, habilitation, now=now - timedelta(days=10))
    if called:
        connection.execute(
            update(token_rows).where(token_rows.c.id == token.id).values(first_call_at=now, last_call_at=now)
        )
    found = repository.token(connection, token.id)
    assert found is not None
    return Known(habilitation, found)


def add_call(connection: Connection, jti: str, time: datetime, *, status: int = 200, **changes: Any) -> str:
    """A call of a token, counted as the journal counts it; returns its request id."""
    row: dict[str, Any] = {
        "event": "access",
        "time": time,
        "request_id": str(uuid4()),
        "operation": "api_entreprise_v3_insee_unite_legale",
        "identifier": "130025265",
        "jti": jti,
        "client_ip": "192.0.2.9",
        "status": status,
        "codes": '["00429"]' if status == 429 else None,
        "cached": False,
        "seconds": 0.12,
        "line_key": uuid4().bytes,
        "batch": 1,
    } | changes
    connection.execute(insert(calls).values(row))
    kind = "refused" if status in (401, 403, 429) else f"{status // 100}xx"
    minute = time.replace(second=0, microsecond=0)
    for table, at, more in (
        (calls_by_minute, minute, {}),
        (calls_by_hour, minute.replace(minute=0), {"cached": False}),
    ):
        key = {"at": at, "jti": jti, "class": kind, **more}
        where = [table.c[name] == value for name, value in key.items()]
        if connection.execute(update(table).where(*where).values(calls=table.c.calls + 1)).rowcount == 0:
            connection.execute(insert(table).values(**key, calls=1))
    return str(row["request_id"])
