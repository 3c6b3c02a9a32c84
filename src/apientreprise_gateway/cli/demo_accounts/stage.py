"""What the acts of a demonstration need: the database, and who and what was made before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson
from sqlalchemy import Connection, insert, select

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.applying import Delivery, receive
from apientreprise_gateway.accounts.form_checks import Catalogue
from apientreprise_gateway.accounts.mails import Seal
from apientreprise_gateway.accounts.model import Contact, Habilitation, ProductKey, Token, User
from apientreprise_gateway.accounts.reading import read
from apientreprise_gateway.database.accounts import identities, users
from apientreprise_gateway.sandbox.datapass.bodies import BODIES
from apientreprise_gateway.sandbox.datapass.requests import FictivePerson, FictiveRequest

ISSUER: Final = "https://proconnect.example"
"""Of the identities of a demonstration; nobody logs in there."""


@dataclass(kw_only=True)
class Stage:
    """The transaction that fills the accounts."""

    now: datetime
    """The present."""
    connection: Connection
    seal: Seal
    open: Callable[[bytes], bytes]
    """What opens what `seal` has sealed."""
    catalogues: Mapping[ProductKey, Catalogue]
    scopes: Mapping[tuple[ProductKey, str], tuple[str, ...]]
    """The rights that a use case needs."""
    ids: dict[str, str] = field(default_factory=dict)
    """Of habilitations and other things, by their keys."""

    def know(self, person: FictivePerson, now: datetime) -> None:
        """Make a person known."""
        contact = Contact(
            email=person.email,
            given_name=person.given_name,
            family_name=person.family_name,
            phone_number=person.phone_number,
            job_title=person.job,
        )
        repository.upsert_user(self.connection, contact, now)

    def identify(self, person: FictivePerson, siret: str, now: datetime) -> None:
        """Note that a person has logged in by ProConnect, which says of which body they are."""
        row = {"issuer": ISSUER, "subject": str(person.number), "user_id": self.uid(person), "siret": siret}
        self.connection.execute(insert(identities).values(row | {"created_at": now}))

    def user(self, person: FictivePerson) -> User:
        """A person who is known."""
        found = repository.user_by_email(self.connection, person.email)
        if found is None:
            raise LookupError("a person of the demonstration is not known yet")
        return found

    def uid(self, person: FictivePerson) -> str:
        """The id of a person who is known."""
        return str(self.connection.scalar(select(users.c.id).where(users.c.email == person.email)))

    def datapass(self, request: FictiveRequest, event: str, form: int, at: datetime) -> None:
        """Receive an event of DataPass."""
        product = ProductKey(request.product)
        body = orjson.dumps(BODIES[form](request, event, int(at.timestamp())))
        source = f"datapass-v{form}"
        reading = read(source, body, product, at)
        answer = receive(self.connection, Delivery(source=source, product=product, body=body, reading=reading), at)
        if answer.habilitation_id is not None:
            self.ids[str(request.number)] = answer.habilitation_id

    def habilitation(self, key: object) -> Habilitation:
        """One that was made before, by its number or key."""
        found = repository.habilitation(self.connection, self.ids[str(key)])
        if found is None:
            raise LookupError("a habilitation of the demonstration is not known yet")
        return found

    def token(self, key: object) -> Token:
        """The newest token of a habilitation."""
        return repository.tokens_of(self.connection, self.ids[str(key)])[0]
