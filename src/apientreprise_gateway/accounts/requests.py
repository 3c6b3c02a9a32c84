"""Requests that are made in the portal, without DataPass: each step is an event, applied as those of DataPass are.

Who may take a step is for the caller to know (`permissions`); whether it can be taken is known here. While the update
of a validated habilitation is written and examined, its form is in its events alone; the habilitation stays as it is.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection, delete, func, insert, select

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.applying import Answer, Delivery, receive, take_turn
from apientreprise_gateway.accounts.events import Subject
from apientreprise_gateway.accounts.form_checks import Catalogue, Fault, faults, pdf_fault
from apientreprise_gateway.accounts.mails import Reporters
from apientreprise_gateway.accounts.model import Contact, EventName, Habilitation, HabilitationState, ProductKey, Role
from apientreprise_gateway.accounts.own_form import SOURCE, Form, body_of
from apientreprise_gateway.accounts.plain_text import one_line
from apientreprise_gateway.accounts.reading import read
from apientreprise_gateway.accounts.request_forms import form_of, stage_of
from apientreprise_gateway.database.accounts import attachments, events

MOST_ATTACHMENTS: Final = 5
"""Texts that a request may hold beside the one in force; with one more, the oldest goes."""
_DIGITS: Final = 10**7
_TICK: Final = timedelta(microseconds=1)
_WRITABLE: Final = (HabilitationState.DRAFT, HabilitationState.CHANGES_REQUESTED)
_ARCHIVABLE: Final = (*_WRITABLE, HabilitationState.SUBMITTED, HabilitationState.REFUSED)


class RequestRefusedError(Exception):
    """A step that cannot be taken; the text says why, in French."""


class IncompleteRequestError(RequestRefusedError):
    """A form that cannot be submitted."""

    def __init__(self, found: Sequence[Fault]) -> None:
        super().__init__("La demande est incomplète.")
        self.faults = tuple(found)


def begin(
    connection: Connection, product: ProductKey, form: Form, *, applicant: Contact, by: str, now: datetime
) -> Habilitation:
    """Begin a request; its number is P and seven digits.

    Args:
        connection: a transaction that writes.
        product: what is asked for access to.
        form: what is known already.
        applicant: whose request it is.
        by: the id of the user who enters it, the applicant or an operator.
        now: the present.
    """
    subject = _free_number(connection, product)
    _emit(connection, subject, EventName.CREATE, by=by, now=now, form=form.of(applicant))
    return _known(connection, subject)


def _free_number(connection: Connection, product: ProductKey) -> Subject:
    """A number that nobody has; it is nobody else's until the transaction ends."""
    while True:
        subject = Subject(product=product, external_id=f"P{secrets.randbelow(9 * _DIGITS // 10) + _DIGITS // 10}")
        take_turn(connection, subject)
        taken = events.c.product == product.value, events.c.external_id == subject.external_id
        if connection.scalar(select(func.count()).select_from(events).where(*taken)) == 0:
            return subject


def save(connection: Connection, habilitation_id: str, form: Form, *, by: str, now: datetime) -> Habilitation:
    """Keep what was typed, finished or not; the applicant stays who it is.

    Raises:
        RequestRefusedError: the request is not being written.
    """
    found = _in_stage(connection, habilitation_id, _WRITABLE, "Cette demande n’est pas modifiable.")
    kept = replace(form, applicant=form_of(connection, found).applicant)
    _emit(connection, _subject(found), EventName.UPDATE, by=by, now=now, form=kept)
    return _again(connection, found)


def submit(
    connection: Connection,
    habilitation_id: str,
    *,
    catalogue: Catalogue,
    by: str,
    now: datetime,
    reporters: Reporters | None = None,
) -> Habilitation:
    """Hand a request in for examination; the reporters are told as well.

    Raises:
        IncompleteRequestError: its form has faults.
        RequestRefusedError: the request is not being written.
    """
    found = _in_stage(connection, habilitation_id, _WRITABLE, "Cette demande a déjà été transmise.")
    form = form_of(connection, found)
    _check(connection, found, form, catalogue)
    _emit(connection, _subject(found), EventName.SUBMIT, by=by, now=now, form=form, reporters=reporters)
    return _again(connection, found)


def ask_for_changes(
    connection: Connection, habilitation_id: str, *, comment: str, by: str, now: datetime
) -> Habilitation:
    """Give a request back to its applicant, with what to change.

    Raises:
        RequestRefusedError: it is not submitted, or nothing is said.
    """
    return _decide(connection, habilitation_id, EventName.REQUEST_CHANGES, comment=comment, by=by, now=now)


