"""Who may do what with a habilitation, its tokens and the accounts around it: one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.accounts.model import Role, User


class Standing(StrEnum):
    """What somebody is to an object, and is allowed acts for."""

    APPLICANT = "applicant"
    BUSINESS_CONTACT = "business_contact"
    TECHNICAL_CONTACT = "technical_contact"
    EDITOR = "editor"  # of a maker of software to whom the habilitation is delegated
    OPERATOR = "operator"
    AUDITOR = "auditor"


class Act(StrEnum):
    """What can be done; the first group reads, the second changes something or opens a secret."""

    SEE = "see"  # state, scopes, expiry of a habilitation and its tokens
    SEE_CONTACTS = "see_contacts"  # names and addresses of its people
    SEE_STATISTICS = "see_statistics"
    SEE_CALLS = "see_calls"  # single calls, with the identifiers that they asked about
    SEE_BANS = "see_bans"
    SEE_HAND_OVERS = "see_hand_overs"
    SEE_AUDITS = "see_audits"
    SEE_ACTIVITY = "see_activity"
    SEARCH_JOURNAL = "search_journal"  # with a reason
    SEE_ALL = "see_all"  # habilitations and people whom one has nothing to do with

    SHOW_TOKEN = "show_token"  # noqa: S105 - the name of an act
    HAND_OVER = "hand_over"
    WITHDRAW_HAND_OVER = "withdraw_hand_over"
    REVOKE_TOKEN = "revoke_token"  # noqa: S105 - the name of an act
    SET_SECURITY = "set_security"  # allowed addresses, and a limit that only lowers
    SET_LIMIT = "set_limit"  # any limit
    DELEGATE = "delegate"
    TRANSFER = "transfer"
    CONFIRM_TRANSFER = "confirm_transfer"
    EDIT_REQUEST = "edit_request"  # draft and submit
    REOPEN = "reopen"
    EXAMINE = "examine"  # ask for changes, refuse, approve
    REVOKE = "revoke"
    ARCHIVE = "archive"
    NOTIFY_AUDIT = "notify_audit"
    LOOK_AS = "look_as"  # at the pages of somebody else
    MANAGE_PEOPLE = "manage_people"  # export and erase what is known of a person; editors
    MANAGE_STATUS = "manage_status"


READS: Final = frozenset(
    {
        Act.SEE,
        Act.SEE_CONTACTS,
        Act.SEE_STATISTICS,
        Act.SEE_CALLS,
        Act.SEE_BANS,
        Act.SEE_HAND_OVERS,
        Act.SEE_AUDITS,
    }
)
"""What is left to an operator who looks at an account as its owner."""

_A, _B, _T, _E, _O, _X = Standing
_PEOPLE: Final = (_A, _B, _T)

ALLOWED: Final[Mapping[Act, frozenset[Standing]]] = MappingProxyType(
    {
        act: frozenset(standings)
        for act, standings in {
            Act.SEE: (*_PEOPLE, _E, _O, _X),
            Act.SEE_CONTACTS: (*_PEOPLE, _O, _X),
            Act.SEE_STATISTICS: (*_PEOPLE, _E, _O, _X),
            Act.SEE_CALLS: _PEOPLE,
            Act.SEE_BANS: (*_PEOPLE, _E, _O, _X),
            Act.SEE_HAND_OVERS: (_A, _O, _X),
            Act.SEE_AUDITS: (*_PEOPLE, _O, _X),
            Act.SEE_ACTIVITY: (_O, _X),
            Act.SEARCH_JOURNAL: (_O, _X),
            Act.SEE_ALL: (_O, _X),
            Act.SHOW_TOKEN: (_A,),
            Act.HAND_OVER: (_A,),
            Act.WITHDRAW_HAND_OVER: (_A, _O),
            Act.REVOKE_TOKEN: (_A, _O),
            Act.SET_SECURITY: (_A,),
            Act.SET_LIMIT: (_O,),
            Act.DELEGATE: (_A,),
            Act.TRANSFER: (_A,),
            Act.CONFIRM_TRANSFER: (_O,),
            Act.EDIT_REQUEST: (_A, _O),
            Act.REOPEN: (_A, _O),
            Act.EXAMINE: (_O,),
            Act.REVOKE: (_O,),
            Act.ARCHIVE: (_A, _O),
            Act.NOTIFY_AUDIT: (_O,),
            Act.LOOK_AS: (_O,),
            Act.MANAGE_PEOPLE: (_O,),
            Act.MANAGE_STATUS: (_O,),
        }.items()
    }
)
"""Whom each act is allowed to. `technical_contact_sees_tokens` adds the technical contact to `SHOW_TOKEN`."""

_OF_ROLE: Final = {
    Role.APPLICANT: Standing.APPLICANT,
    Role.BUSINESS_CONTACT: Standing.BUSINESS_CONTACT,
    Role.TECHNICAL_CONTACT: Standing.TECHNICAL_CONTACT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Somebody who is logged in, and what they are to the object that is looked at."""

    user: User
    roles: frozenset[Role] = frozenset()
    """On the habilitation that is looked at; empty where no habilitation is."""
    is_operator: bool = False
    is_auditor: bool = False
    is_editor: bool = False
    """Whether the habilitation is delegated to the maker of software for whom this person works."""
    impersonating: bool = False
    """Whether an operator looks at this account as its owner; `user` and `roles` are the owner's then."""
    technical_contact_sees_tokens: bool = False
    """`PORTAL_TECHNICAL_CONTACT_SEES_TOKENS`."""

    @property
    def standings(self) -> frozenset[Standing]:
        """All that this person is to the object."""
        found = {_OF_ROLE[role] for role in self.roles}
        if self.is_editor:
            found.add(Standing.EDITOR)
        if self.is_operator and not self.impersonating:
            found.add(Standing.OPERATOR)
        if self.is_auditor and not self.impersonating:
            found.add(Standing.AUDITOR)
        return frozenset(found)


def may(act: Act, viewer: Viewer) -> bool:
    """Whether somebody may do this; where they may not even `SEE` the object, a page says that there is none."""
    if viewer.impersonating and act not in READS:
        return False
    allowed = ALLOWED[act]
    if act is Act.SHOW_TOKEN and viewer.technical_contact_sees_tokens:
        allowed |= {Standing.TECHNICAL_CONTACT}
    return not allowed.isdisjoint(viewer.standings)
