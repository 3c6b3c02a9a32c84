"""What a request holds, and where it stands: its form as it was typed last, and what happened to it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.events import Told
from apientreprise_gateway.accounts.model import EventName, Habilitation, HabilitationState
from apientreprise_gateway.accounts.own_form import SOURCE, Form, Person
from apientreprise_gateway.accounts.reading import parse, read
from apientreprise_gateway.database.accounts import events

_WITH_FORM: Final = (EventName.CREATE, EventName.UPDATE, EventName.SUBMIT, EventName.APPROVE, EventName.REOPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happened to a request."""

    name: EventName
    at: datetime
    comment: str | None
    """What whoever examined it wrote; kept as long as bodies of webhooks are."""


def form_of(connection: Connection, habilitation: Habilitation) -> Form:
    """The form as it was typed last, where a request or an update is under way; else what is in force."""
    in_force = _form_in_force(connection, habilitation)
    if habilitation.state is HabilitationState.VALIDATED and not habilitation.reopened:
        return in_force
    query = (
        select(events.c.body)
        .where(
            events.c.product == habilitation.product.value,
            events.c.external_id == habilitation.external_id,
            events.c.source == SOURCE,
            events.c.name.in_(_WITH_FORM),
            events.c.body.is_not(None),
        )
        .order_by(events.c.fired_at.desc(), events.c.id.desc())
        .limit(1)
    )
    body = connection.scalar(query)
    said = parse(body) if body is not None else None
    form = said.get("form") if isinstance(said, dict) else None
    return replace(Form.from_json(form), applicant=in_force.applicant) if isinstance(form, dict) else in_force


def _form_in_force(connection: Connection, habilitation: Habilitation) -> Form:
    """The form that a habilitation would have been made of, as it is now."""
    details = habilitation.details
    columns = {
        "siret": habilitation.siret,
        "organization": repository.organization_name(connection, habilitation.siret or ""),
        "title": habilitation.title,
        "description": habilitation.description,
        "use_case": habilitation.use_case,
        "scopes": habilitation.scopes,
        "retention_months": str(details.get("retention_months", "")),
    }
    people = {
        role.value: {name: getattr(user, name) for name in Person.__dataclass_fields__}
        for role, user in repository.contacts(connection, habilitation.id).items()
    }
    return Form.from_json({**details, **columns, **people})


def history(connection: Connection, habilitation: Habilitation) -> list[Step]:
    """What happened to a request, in the order in which it happened."""
    columns = events.c.name, events.c.fired_at, events.c.source, events.c.body, events.c.arrived_at
    query = (
        select(*columns)
        .where(events.c.product == habilitation.product.value, events.c.external_id == habilitation.external_id)
        .order_by(events.c.fired_at, events.c.id)
    )
    found: list[Step] = []
    for row in connection.execute(query):
        reading = None if row.body is None else read(row.source, row.body, habilitation.product, row.arrived_at)
        comment = reading.comment if isinstance(reading, Told) else None
        found.append(Step(name=EventName(row.name), at=row.fired_at, comment=comment))
    return found


def stage_of(habilitation: Habilitation) -> HabilitationState:
    """Where the request stands, or its update if it has one."""
    update = habilitation.details.get("update")
    return HabilitationState(update) if habilitation.reopened and update else habilitation.state