def refuse(connection: Connection, habilitation_id: str, *, comment: str, by: str, now: datetime) -> Habilitation:
    """Refuse a request, or the update of a validated habilitation, which stays; with the reasons.

    Raises:
        RequestRefusedError: it is not submitted, or no reason is given.
    """
    return _decide(connection, habilitation_id, EventName.REFUSE, comment=comment, by=by, now=now)


def _decide(
    connection: Connection, habilitation_id: str, event: EventName, *, comment: str, by: str, now: datetime
) -> Habilitation:
    found = _in_stage(
        connection, habilitation_id, (HabilitationState.SUBMITTED,), "Cette demande n’est pas à examiner."
    )
    if not comment.strip():
        raise RequestRefusedError("Écrivez au demandeur ce qu’il doit changer, ou pourquoi la demande est refusée.")
    _emit(connection, _subject(found), event, by=by, now=now, comment=comment)
    return _again(connection, found)


def approve(
    connection: Connection,
    habilitation_id: str,
    *,
    catalogue: Catalogue,
    by: str,
    now: datetime,
    reporters: Reporters | None = None,
) -> tuple[Habilitation, str | None]:
    """Approve a request; the habilitation, and the `jti` of the token that this makes. The reporters are told as well.

    Raises:
        IncompleteRequestError: its form has faults, as the catalogue may have changed.
        RequestRefusedError: it is not submitted.
    """
    found = _in_stage(
        connection, habilitation_id, (HabilitationState.SUBMITTED,), "Cette demande n’est pas à examiner."
    )
    form = form_of(connection, found)
    _check(connection, found, form, catalogue)
    answer = _emit(connection, _subject(found), EventName.APPROVE, by=by, now=now, form=form, reporters=reporters)
    return _again(connection, found), answer.body.get("token_id")


def _check(connection: Connection, found: Habilitation, form: Form, catalogue: Catalogue) -> None:
    theirs = select(attachments.c.id).where(
        attachments.c.id == form.attachment_id, attachments.c.habilitation_id == found.id
    )
    if form.attachment_id and connection.scalar(theirs) is None:
        form = replace(form, attachment_id="")
    wrong = faults(form, catalogue)
    if wrong:
        raise IncompleteRequestError(wrong)


def reopen(connection: Connection, habilitation_id: str, *, by: str, now: datetime) -> Habilitation:
    """Begin the update or renewal of a validated habilitation, with what was approved last; its approval makes
    a second token.

    Raises:
        RequestRefusedError: it is not validated, or reopened already.
    """
    found = _own(connection, habilitation_id)
    if found.state is not HabilitationState.VALIDATED or found.reopened:
        raise RequestRefusedError("Seule une habilitation validée, sans mise à jour en cours, peut être rouverte.")
    approved = replace(form_of(connection, found), terms_accepted=False)
    _emit(connection, _subject(found), EventName.REOPEN, by=by, now=now, form=approved)
    return _again(connection, found)


def cancel_reopening(connection: Connection, habilitation_id: str, *, by: str, now: datetime) -> Habilitation:
    """Give an update up; the habilitation stays as it is.

    Raises:
        RequestRefusedError: there is none.
    """
    found = _own(connection, habilitation_id)
    if not found.reopened:
        raise RequestRefusedError("Aucune mise à jour n’est en cours.")
    _emit(connection, _subject(found), EventName.CANCEL_REOPENING, by=by, now=now)
    return _again(connection, found)


def archive(connection: Connection, habilitation_id: str, *, by: str, now: datetime) -> Habilitation:
    """Put a request away for which nothing works any more, or never did.

    Raises:
        RequestRefusedError: it has a token that works, or ended already.
    """
    found = _own(connection, habilitation_id)
    if found.state is HabilitationState.VALIDATED:
        if any(token.works(now) for token in repository.tokens_of(connection, found.id)):
            raise RequestRefusedError("Révoquez d’abord les jetons en service de cette habilitation.")
    elif found.state not in _ARCHIVABLE:
        raise RequestRefusedError("Cette demande est déjà terminée.")
    _emit(connection, _subject(found), EventName.ARCHIVE, by=by, now=now)
    return _again(connection, found)


def revoke(connection: Connection, habilitation_id: str, *, comment: str, by: str, now: datetime) -> Habilitation:
    """Revoke a habilitation with all its tokens, for good.

    Raises:
        RequestRefusedError: it is not validated, or no reason is given.
    """
    found = _own(connection, habilitation_id)
    if found.state is not HabilitationState.VALIDATED:
        raise RequestRefusedError("Seule une habilitation validée peut être révoquée.")
    if not comment.strip():
        raise RequestRefusedError("Écrivez pourquoi l’habilitation est révoquée.")
    _emit(connection, _subject(found), EventName.REVOKE, by=by, now=now, comment=comment)
    return _again(connection, found)


