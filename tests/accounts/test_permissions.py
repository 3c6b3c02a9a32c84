"""Who may do what, as a table written a second time, by hand, from what was ordered."""

from datetime import UTC, datetime

import pytest

from apientreprise_gateway.accounts.model import Role, User
from apientreprise_gateway.accounts.permissions import ALLOWED, READS, Act, Viewer, may

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SOMEBODY = User(
    id="u",
    email="camille@ville.example",
    given_name=None,
    family_name=None,
    phone_number=None,
    job_title=None,
    editor_id=None,
    created_at=NOW,
    last_login_at=NOW,
    last_used_at=NOW,
)
VIEWERS = {
    "A": Viewer(user=SOMEBODY, roles=frozenset({Role.APPLICANT})),
    "B": Viewer(user=SOMEBODY, roles=frozenset({Role.BUSINESS_CONTACT})),
    "T": Viewer(user=SOMEBODY, roles=frozenset({Role.TECHNICAL_CONTACT})),
    "t": Viewer(user=SOMEBODY, roles=frozenset({Role.TECHNICAL_CONTACT}), technical_contact_sees_tokens=True),
    "E": Viewer(user=SOMEBODY, is_editor=True),
    "O": Viewer(user=SOMEBODY, is_operator=True),
    "X": Viewer(user=SOMEBODY, is_auditor=True),
    "i": Viewer(user=SOMEBODY, roles=frozenset({Role.APPLICANT}), is_operator=True, impersonating=True),
    "-": Viewer(user=SOMEBODY),
}
"""Each kind of viewer by a letter; t: a technical contact who may see tokens; i: an operator looking as A."""

TABLE = {
    Act.SEE: "ABTtEOXi",
    Act.SEE_CONTACTS: "ABTtOXi",
    Act.SEE_STATISTICS: "ABTtEOXi",
    Act.SEE_CALLS: "ABTti",
    Act.SEE_BANS: "ABTtEOXi",
    Act.SEE_HAND_OVERS: "AOXi",
    Act.SEE_AUDITS: "ABTtOXi",
    Act.SEE_ACTIVITY: "OX",
    Act.SEARCH_JOURNAL: "OX",
    Act.SEE_ALL: "OX",
    Act.SHOW_TOKEN: "At",
    Act.HAND_OVER: "A",
    Act.WITHDRAW_HAND_OVER: "AO",
    Act.REVOKE_TOKEN: "AO",
    Act.SET_SECURITY: "A",
    Act.SET_LIMIT: "O",
    Act.DELEGATE: "A",
    Act.TRANSFER: "A",
    Act.CONFIRM_TRANSFER: "O",
    Act.EDIT_REQUEST: "AO",
    Act.REOPEN: "AO",
    Act.EXAMINE: "O",
    Act.REVOKE: "O",
    Act.ARCHIVE: "AO",
    Act.NOTIFY_AUDIT: "O",
    Act.LOOK_AS: "O",
    Act.MANAGE_PEOPLE: "O",
    Act.MANAGE_STATUS: "O",
}


@pytest.mark.parametrize("act", Act)
def test_an_act_is_allowed_to_those_of_the_table_alone(act: Act) -> None:
    """Every act has its row, and nobody else may do it."""
    assert "".join(letter for letter, viewer in VIEWERS.items() if may(act, viewer)) == TABLE[act]


def test_every_act_has_its_row() -> None:
    """An act without a row would be nobody's."""
    assert set(ALLOWED) == set(Act)


def test_an_operator_keeps_what_their_own_role_gives() -> None:
    """Somebody who is both the applicant and an operator may do what either may."""
    both = Viewer(user=SOMEBODY, roles=frozenset({Role.APPLICANT}), is_operator=True)
    assert may(Act.SHOW_TOKEN, both)
    assert may(Act.EXAMINE, both)


@pytest.mark.parametrize("act", sorted(set(Act) - READS))
def test_looking_as_somebody_changes_nothing(act: Act) -> None:
    """An operator who looks as the owner only reads, whatever the setting, and sees no string."""
    every_role = Viewer(
        user=SOMEBODY,
        roles=frozenset(Role),
        is_operator=True,
        is_auditor=True,
        is_editor=True,
        impersonating=True,
        technical_contact_sees_tokens=True,
    )
    assert not may(act, every_role)
