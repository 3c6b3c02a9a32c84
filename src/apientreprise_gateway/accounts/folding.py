"""What became of a habilitation: all its events, applied in the order in which they happened, whenever they came.

Pure: from events to an outcome. Three rules go before what an event says:

- Nothing follows a revocation. An approval placed after it makes no token; one placed before it, which came late, makes
  a token that is revoked with the others.
- What was approved changes by an approval, and its people and body by a transfer too. Whatever else is told of it is
  about an update that nobody approved yet: only where that update stands is known.
- A scope that an approval leaves out is taken from the tokens that are older, for good: a later approval gives it to
  its own token alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from apientreprise_gateway.accounts.events import Event, Facts
from apientreprise_gateway.accounts.model import OVER, EventName, HabilitationState, ProductKey

PARAMETERS: Final = "params"
"""The modality of API Particulier whose calls need a token."""

_SUBMITTED: Final = frozenset(EventName) - {
    EventName.CREATE,
    EventName.UPDATE,
    EventName.TRANSFER,
    EventName.ARCHIVE,
    EventName.DELETE,
}
"""Events that happen to requests that were submitted."""
_STATES: Final[Mapping[EventName, HabilitationState]] = {
    EventName.SUBMIT: HabilitationState.SUBMITTED,
    EventName.REQUEST_CHANGES: HabilitationState.CHANGES_REQUESTED,
    EventName.REFUSE: HabilitationState.REFUSED,
    EventName.ARCHIVE: HabilitationState.ARCHIVED,
    EventName.DELETE: HabilitationState.ARCHIVED,
    EventName.REVOKE: HabilitationState.REVOKED,
    EventName.APPROVE: HabilitationState.VALIDATED,
    EventName.REOPEN: HabilitationState.VALIDATED,
    EventName.CANCEL_REOPENING: HabilitationState.VALIDATED,
}
_UPDATES: Final[Mapping[EventName, HabilitationState]] = {
    EventName.SUBMIT: HabilitationState.SUBMITTED,
    EventName.REQUEST_CHANGES: HabilitationState.CHANGES_REQUESTED,
    EventName.REFUSE: HabilitationState.REFUSED,
}
"""Where the update of a validated habilitation stands after an event, be the reopening told or not."""


@dataclass(slots=True, kw_only=True)
class Approval:
    """An approval that counts."""

    event: Event
    scopes: tuple[str, ...]
    """What it gives."""
    makes_token: bool
    scopes_left: tuple[str, ...]
    """What later approvals leave of it."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of a habilitation."""

    state: HabilitationState | None = None
    facts: Facts = field(default_factory=Facts)
    settled: bool = False
    """Whether it was validated at some time."""
    reopened: bool = False
    update: HabilitationState | None = None
    """Where the update of a validated habilitation stands; None without one."""
    people_from: int | None = None
    """The number of the event that says who its people are."""
    approvals: list[Approval] = field(default_factory=list)
    created_at: datetime | None = None
    first_submitted_at: datetime | None = None
    submitted_at: datetime | None = None
    validated_at: datetime | None = None
    ended_at: datetime | None = None
    last: int | None = None
    """The number of the event that happened last."""
    updates: set[int] = field(default_factory=set)
    """The numbers of the events that concern an update of what was validated."""

    @property
    def revoked(self) -> bool:
        """Whether nothing can follow."""
        return self.state is HabilitationState.REVOKED

    @property
    def details(self) -> dict[str, Any]:
        """What is stored beside the columns."""
        return dict(self.facts.details) | ({} if self.update is None else {"update": self.update.value})


def fold(product: ProductKey, events: Iterable[Event]) -> Outcome | None:
    """The outcome of all events of a habilitation, in any order; None without any."""
    placed = sorted(events, key=lambda event: event.place)
    if not placed:
        return None
    outcome = Outcome()
    for event in placed:
        _apply(outcome, event, product)
    if outcome.state is None:
        outcome.state = HabilitationState.DRAFT
    return outcome


def _apply(outcome: Outcome, event: Event, product: ProductKey) -> None:
    is_first = outcome.state is None
    if outcome.settled:
        outcome.updates.add(event.number)
    outcome.last = event.number
    if outcome.revoked:
        if event.name is EventName.TRANSFER:
            _store_people(outcome, event)
        return
    if event.name is EventName.APPROVE or not outcome.settled:
        _store(outcome, event)
    elif event.name is EventName.TRANSFER:
        _store_people(outcome, event)
    _move(outcome, event, is_first=is_first)
    if event.name is EventName.APPROVE:
        _approve(outcome, event, product)


