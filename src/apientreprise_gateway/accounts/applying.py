"""Applies events to habilitations: one path for what DataPass sends and for what is done in the portal.

An event is kept as it came, once for each body; then the habilitation that it is about is made what all its events say
(`folding`). What people do to tokens here is on the tokens' rows, and no event takes it back.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import Connection, Row, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from apientreprise_gateway.accounts import mails, repository, stored
from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.events import Event, Facts, NotOurs, Reading, Subject, Told, Unreadable
from apientreprise_gateway.accounts.folding import Outcome, fold
from apientreprise_gateway.accounts.model import OVER, EventName, Habilitation, HabilitationState, ProductKey
from apientreprise_gateway.accounts.own_form import SOURCE as OWN
from apientreprise_gateway.accounts.tokens import make, narrow, revoke_all
from apientreprise_gateway.database.accounts import events, tokens
from apientreprise_gateway.database.engine import is_postgresql

OK: Final = 200
UNREADABLE: Final = 422
_JTIS: Final = UUID("6f0d5a52-6f6b-4f2e-9a35-0f9f6d0c7a11")
"""Of the names of tokens: that of a token says which approval made it, and is the same wherever it is made."""
_FAULT: Final = "fault"
REVOKED: Final = "Habilitation révoquée"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event as it came."""

    source: str
    product: ProductKey
    body: bytes
    reading: Reading
    by: str | None = None
    """The user who acted in the portal; None for DataPass."""

    @property
    def sha256(self) -> bytes:
        """What makes it the same delivery."""
        return hashlib.sha256(self.body).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the sender of an event is told."""

    status: int = OK
    body: Mapping[str, Any] = field(default_factory=dict)
    is_repeat: bool = False
    """Whether this body came before."""
    habilitation_id: str | None = None
    """Of the habilitation that the event was applied to, if it was now."""


def receive(
    connection: Connection, delivery: Delivery, now: datetime, *, reporters: mails.Reporters | None = None
) -> Answer:
    """Keep an event, and make its habilitation what it says; a body that came before gets its answer again."""
    reading = delivery.reading
    if isinstance(reading, Told):
        take_turn(connection, Subject(product=delivery.product, external_id=reading.external_id))
    number = _keep(connection, delivery, now) or _understand(connection, delivery, now)
    if number is None:
        return _repeated(connection, delivery.sha256)
    if not isinstance(reading, Told):
        return Answer(status=UNREADABLE if isinstance(reading, Unreadable) else OK)
    subject = Subject(product=delivery.product, external_id=reading.external_id)
    before = repository.habilitation_by_number(connection, subject.product, subject.external_id)
    folded = refold(connection, subject, now, news=number)
    if folded is None:
        return Answer()
    habilitation, outcome = folded
    token_id = _token_of(connection, habilitation, number) if reading.name is EventName.APPROVE else None
    body = {} if token_id is None else {"token_id": token_id}
    connection.execute(update(events).where(events.c.id == number).values(answer=body))
    details = {"event": number, "before": None if before is None else before.state.value}
    record(
        connection,
        f"habilitation.{reading.name.value}",
        at=now,
        user_id=delivery.by,
        about=("habilitation", habilitation.id),
        details=details,
    )
    if _is_news(outcome, number, reading.name):
        mails.for_event(
            connection,
            habilitation,
            reading.name,
            now,
            occasion=str(number),
            update=number in outcome.updates,
            comment=reading.comment,
            reporters=reporters,
        )
    return Answer(body=body, habilitation_id=habilitation.id)


def take_turn(connection: Connection, subject: Subject) -> None:
    """Wait for whoever changes the same habilitation, until the transaction ends; SQLite has one writer anyway."""
    if is_postgresql(connection):
        key = f"habilitation|{subject.product}|{subject.external_id}"
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def _keep(connection: Connection, delivery: Delivery, now: datetime) -> int | None:
    """Store an event; returns its number, None where the same body was stored before."""
    dialect = postgresql if is_postgresql(connection) else sqlite
    values = {
        "sha256": delivery.sha256,
        "source": delivery.source,
        "product": delivery.product.value,
        "arrived_at": now,
        "body": delivery.body,
        "answer": {},
        **columns_of(delivery.reading),
    }
    statement = dialect.insert(events).values(values).on_conflict_do_nothing(index_elements=["sha256"])
    number: int | None = connection.scalar(statement.returning(events.c.id))
    return number


def _understand(connection: Connection, delivery: Delivery, now: datetime) -> int | None:
    """Take what was kept without a meaning as if it came now, if it has one now; returns its number.

    It was sent to another path before, or could not be read then.
    """
    if not isinstance(delivery.reading, Told):
        return None
    meant_nothing = events.c.sha256 == delivery.sha256, events.c.external_id.is_(None)
    values = {"source": delivery.source, "product": delivery.product.value, "arrived_at": now}
    changed = update(events).where(*meant_nothing).values(**values, **columns_of(delivery.reading))
    number: int | None = connection.scalar(changed.returning(events.c.id))
    return number


def columns_of(reading: Reading) -> dict[str, Any]:
    """What is stored of an event beside its body."""
    match reading:
        case Told():
            return {
                "name": reading.name.value,
                "external_id": reading.external_id,
                "fired_at": reading.fired_at,
                "facts": reading.facts.as_json(),
            }
        case NotOurs():
            return {"name": reading.name, "external_id": None, "fired_at": None, "facts": {}}
        case Unreadable():
            return {"name": reading.name, "external_id": None, "fired_at": None, "facts": {_FAULT: reading.fault}}


def _repeated(connection: Connection, sha256: bytes) -> Answer:
    row = connection.execute(select(events.c.answer, events.c.facts).where(events.c.sha256 == sha256)).one()
    return Answer(status=UNREADABLE if _FAULT in row.facts else OK, body=row.answer, is_repeat=True)


def _token_of(connection: Connection, habilitation: Habilitation, number: int) -> str | None:
    """The token that an approval made; where it made none, the last one of the habilitation."""
    made: str | None = connection.scalar(select(tokens.c.id).where(tokens.c.event_id == number))
    if made is not None:
        return made
    known = repository.tokens_of(connection, habilitation.id)
    return known[0].id if known else None


def _is_news(outcome: Outcome, number: int, name: EventName) -> bool:
    """Whether anybody should be told: it happened last, to what is not over, or it is an approval that still holds."""
    is_over = outcome.revoked or (outcome.settled and outcome.state in OVER)
    if is_over and name is not EventName.REVOKE:
        return False
    if outcome.last == number:
        return True
    return name is EventName.APPROVE and outcome.state is HabilitationState.VALIDATED


def refold(
    connection: Connection, subject: Subject, now: datetime, *, news: int | None = None
) -> tuple[Habilitation, Outcome] | None:
    """Make a habilitation what all its events say; None where nothing is told of it but that a copy took its place.

    The caller has taken the habilitation's turn. `news` is the number of an event that is applied for the first time.
    """
    rows = _events_of(connection, subject)
    known = repository.habilitation_by_number(connection, subject.product, subject.external_id)
    told = [_event(row) for row in rows]
    outcome = fold(subject.product, told)
    if outcome is None or (known is None and not any(row.facts or row.source != OWN for row in rows)):
        return None
    habilitation = stored.write(
        connection,
        subject,
        outcome,
        known=known,
        now=now,
        source=_source(rows),
        is_new=news is not None,
        new_people=_has_new_people(subject, outcome, told, news),
    )
    _make_tokens(connection, habilitation, outcome)
    _narrow_tokens(connection, habilitation, outcome, now)
    if outcome.revoked:
        revoke_all(connection, habilitation.id, now=now, reason=REVOKED)
    _archive_copied(connection, subject, outcome, now)
    return habilitation, outcome


def _has_new_people(subject: Subject, outcome: Outcome, told: list[Event], news: int | None) -> bool:
    """Whether it is by the event that is new that others say who the people are."""
    if news is None:
        return False
    before = fold(subject.product, [event for event in told if event.number != news])
    return before is None or before.people_from != outcome.people_from


def _events_of(connection: Connection, subject: Subject) -> list[Row[Any]]:
    """The events of a habilitation, without their bodies."""
    c = events.c
    query = (
        select(c.id, c.name, c.source, c.fired_at, c.arrived_at, c.facts, c.sha256)
        .where(c.product == subject.product.value, c.external_id == subject.external_id)
        .order_by(c.id)
    )
    return list(connection.execute(query))


def _event(row: Row[Any]) -> Event:
    return Event(
        number=row.id,
        name=EventName(row.name),
        fired_at=row.fired_at,
        arrived_at=row.arrived_at,
        facts=Facts.from_json(row.facts),
        sha256=row.sha256,
    )


def _source(rows: list[Row[Any]]) -> str:
    return "datapass" if any(row.source != OWN for row in rows) else OWN


def _make_tokens(connection: Connection, habilitation: Habilitation, outcome: Outcome) -> None:
    """Make the token of each approval that has none; its 18 months begin when the approval arrived."""
    wanted = [approval for approval in outcome.approvals if approval.makes_token]
    numbers = [approval.event.number for approval in wanted]
    made = set(connection.scalars(select(tokens.c.event_id).where(tokens.c.event_id.in_(numbers))))
    for approval in wanted:
        if approval.event.number not in made:
            make(
                connection,
                habilitation,
                now=approval.event.arrived_at,
                scopes=approval.scopes,
                event_id=approval.event.number,
                jti=str(uuid5(_JTIS, approval.event.sha256.hex())),
            )
            changed = update(events).where(events.c.id == approval.event.number)
            connection.execute(changed.values(token_id=str(uuid5(_JTIS, approval.event.sha256.hex()))))


def _narrow_tokens(connection: Connection, habilitation: Habilitation, outcome: Outcome, now: datetime) -> None:
    """Take from each token what approvals after it left out; one that was made by hand came after some of them."""
    if not outcome.approvals:
        return
    left = {approval.event.number: approval.scopes_left for approval in outcome.approvals}
    last = outcome.approvals[-1]
    columns = tokens.c.id, tokens.c.event_id, tokens.c.iat
    for row in connection.execute(select(*columns).where(tokens.c.habilitation_id == habilitation.id)).all():
        if row.event_id in left:
            narrow(connection, row.id, left[row.event_id], now=now)
        elif row.event_id is None and last.event.arrived_at.timestamp() > row.iat:
            narrow(connection, row.id, last.scopes, now=now)


def _archive_copied(connection: Connection, subject: Subject, outcome: Outcome, now: datetime) -> None:
    """Archive the habilitation that an approved one was copied from, by an event of our own, in its place."""
    copied = outcome.facts.copied_from
    if subject.product is not ProductKey.ENTREPRISE or copied in (None, subject.external_id) or not outcome.approvals:
        return
    first = outcome.approvals[0].event
    text_ = f"archived as copied|{subject.product}|{copied}|{subject.external_id}"
    dialect = postgresql if is_postgresql(connection) else sqlite
    other = Subject(product=subject.product, external_id=str(copied))
    values = {
        "sha256": hashlib.sha256(text_.encode()).digest(),
        "source": OWN,
        "product": subject.product.value,
        "external_id": other.external_id,
        "name": EventName.ARCHIVE.value,
        "fired_at": first.fired_at,
        "arrived_at": now,
        "facts": {},
        "answer": {},
    }
    statement = dialect.insert(events).values(values).on_conflict_do_nothing(index_elements=["sha256"])
    if connection.scalar(statement.returning(events.c.id)) is not None:
        take_turn(connection, other)
        refold(connection, other, now)
