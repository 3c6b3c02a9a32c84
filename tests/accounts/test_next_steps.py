"""What a habilitation waits for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apientreprise_gateway.accounts.model import Habilitation, HabilitationState, ProductKey, Role, Token
from apientreprise_gateway.accounts.next_steps import Step, StepKind, next_step

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
APPLICANT = frozenset({Role.APPLICANT})
TECHNICAL = frozenset({Role.TECHNICAL_CONTACT})


def habilitation(**changes: Any) -> Habilitation:
    """A habilitation in force, with changes."""
    values: dict[str, Any] = {
        "id": "h",
        "product": ProductKey.ENTREPRISE,
        "source": "datapass",
        "external_id": "42",
        "public_id": None,
        "siret": "13002526500013",
        "title": "Marchés publics",
        "description": None,
        "form_uid": None,
        "use_case": None,
        "state": HabilitationState.VALIDATED,
        "scopes": (),
        "modalities": (),
        "reopened": False,
        "details": {},
        "created_at": NOW,
        "first_submitted_at": NOW,
        "submitted_at": NOW,
        "validated_at": NOW,
        "ended_at": None,
        "updated_at": NOW,
        "replaces": None,
    }
    return Habilitation(**{**values, **changes})


def token(id_: str = "t", *, days: float = 500, called: bool = True, revoked_in: float | None = None) -> Token:
    """A token that ends in some days; a revocation may lie in the past."""
    return Token(
        id=id_,
        habilitation_id="h",
        subject="Marchés publics",
        scopes=(),
        narrowed_scopes=None,
        iat=int(NOW.timestamp()) - 1000,
        exp=int((NOW + timedelta(days=days)).timestamp()),
        revoked_at=None if revoked_in is None else NOW + timedelta(days=revoked_in),
        revoked_by=None,
        revocation_reason=None,
        replaces=None,
        first_call_at=NOW if called else None,
        last_call_at=None,
        seen_at=None,
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("draft", StepKind.COMPLETE_DRAFT),
        ("changes_requested", StepKind.MAKE_CHANGES),
        ("submitted", StepKind.WAIT),
        ("refused", StepKind.ASK_AGAIN),
        ("revoked", StepKind.ASK_AGAIN),
        ("archived", StepKind.NOTHING),
    ],
)
def test_a_request_waits_for_its_examination_or_its_applicant(state: str, expected: StepKind) -> None:
    """Its state alone decides, whatever its tokens."""
    asked = habilitation(state=HabilitationState(state))
    assert next_step(asked, [token(days=10)], NOW).kind is expected


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([], Step(StepKind.NOTHING)),
        ([token()], Step(StepKind.NOTHING)),
        ([token(called=False)], Step(StepKind.MAKE_FIRST_CALL, "t")),
        ([token(days=90)], Step(StepKind.NOTHING)),
        ([token(days=89.9)], Step(StepKind.RENEW, "t", NOW + timedelta(days=89.9))),
        ([token(days=0)], Step(StepKind.RENEW_EXPIRED, "t")),
        ([token(revoked_in=-1)], Step(StepKind.REPLACE_REVOKED, "t")),
        ([token(revoked_in=5)], Step(StepKind.REPLACE_REVOKED, "t", NOW + timedelta(days=5))),
        (
            [token("old", days=20), token("new", called=False)],
            Step(StepKind.USE_NEW_TOKEN, "new", NOW + timedelta(days=20)),
        ),
        ([token("old", revoked_in=-1), token("new", called=False)], Step(StepKind.MAKE_FIRST_CALL, "new")),
        ([token("old", days=20), token("new")], Step(StepKind.NOTHING)),
        ([token("old", days=-20), token("new", days=30)], Step(StepKind.RENEW, "new", NOW + timedelta(days=30))),
    ],
)
def test_the_tokens_of_a_habilitation_decide(tokens: list[Token], expected: Step) -> None:
    """The end that matters is that of the last token that works; expired and revoked ones beside it do not."""
    assert next_step(habilitation(), tokens, NOW) == expected


def test_an_update_under_way_is_to_be_finished() -> None:
    """It comes before the renewal that it may be, and after a new token that waits to be used."""
    reopened = habilitation(reopened=True)
    assert next_step(reopened, [token(days=10)], NOW).kind is StepKind.FINISH_UPDATE
    assert next_step(reopened, [], NOW).kind is StepKind.FINISH_UPDATE
    examined = habilitation(reopened=True, details={"update": "submitted"})
    assert next_step(examined, [token(days=10)], NOW).kind is StepKind.WAIT
    waiting = [token("old", days=20), token("new", called=False)]
    assert next_step(reopened, waiting, NOW).kind is StepKind.USE_NEW_TOKEN


def test_contacts_can_use_a_token_but_not_renew_it() -> None:
    """A renewal is the applicant's; nobody has to act while a request is examined."""
    assert Step(StepKind.RENEW, "t").is_for(APPLICANT)
    assert not Step(StepKind.RENEW, "t").is_for(TECHNICAL)
    assert Step(StepKind.USE_NEW_TOKEN, "t").is_for(TECHNICAL)
    assert not Step(StepKind.WAIT).is_for(APPLICANT)


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_a_new_token_of_the_same_second_is_the_one_to_use(order: tuple[str, str]) -> None:
    """Two tokens that begin and end in the same second are told apart by their use, in whatever order they come."""
    of = {"old": token("old"), "new": token("new", called=False)}
    step = next_step(habilitation(), [of[name] for name in order], NOW)
    assert (step.kind, step.token_id) == (StepKind.USE_NEW_TOKEN, "new")
