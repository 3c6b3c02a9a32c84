"""The transfer of an account: an applicant gives the place to another person of the same body.

Asked by the applicant, accepted by the newcomer, confirmed by an operator, who checks that both are of the body; then
the newcomer has the applicant's role in every habilitation of that body. At each step both are told what comes next.
What nobody decides ends after 14 days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, insert, or_, select, update

from apientreprise_gateway.accounts import mails, repository, requests
from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.mail_address import mail_address
from apientreprise_gateway.accounts.mail_rules import TransferStep
from apientreprise_gateway.accounts.model import Contact, Role, User
from apientreprise_gateway.database.accounts import habilitations, identities, roles, transfers

LIFE: Final = timedelta(days=14)
"""For each of the two decisions."""
_LONGEST_REASON: Final = 2000


class TransferState(StrEnum):
    """How far a transfer is."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"


_OPEN: Final = (TransferState.ASKED, TransferState.ACCEPTED)


class TransferRefusedError(Exception):
    """A step that cannot be taken; the text says why, in French."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer, under way or ended."""

    id: str
    from_user_id: str
    email: str
    """Of the newcomer."""
    siret: str
    """Of the body."""
    state: TransferState
    asked_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an operator is shown to check that both people are of the body."""

    sender_sirets: tuple[str, ...]
    """As their identity providers say."""
    newcomer_sirets: tuple[str, ...]
    habilitation_ids: tuple[str, ...]
    """Whose applicant changes."""


_COLUMNS: Final = tuple(transfers.c[name] for name in Transfer.__dataclass_fields__)


def ask(connection: Connection, sender: User, *, email: str, siret: str, now: datetime) -> Transfer:
    """Ask for a transfer of all that a person is the applicant of in one body.

    Raises:
        TransferRefusedError: they are the applicant of nothing there, name themselves, or have asked already.
        MailAddressError: the address is none.
    """
    address = mail_address(email)
    if address == sender.email:
        raise TransferRefusedError("Indiquez l’adresse de la personne qui prend votre suite, pas la vôtre.")
    connection.execute(select(roles.c.user_id).where(roles.c.user_id == sender.id).with_for_update())
    if not _held(connection, sender.id, siret):
        raise TransferRefusedError("Vous n’êtes demandeur d’aucune habilitation de cet organisme.")
    under_way = transfers.c.from_user_id == sender.id, transfers.c.siret == siret, transfers.c.state.in_(_OPEN)
    if connection.scalar(select(transfers.c.id).where(*under_way, transfers.c.expires_at > now)) is not None:
        raise TransferRefusedError("Un transfert est déjà en cours pour cet organisme. Annulez-le d’abord.")
    values = {
        "id": str(uuid4()),
        "from_user_id": sender.id,
        "email": address,
        "siret": siret,
        "state": TransferState.ASKED,
        "asked_at": now,
        "expires_at": now + LIFE,
    }
    connection.execute(insert(transfers).values(values))
    made = _locked(connection, str(values["id"]))
    record(connection, "transfer.asked", at=now, user_id=sender.id, about=("transfer", made.id))
    _tell(connection, made, TransferStep.ASKED, now=now)
    return made


def accept(
    connection: Connection, transfer_id: str, newcomer: User, *, now: datetime, operators: Sequence[str] = ()
) -> Transfer:
    """Take the place that somebody gives; the operators (mail addresses) are told that it is their turn.

    Raises:
        TransferRefusedError: it was not offered to this person, or not any more.
    """
    found = _open(connection, transfer_id, TransferState.ASKED, now)
    if found.email != newcomer.email:
        raise TransferRefusedError("Ce transfert n’existe pas.")
    values = {"state": TransferState.ACCEPTED, "accepted_at": now, "expires_at": now + LIFE}
    connection.execute(update(transfers).where(transfers.c.id == found.id).values(values))
    record(connection, "transfer.accepted", at=now, user_id=newcomer.id, about=("transfer", found.id))
    changed = _locked(connection, found.id)
    _tell(connection, changed, TransferStep.ACCEPTED, now=now, operators=operators)
    return changed


def refuse(connection: Connection, transfer_id: str, by: User, *, now: datetime, reason: str = "") -> Transfer:
    """End a transfer that is under way: its sender takes it back, its newcomer declines, or an operator refuses.

    Whether the person may is for the caller to know (`parties`).

    Raises:
        TransferRefusedError: it has ended.
    """
    found = _open(connection, transfer_id, None, now)
    return _end(connection, found, TransferState.REFUSED, now=now, by=by.id, reason=reason.strip()[:_LONGEST_REASON])


def confirm(connection: Connection, transfer_id: str, operator: User, *, now: datetime) -> tuple[Transfer, list[str]]:
    """Give the newcomer the applicant's roles; the transfer, and the ids of the habilitations that changed.

    Raises:
        TransferRefusedError: it is not accepted, or has ended.
    """
    found = _open(connection, transfer_id, TransferState.ACCEPTED, now)
    changed = _held(connection, found.from_user_id, found.siret)
    if not changed:
        raise TransferRefusedError("La personne n’est plus demandeur d’aucune habilitation de cet organisme.")
    for each in changed:
        # An event, so that no later one that is older gives the place back.
        requests.give_to(connection, each, Contact(email=found.email), by=operator.id, now=now)
    newcomer = repository.upsert_user(connection, Contact(email=found.email), now)
    for each in changed:
        about, details = ("habilitation", each), {"transfer": found.id, "to": newcomer.id}
        record(connection, "habilitation.transferred", at=now, user_id=operator.id, about=about, details=details)
    return _end(connection, found, TransferState.DONE, now=now, by=operator.id), changed


def expire(connection: Connection, *, now: datetime) -> int:
    """End the transfers that nobody has decided in time; how many."""
    query = select(transfers.c.id).where(transfers.c.state.in_(_OPEN), transfers.c.expires_at <= now)
    ended = [_locked(connection, each) for each in connection.scalars(query.order_by(transfers.c.id)).all()]
    late = [each for each in ended if each.state in _OPEN and each.expires_at <= now]
    for each in late:
        _end(connection, each, TransferState.EXPIRED, now=now, by=None)
    return len(late)


def transfer(connection: Connection, transfer_id: str) -> Transfer | None:
    """The transfer with this id."""
    row = connection.execute(select(*_COLUMNS).where(transfers.c.id == transfer_id)).mappings().first()
    return None if row is None else _transfer(row)


def parties(found: Transfer, person: User) -> tuple[bool, bool]:
    """Whether a person is the one who gives, and whether they are the one who takes."""
    return found.from_user_id == person.id, found.email == person.email


def of_person(connection: Connection, person: User) -> list[Transfer]:
    """The transfers that a person gives or takes part in, the latest first."""
    theirs = or_(transfers.c.from_user_id == person.id, transfers.c.email == person.email)
    rows = connection.execute(select(*_COLUMNS).where(theirs).order_by(transfers.c.asked_at.desc())).mappings()
    return [_transfer(row) for row in rows]


def to_confirm(connection: Connection, *, now: datetime) -> list[Transfer]:
    """The transfers that wait for an operator, the oldest first."""
    waiting = transfers.c.state == TransferState.ACCEPTED, transfers.c.expires_at > now
    rows = connection.execute(select(*_COLUMNS).where(*waiting).order_by(transfers.c.accepted_at)).mappings()
    return [_transfer(row) for row in rows]


def evidence(connection: Connection, found: Transfer) -> Evidence:
    """What is known of both people and of what changes."""
    newcomer = repository.user_by_email(connection, found.email)
    return Evidence(
        sender_sirets=_sirets(connection, found.from_user_id),
        newcomer_sirets=() if newcomer is None else _sirets(connection, newcomer.id),
        habilitation_ids=tuple(_held(connection, found.from_user_id, found.siret)),
    )


def _sirets(connection: Connection, user_id: str) -> tuple[str, ...]:
    query = select(identities.c.siret).where(identities.c.user_id == user_id, identities.c.siret.is_not(None))
    return tuple(sorted(set(connection.scalars(query))))


def _held(connection: Connection, user_id: str, siret: str) -> list[str]:
    """The habilitations of a body that a person is the applicant of."""
    query = (
        select(habilitations.c.id)
        .join(roles, roles.c.habilitation_id == habilitations.c.id)
        .where(roles.c.user_id == user_id, roles.c.role == Role.APPLICANT, habilitations.c.siret == siret)
        .order_by(habilitations.c.id)
    )
    return list(connection.scalars(query))


def _locked(connection: Connection, transfer_id: str) -> Transfer:
    query = select(*_COLUMNS).where(transfers.c.id == transfer_id).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        raise TransferRefusedError("Ce transfert n’existe pas.")
    return _transfer(row)


def _open(connection: Connection, transfer_id: str, state: TransferState | None, now: datetime) -> Transfer:
    """A transfer that is under way, and in a state."""
    found = _locked(connection, transfer_id)
    if found.state not in _OPEN or found.expires_at <= now:
        raise TransferRefusedError("Ce transfert est terminé.")
    if state is not None and found.state is not state:
        raise TransferRefusedError("Ce transfert n’en est pas à cette étape.")
    return found


def _end(
    connection: Connection, found: Transfer, state: TransferState, *, now: datetime, by: str | None, reason: str = ""
) -> Transfer:
    values = {"state": state, "ended_at": now, "ended_by": by, "reason": reason or None}
    connection.execute(update(transfers).where(transfers.c.id == found.id).values(values))
    record(connection, f"transfer.{state.value}", at=now, user_id=by, about=("transfer", found.id))
    ended = _locked(connection, found.id)
    _tell(connection, ended, TransferStep(state.value), now=now)
    return ended


def _tell(
    connection: Connection, found: Transfer, step: TransferStep, *, now: datetime, operators: Sequence[str] = ()
) -> None:
    sender = repository.user(connection, found.from_user_id)
    if sender is None:
        return
    mails.transfer(
        connection,
        step,
        transfer_id=found.id,
        sender=sender.email,
        newcomer=found.email,
        siret=found.siret,
        now=now,
        operators=operators,
        reason=found.reason,
        expires_at=found.expires_at if found.state in _OPEN else None,
    )


def _transfer(row: Any) -> Transfer:
    return Transfer(**{**row, "state": TransferState(row["state"])})
