"""What became of a habilitation, written to its row and to the roles of its people."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.events import People, Subject, Told
from apientreprise_gateway.accounts.folding import PARAMETERS, Outcome
from apientreprise_gateway.accounts.model import OVER, Habilitation, HabilitationState, ProductKey
from apientreprise_gateway.accounts.own_form import OTHERS
from apientreprise_gateway.accounts.reading import NoJsonError, read
from apientreprise_gateway.database.accounts import events, habilitations


def write(
    connection: Connection,
    subject: Subject,
    outcome: Outcome,
    *,
    known: Habilitation | None,
    now: datetime,
    source: str,
    is_new: bool,
    new_people: bool,
) -> Habilitation:
    """Write an outcome where it differs from what is stored; returns the habilitation as it is then.

    Args:
        connection: a transaction that writes.
        subject: what the habilitation is called.
        outcome: what became of it.
        known: the habilitation as it is stored; None where it is not.
        now: the present.
        source: who tells of it, `datapass` or `portal`.
        is_new: whether an event is applied for the first time.
        new_people: whether another event than before says who its people are.
    """
    is_over = known is not None and outcome.state in OVER
    # The people of what is over may have been erased since.
    people = None if is_over and not new_people else _people(connection, outcome, subject.product)
    values = _values(outcome, subject, source) | {"details": _details(outcome, people, known)}
    if known is None:
        row = {"id": str(uuid4()), "product": subject.product.value, "external_id": subject.external_id}
        connection.execute(insert(habilitations).values(**row, **values, updated_at=now))
    elif any(_plain(getattr(known, name)) != value for name, value in values.items()):
        changed = update(habilitations).where(habilitations.c.id == known.id)
        connection.execute(changed.values(**values, updated_at=now))
    written = repository.habilitation_by_number(connection, subject.product, subject.external_id)
    if written is None:
        raise LookupError("a habilitation that was just stored is gone")
    if people is not None:
        _write_people(connection, written.id, people, now, is_news=new_people)
    if written.siret is not None:
        known_name = repository.organization_name(connection, written.siret)
        if known_name is None or (is_new and known_name != outcome.facts.organization):
            repository.upsert_organization(connection, written.siret, outcome.facts.organization, now)
    return written


def _values(outcome: Outcome, subject: Subject, source: str) -> dict[str, Any]:
    """The columns that are folded, as they are stored."""
    facts = outcome.facts
    without = [PARAMETERS] if subject.product is ProductKey.PARTICULIER else []
    return {
        "source": source,
        "public_id": facts.public_id,
        "siret": facts.siret,
        "title": facts.title or f"Demande n°{subject.external_id}",
        "description": facts.description,
        "form_uid": facts.form_uid,
        "use_case": facts.use_case,
        "state": (outcome.state or HabilitationState.DRAFT).value,
        "scopes": list(facts.scopes or ()),
        "modalities": without if facts.modalities is None else list(facts.modalities),
        "reopened": outcome.reopened,
        "created_at": outcome.created_at,
        "first_submitted_at": outcome.first_submitted_at,
        "submitted_at": outcome.submitted_at,
        "validated_at": outcome.validated_at,
        "ended_at": outcome.ended_at,
        "replaces": facts.replaces or facts.copied_from,
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _details(outcome: Outcome, people: People | None, known: Habilitation | None) -> dict[str, Any]:
    """What is stored beside the columns; whom a body named that is gone stays."""
    if people is not None:
        return outcome.details | {name: dict(said) for name, said in people.others.items()}
    before = {} if known is None else known.details
    return outcome.details | {name: before[name] for name in OTHERS if name in before}


def _people(connection: Connection, outcome: Outcome, product: ProductKey) -> People | None:
    """Whom the event that counts names; None where nothing says it, or its body is gone."""
    if outcome.people_from is None:
        return None
    columns = events.c.body, events.c.source, events.c.arrived_at
    row = connection.execute(select(*columns).where(events.c.id == outcome.people_from)).one()
    if row.body is None:
        return None
    try:
        reading = read(row.source, row.body, product, row.arrived_at)
    except NoJsonError:
        return None
    return reading.people if isinstance(reading, Told) else None


def _write_people(
    connection: Connection, habilitation_id: str, people: People, now: datetime, *, is_news: bool
) -> None:
    """Give the roles to those who are named; what an old event says of them is older than what is known."""
    held = {role: user.email for role, user in repository.contacts(connection, habilitation_id).items()}
    if is_news or held != {role: contact.email for role, contact in people.contacts.items()}:
        repository.replace_contacts(connection, habilitation_id, people.contacts, now)
