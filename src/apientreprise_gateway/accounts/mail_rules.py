"""Which mail is sent at which event, and to whom, as a table.

The mails of an approval depend on who of its three people are the same. `mails.py` makes rows of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from apientreprise_gateway.accounts.model import EventName, Habilitation, ProductKey, Role

EDITOR_FORMS: Final = "editeurs"
"""The use case of makers of software, who file for the bodies that use it."""
_APPLICANT, _BUSINESS, _TECHNICAL = Role.APPLICANT, Role.BUSINESS_CONTACT, Role.TECHNICAL_CONTACT


class Kind(StrEnum):
    """The mails of accounts; the value is the name of the template."""

    REQUEST_RECEIVED = "request_received"
    UPDATE_RECEIVED = "update_received"
    CHANGES_REQUESTED = "changes_requested"
    UPDATE_CHANGES_REQUESTED = "update_changes_requested"
    REQUEST_REFUSED = "request_refused"
    UPDATE_REFUSED = "update_refused"
    APPROVED_EDITOR = "approved_editor"
    APPROVED_ALL = "approved_all"
    APPROVED_APPLICANT = "approved_applicant"
    APPROVED_APPLICANT_TECHNICAL = "approved_applicant_technical"
    APPROVED_TECHNICAL = "approved_technical"
    APPROVED_BUSINESS = "approved_business"
    UPDATE_APPROVED = "update_approved"
    HABILITATION_REVOKED = "habilitation_revoked"
    REPORTED_REQUEST = "reported_request"
    REPORTED_APPROVAL = "reported_approval"
    TOKEN_EXPIRY = "token_expiry"  # noqa: S105 - the name of a template
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    AUDIT = "audit"
    HAND_OVER = "hand_over"
    HAND_OVER_OPENED = "hand_over_opened"
    HAND_OVER_NOT_SENT = "hand_over_not_sent"
    TRANSFER_ASKED = "transfer_asked"
    TRANSFER_WAITING = "transfer_waiting"
    TRANSFER_ACCEPTED = "transfer_accepted"
    TRANSFER_TO_CONFIRM = "transfer_to_confirm"
    TRANSFER_DONE = "transfer_done"
    TRANSFER_REFUSED = "transfer_refused"
    TRANSFER_EXPIRED = "transfer_expired"
    LOGIN_LINK = "login_link"


class Group(StrEnum):
    """Who of applicant, technical and business contact are the same person."""

    ALL_ONE = "D=T=M"
    TECHNICAL_APART = "D=M≠T"
    BUSINESS_APART = "D=T≠M"
    BOTH_APART = "D≠T, D≠M"


@dataclass(frozen=True, slots=True)
class Rule:
    """A mail to one of the people of a habilitation, with copies to others."""

    kind: Kind
    to: Role
    copies: tuple[Role, ...] = ()


APPROVED: Final[Mapping[Group, tuple[Rule, ...]]] = {
    Group.ALL_ONE: (Rule(Kind.APPROVED_ALL, _APPLICANT),),
    Group.TECHNICAL_APART: (
        Rule(Kind.APPROVED_APPLICANT, _APPLICANT),
        Rule(Kind.APPROVED_TECHNICAL, _TECHNICAL, (_APPLICANT,)),
    ),
    Group.BUSINESS_APART: (
        Rule(Kind.APPROVED_APPLICANT_TECHNICAL, _APPLICANT),
        Rule(Kind.APPROVED_BUSINESS, _BUSINESS, (_APPLICANT,)),
    ),
    Group.BOTH_APART: (
        Rule(Kind.APPROVED_APPLICANT, _APPLICANT),
        Rule(Kind.APPROVED_TECHNICAL, _TECHNICAL, (_APPLICANT,)),
        Rule(Kind.APPROVED_BUSINESS, _BUSINESS, (_APPLICANT, _TECHNICAL)),
    ),
}
APPROVED_FOR_EDITORS: Final = (Rule(Kind.APPROVED_EDITOR, _APPLICANT, (_TECHNICAL, _BUSINESS)),)
UPDATE_APPROVED: Final[Mapping[ProductKey, tuple[Rule, ...]]] = {
    ProductKey.ENTREPRISE: (Rule(Kind.UPDATE_APPROVED, _BUSINESS, (_APPLICANT, _TECHNICAL)),),
    ProductKey.PARTICULIER: (Rule(Kind.UPDATE_APPROVED, _APPLICANT, (_TECHNICAL,)),),
}
EVENTS: Final[Mapping[tuple[EventName, bool], tuple[Rule, ...]]] = {
    (EventName.SUBMIT, False): (Rule(Kind.REQUEST_RECEIVED, _APPLICANT),),
    (EventName.SUBMIT, True): (Rule(Kind.UPDATE_RECEIVED, _APPLICANT),),
    (EventName.REQUEST_CHANGES, False): (Rule(Kind.CHANGES_REQUESTED, _APPLICANT),),
    (EventName.REQUEST_CHANGES, True): (Rule(Kind.UPDATE_CHANGES_REQUESTED, _APPLICANT),),
    (EventName.REFUSE, False): (Rule(Kind.REQUEST_REFUSED, _APPLICANT),),
    (EventName.REFUSE, True): (Rule(Kind.UPDATE_REFUSED, _APPLICANT),),
    (EventName.REVOKE, False): (Rule(Kind.HABILITATION_REVOKED, _APPLICANT, (_TECHNICAL,)),),
    (EventName.REVOKE, True): (Rule(Kind.HABILITATION_REVOKED, _APPLICANT, (_TECHNICAL,)),),
}
"""Mails by event, and whether a validated habilitation was reopened; those of an approval stand above."""
REPORTED: Final[Mapping[EventName, Kind]] = {
    EventName.SUBMIT: Kind.REPORTED_REQUEST,
    EventName.APPROVE: Kind.REPORTED_APPROVAL,
}


def group_of(people: Mapping[Role, str]) -> Group:
    """Who are the same, by mail address; the applicant does what nobody is named for."""
    applicant = people.get(_APPLICANT)
    technical, business = people.get(_TECHNICAL, applicant), people.get(_BUSINESS, applicant)
    if technical == business == applicant:
        return Group.ALL_ONE
    if business == applicant:
        return Group.TECHNICAL_APART
    return Group.BUSINESS_APART if technical == applicant else Group.BOTH_APART


def rules_of(
    habilitation: Habilitation, event: EventName, people: Mapping[Role, str], *, update: bool
) -> Sequence[Rule]:
    """The mails that an event causes."""
    if event is not EventName.APPROVE:
        return EVENTS.get((event, update), ())
    if update:
        return UPDATE_APPROVED[habilitation.product]
    if EDITOR_FORMS in (habilitation.use_case, habilitation.form_uid):
        return APPROVED_FOR_EDITORS
    rules = APPROVED[group_of(people)]
    if habilitation.product is ProductKey.PARTICULIER:  # its business contacts are told by the applicant
        rules = tuple(rule for rule in rules if rule.to is not _BUSINESS)
    return rules


class TransferStep(StrEnum):
    """How far the handing over of an account to another person has come."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"


class Party(StrEnum):
    """Who is told of a transfer."""

    SENDER = "sender"
    NEWCOMER = "newcomer"
    OPERATORS = "operators"


TRANSFERS: Final[Mapping[TransferStep, tuple[tuple[Kind, Party], ...]]] = {
    TransferStep.ASKED: ((Kind.TRANSFER_ASKED, Party.NEWCOMER), (Kind.TRANSFER_WAITING, Party.SENDER)),
    TransferStep.ACCEPTED: (
        (Kind.TRANSFER_ACCEPTED, Party.SENDER),
        (Kind.TRANSFER_ACCEPTED, Party.NEWCOMER),
        (Kind.TRANSFER_TO_CONFIRM, Party.OPERATORS),
    ),
    TransferStep.DONE: ((Kind.TRANSFER_DONE, Party.SENDER), (Kind.TRANSFER_DONE, Party.NEWCOMER)),
    TransferStep.REFUSED: ((Kind.TRANSFER_REFUSED, Party.SENDER), (Kind.TRANSFER_REFUSED, Party.NEWCOMER)),
    TransferStep.EXPIRED: ((Kind.TRANSFER_EXPIRED, Party.SENDER), (Kind.TRANSFER_EXPIRED, Party.NEWCOMER)),
}