def give_to(connection: Connection, habilitation_id: str, applicant: Contact, *, by: str | None, now: datetime) -> None:
    """Make somebody else the applicant of a habilitation, of whichever source."""
    found = repository.habilitation(connection, habilitation_id)
    if found is None:
        raise RequestRefusedError("Cette demande n’existe pas.")
    people = {role: user.contact for role, user in repository.contacts(connection, found.id).items()}
    _emit(
        connection, _subject(found), EventName.TRANSFER, by=by, now=now, contacts=people | {Role.APPLICANT: applicant}
    )


def attach(connection: Connection, habilitation_id: str, *, name: str, content: bytes, now: datetime) -> str:
    """Keep the text of a law that a request cites; its id is for `Form.attachment_id`.

    Raises:
        RequestRefusedError: it is no PDF, or too long, or the request is not being written.
    """
    found = _in_stage(connection, habilitation_id, _WRITABLE, "Cette demande n’est pas modifiable.")
    fault = pdf_fault(content)
    if fault is not None:
        raise RequestRefusedError(fault)
    id_ = str(uuid4())
    values = {
        "id": id_,
        "habilitation_id": found.id,
        "name": one_line(name, longest=100) or "texte.pdf",
        "size": len(content),
        "sha256": hashlib.sha256(content).digest(),
        "content": content,
        "created_at": now,
    }
    connection.execute(insert(attachments).values(values))
    theirs = select(attachments.c.id).where(attachments.c.habilitation_id == found.id)
    kept = {id_, str(found.details.get("attachment_id"))}
    others = connection.scalars(theirs.order_by(attachments.c.created_at.desc(), attachments.c.id)).all()
    for old in [each for each in others if each not in kept][MOST_ATTACHMENTS - 1 :]:
        connection.execute(delete(attachments).where(attachments.c.id == old))
    return id_


def attached(connection: Connection, habilitation: Habilitation) -> bytes | None:
    """The text that a request cites as it was joined; None if none was."""
    theirs = attachments.c.habilitation_id == habilitation.id
    chosen = attachments.c.id == form_of(connection, habilitation).attachment_id
    found: bytes | None = connection.scalar(select(attachments.c.content).where(theirs, chosen))
    return found


def _own(connection: Connection, habilitation_id: str) -> Habilitation:
    """A request that was made here, which nobody else changes until the transaction ends."""
    found = repository.habilitation(connection, habilitation_id)
    if found is None:
        raise RequestRefusedError("Cette demande n’existe pas.")
    if found.source != SOURCE:
        raise RequestRefusedError("Cette demande se gère sur DataPass.")
    take_turn(connection, _subject(found))
    return _again(connection, found)


def _in_stage(
    connection: Connection, habilitation_id: str, stages: Sequence[HabilitationState], complaint: str
) -> Habilitation:
    found = _own(connection, habilitation_id)
    if stage_of(found) not in stages:
        raise RequestRefusedError(complaint)
    return found


def _emit(
    connection: Connection,
    subject: Subject,
    event: EventName,
    *,
    by: str | None,
    now: datetime,
    form: Form | None = None,
    contacts: Mapping[Role, Contact] | None = None,
    comment: str | None = None,
    reporters: Reporters | None = None,
) -> Answer:
    """Have something happen to a request, after all that happened to it before."""
    take_turn(connection, subject)
    before = events.c.product == subject.product.value, events.c.external_id == subject.external_id
    last = connection.scalar(select(func.max(events.c.fired_at)).where(*before))
    fired_at = now if last is None else max(now, last + _TICK)
    body = body_of(
        event,
        external_id=subject.external_id,
        fired_at=fired_at,
        by=by,
        form=form,
        contacts=contacts,
        comment=comment,
    )
    reading = read(SOURCE, body, subject.product, now)
    delivery = Delivery(source=SOURCE, product=subject.product, body=body, reading=reading, by=by)
    return receive(connection, delivery, now, reporters=reporters)


def _subject(habilitation: Habilitation) -> Subject:
    return Subject(product=habilitation.product, external_id=habilitation.external_id)


def _again(connection: Connection, habilitation: Habilitation) -> Habilitation:
    return _known(connection, _subject(habilitation))


def _known(connection: Connection, subject: Subject) -> Habilitation:
    found = repository.habilitation_by_number(connection, subject.product, subject.external_id)
    if found is None:
        raise LookupError("a request that was just stored is gone")
    return found
