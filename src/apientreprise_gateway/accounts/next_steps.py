"""What a habilitation waits for, and who can do it: one step at a time, the most urgent first.

The rule is pure, so that the list, the page of a habilitation, and tests read the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from apientreprise_gateway.accounts.model import Habilitation, HabilitationState, Role, Token, TokenState
from apientreprise_gateway.accounts.request_forms import stage_of

RENEWAL: Final = timedelta(days=90)
"""Before the end of a token, from which its renewal is asked for."""


class StepKind(StrEnum):
    """What there is to do."""

    COMPLETE_DRAFT = "complete_draft"
    MAKE_CHANGES = "make_changes"
    WAIT = "wait"
    FINISH_UPDATE = "finish_update"
    ASK_AGAIN = "ask_again"
    REPLACE_REVOKED = "replace_revoked"
    RENEW_EXPIRED = "renew_expired"
    USE_NEW_TOKEN = "use_new_token"  # noqa: S105 - the name of a step
    RENEW = "renew"
    MAKE_FIRST_CALL = "make_first_call"
    NOTHING = "nothing"


BY_APPLICANT: Final = frozenset(StepKind) - {
    StepKind.WAIT,
    StepKind.USE_NEW_TOKEN,
    StepKind.MAKE_FIRST_CALL,
    StepKind.NOTHING,
}
"""Steps that only the applicant can take; the contacts are told whom to ask."""


@dataclass(frozen=True, slots=True)
class Step:
    """What there is to do next."""

    kind: StepKind
    token_id: str | None = None
    """The token that it is about."""
    before: datetime | None = None
    """When it is too late; None where nothing ends."""

    def is_for(self, roles: frozenset[Role]) -> bool:
        """Whether somebody with these roles can take it."""
        if self.kind in (StepKind.WAIT, StepKind.NOTHING):
            return False
        return Role.APPLICANT in roles or self.kind not in BY_APPLICANT


def next_step(habilitation: Habilitation, tokens: Sequence[Token], now: datetime) -> Step:
    """The step that a habilitation waits for, given all its tokens."""
    match habilitation.state:
        case HabilitationState.DRAFT:
            return Step(StepKind.COMPLETE_DRAFT)
        case HabilitationState.CHANGES_REQUESTED:
            return Step(StepKind.MAKE_CHANGES)
        case HabilitationState.SUBMITTED:
            return Step(StepKind.WAIT)
        case HabilitationState.REFUSED | HabilitationState.REVOKED:
            return Step(StepKind.ASK_AGAIN)
        case HabilitationState.ARCHIVED:
            return Step(StepKind.NOTHING)
    return _of_tokens(habilitation, tokens, now)


def _of_tokens(habilitation: Habilitation, tokens: Sequence[Token], now: datetime) -> Step:
    """The step of a habilitation that is in force."""
    working = sorted((token for token in tokens if token.works(now)), key=_age)
    if not working:
        return _without_a_working_token(habilitation, tokens, now)
    latest = working[-1]
    older_in_use = [token for token in working[:-1] if token.first_call_at is not None]
    if latest.state(now) is TokenState.NEW and older_in_use:
        return Step(StepKind.USE_NEW_TOKEN, latest.id, _end(older_in_use[-1]))
    if habilitation.reopened:
        return _update(habilitation)
    if latest.state(now) is TokenState.REVOKED_LATER:
        return Step(StepKind.REPLACE_REVOKED, latest.id, latest.revoked_at)
    if latest.ends_at - now < RENEWAL:
        return Step(StepKind.RENEW, latest.id, latest.ends_at)
    if latest.state(now) is TokenState.NEW:
        return Step(StepKind.MAKE_FIRST_CALL, latest.id)
    return Step(StepKind.NOTHING)


def _without_a_working_token(habilitation: Habilitation, tokens: Sequence[Token], now: datetime) -> Step:
    if habilitation.reopened:
        return _update(habilitation)
    if not tokens:
        return Step(StepKind.NOTHING)  # a modality that needs no token
    last = max(tokens, key=_end)
    if last.state(now) is TokenState.EXPIRED:
        return Step(StepKind.RENEW_EXPIRED, last.id)
    return Step(StepKind.REPLACE_REVOKED, last.id)


def _update(habilitation: Habilitation) -> Step:
    """The step of an update that is written or examined."""
    is_examined = stage_of(habilitation) is HabilitationState.SUBMITTED
    return Step(StepKind.WAIT if is_examined else StepKind.FINISH_UPDATE)


def _age(token: Token) -> tuple[datetime, int, bool]:
    """What sorts tokens, the newest last; of two that were made in the same second, the one that nobody used yet."""
    return _end(token), token.iat, token.first_call_at is None


def _end(token: Token) -> datetime:
    """When a token stops working."""
    return min(token.ends_at, token.revoked_at or token.ends_at)