def _move(outcome: Outcome, event: Event, *, is_first: bool) -> None:
    """Change the state, and the moments that go with it."""
    if event.name in _SUBMITTED and outcome.first_submitted_at is None:
        outcome.first_submitted_at = event.fired_at
    if event.name is EventName.SUBMIT:
        outcome.submitted_at = event.fired_at
    if event.name is EventName.REOPEN or event.name is EventName.CANCEL_REOPENING:
        _reopen_or_close(outcome, event, is_first=is_first)
    elif outcome.reopened and event.name is EventName.UPDATE:
        outcome.update = HabilitationState.DRAFT
    elif outcome.state is HabilitationState.VALIDATED and event.name in _UPDATES:
        outcome.reopened = event.name is not EventName.REFUSE
        outcome.update = _UPDATES[event.name]
    elif outcome.settled and outcome.state is HabilitationState.ARCHIVED and event.name is not EventName.APPROVE:
        if event.name is EventName.REVOKE:
            _enter(outcome, HabilitationState.REVOKED, event)
    elif event.name in _STATES:
        _enter(outcome, _STATES[event.name], event)
    elif is_first:
        said = event.facts.state if event.name is not EventName.CREATE else None
        _enter(outcome, _believed(event.name, said), event)


def _believed(name: EventName, said: HabilitationState | None) -> HabilitationState:
    """Where a request stands of which the beginning was not told: a validated one is known by its transfer alone."""
    if said is None or (name is EventName.UPDATE and said in (HabilitationState.VALIDATED, HabilitationState.REVOKED)):
        return HabilitationState.DRAFT
    return said


def _reopen_or_close(outcome: Outcome, event: Event, *, is_first: bool) -> None:
    if is_first:  # what was approved before we were told of anything
        _enter(outcome, HabilitationState.VALIDATED, event)
        outcome.validated_at = None
    if outcome.state is HabilitationState.VALIDATED:
        outcome.reopened = event.name is EventName.REOPEN
        outcome.update = HabilitationState.DRAFT if outcome.reopened else None


def _enter(outcome: Outcome, state: HabilitationState, event: Event) -> None:
    outcome.state = state
    outcome.reopened = False
    outcome.update = None
    outcome.ended_at = event.fired_at if state in OVER else None
    if state is HabilitationState.VALIDATED:
        outcome.settled = True
        outcome.validated_at = event.fired_at


def _store(outcome: Outcome, event: Event) -> None:
    """Take what an event says of the request; what it does not say stays."""
    said = event.facts
    before = outcome.facts
    values: dict[str, Any] = {name: value for name in _STORED if (value := getattr(said, name)) is not None}
    outcome.facts = replace(before, **values, details=said.details or before.details)
    if outcome.created_at is None:
        outcome.created_at = min(said.created_at or event.fired_at, event.fired_at)
    if said.names_people:
        outcome.people_from = event.number


_STORED: Final = (
    "title",
    "description",
    "siret",
    "organization",
    "public_id",
    "form_uid",
    "use_case",
    "scopes",
    "modalities",
    "created_at",
    "copied_from",
    "replaces",
)


def _store_people(outcome: Outcome, event: Event) -> None:
    """Take the people and the body that an event names, and nothing of the request."""
    said = event.facts
    if said.siret is not None:
        outcome.facts = replace(
            outcome.facts,
            siret=said.siret,
            organization=said.organization
            or (outcome.facts.organization if said.siret == outcome.facts.siret else None),
        )
    if said.names_people:
        outcome.people_from = event.number


def _approve(outcome: Outcome, event: Event, product: ProductKey) -> None:
    """Give what is approved to a token of its own, and leave no more than that to those before."""
    scopes = outcome.facts.scopes or ()
    for earlier in outcome.approvals:
        earlier.scopes_left = tuple(scope for scope in earlier.scopes_left if scope in scopes)
    modalities = outcome.facts.modalities
    needs_none = product is ProductKey.PARTICULIER and modalities is not None and PARAMETERS not in modalities
    outcome.approvals.append(Approval(event=event, scopes=scopes, makes_token=not needs_none, scopes_left=scopes))
