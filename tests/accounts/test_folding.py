"""Events in any order, any of them twice, against a table of what each does in each state."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, select

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.applying import Delivery, receive
from apientreprise_gateway.accounts.datapass import v1, v2
from apientreprise_gateway.accounts.model import ProductKey, Role
from apientreprise_gateway.accounts.reading import read
from apientreprise_gateway.accounts.replaying import replay
from apientreprise_gateway.database.accounts import events as event_rows
from apientreprise_gateway.database.accounts import tokens as token_rows
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.sandbox.datapass.bodies import body_v1, body_v2
from apientreprise_gateway.sandbox.datapass.requests import APPLICANT, SUCCESSOR, FictivePerson, FictiveRequest

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
T = int(NOW.timestamp()) - 1000
SCOPES = ("a", "b", "c")
_numbers = count(1)

NAMES = (
    *("create", "update", "submit", "request_changes", "refuse", "approve"),
    *("revoke", "archive", "delete", "reopen", "cancel_reopening", "transfer"),
)
TABLE = {
    "none": "draft draft submitted changes refused validated revoked archived archived reopened validated validated",
    "draft": "draft draft submitted changes refused validated revoked archived archived draft draft draft",
    "submitted": "submitted submitted submitted changes refused validated "
    "revoked archived archived submitted submitted submitted",
    "changes": "changes changes submitted changes refused validated revoked archived archived changes changes changes",
    "refused": "refused refused submitted changes refused validated revoked archived archived refused refused refused",
    "archived": "archived archived submitted changes refused validated "
    "revoked archived archived archived archived archived",
    "validated": "validated validated reopened reopened validated validated "
    "revoked away away reopened validated validated",
    "reopened": "reopened reopened reopened reopened validated validated revoked away away reopened validated reopened",
    "away": "away away away away away validated revoked away away away away away",
    "revoked": "revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked",
}
"""The state after each event, in the order of `NAMES`; `away` is archived after it was validated."""
OPEN = ("none", "draft", "submitted", "changes", "refused", "archived")
"""States in which nothing was validated yet: every event is stored."""
SHOWN = {"changes": "changes_requested", "reopened": "validated", "away": "archived"}


@dataclass(frozen=True)
class Told:
    """An event of the model."""

    name: str
    fired_at: int
    title: str
    scopes: tuple[str, ...]
    applicant: FictivePerson


@dataclass
class Expected:
    """What a plain reading of the events in their order gives."""

    state: str = "none"
    title: str = ""
    scopes: tuple[str, ...] = ()
    applicant: str = ""
    tokens: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """The place of arrival of each approval before a revocation, and what is left of its scopes."""


def oracle(told: list[Told]) -> Expected:
    """Apply the events by (fired_at, arrival)."""
    found = Expected()
    for arrival, event in sorted(enumerate(told), key=lambda each: (each[1].fired_at, each[0])):
        before = found.state
        found.state = TABLE[before].split()[NAMES.index(event.name)]
        approves = event.name == "approve" and before != "revoked"
        if before in OPEN or approves:
            found.title, found.scopes = event.title, event.scopes
        if before in OPEN or approves or event.name == "transfer":
            found.applicant = event.applicant.email
        if approves:
            found.tokens = tuple(
                (each, tuple(scope for scope in left if scope in event.scopes)) for each, left in found.tokens
            )
            found.tokens += ((arrival, event.scopes),)
    return found


EVENTS = st.builds(
    Told,
    name=st.sampled_from(NAMES),
    fired_at=st.integers(T, T + 8),
    title=st.sampled_from(["Un titre", "Un autre titre"]),
    scopes=st.sets(st.sampled_from(SCOPES)).map(lambda chosen: tuple(sorted(chosen))),
    applicant=st.sampled_from([APPLICANT, SUCCESSOR]),
)


class Deliveries(RuleBasedStateMachine):
    """A habilitation of which events come in any order, some of them again; sometimes all is replayed."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.number = next(_numbers)
        self.told: list[Told] = []
        self.answers: list[dict[str, Any]] = []
        self.bodies: list[tuple[str, bytes]] = []

    @rule(event=EVENTS)
    def deliver(self, event: Told) -> None:
        """An event comes for the first time."""
        request = FictiveRequest(product="entreprise", number=self.number, title=event.title, applicant=event.applicant)
        request = replace(request, scopes=event.scopes or ("",))  # a scope without a name is none
        said = (body_v1 if event.name == "delete" else body_v2)(request, event.name, event.fired_at)
        body = json.dumps(said | {"arrival": len(self.told)}).encode()
        source = v1.SOURCE if event.name == "delete" else v2.SOURCE
        self.told.append(event)
        self.bodies.append((source, body))
        self.answers.append(self._send(source, body))

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """An event comes again, and is answered as before."""
        if self.bodies:
            place = data.draw(st.integers(0, len(self.bodies) - 1))
            assert self._send(*self.bodies[place]) == self.answers[place]

    @rule()
    def replay(self) -> None:
        """All is applied again, and changes nothing."""
        with reading(self.engine) as connection:
            mine = event_rows.c.external_id == str(self.number)
            number = connection.scalar(select(event_rows.c.id).where(mine).limit(1))
        if number is not None:
            assert [each.changed for each in replay(self.engine, NOW, event=number)] == [False]

    def _send(self, source: str, body: bytes) -> dict[str, Any]:
        said = read(source, body, ProductKey.ENTREPRISE, NOW)
        with writing(self.engine) as connection:
            delivery = Delivery(source=source, product=ProductKey.ENTREPRISE, body=body, reading=said)
            return dict(receive(connection, delivery, NOW).body)

    @invariant()
    def what_stands_is_what_was_told(self) -> None:
        """State, contents, people and tokens."""
        if not self.told:
            return
        expected = oracle(self.told)
        with reading(self.engine) as connection:
            found = repository.habilitation_by_number(connection, ProductKey.ENTREPRISE, str(self.number))
            assert found is not None
            people = repository.contacts(connection, found.id)
            made = connection.execute(
                select(token_rows.c.id, token_rows.c.revoked_at, token_rows.c.event_id).where(
                    token_rows.c.habilitation_id == found.id
                )
            ).all()
            tokens = {token.id: token for token in repository.tokens_of(connection, found.id)}
            mine = event_rows.c.external_id == str(self.number)
            arrivals = connection.scalars(select(event_rows.c.id).where(mine).order_by(event_rows.c.id)).all()
        assert found.state == SHOWN.get(expected.state, expected.state)
        assert found.reopened == (expected.state == "reopened")
        assert (found.title, found.scopes) == (expected.title, expected.scopes)
        assert people[Role.APPLICANT].email == expected.applicant
        left = {arrivals.index(row.event_id): (tokens[row.id].scopes_in_force, row.revoked_at) for row in made}
        for arrival, scopes in expected.tokens:
            found_scopes, revoked_at = left[arrival]
            if revoked_at is None:
                assert found_scopes == scopes
            else:
                # What an approval has withdrawn does not come back if a revocation before it is told of later: nobody
                # can use the token any more.
                assert set(found_scopes) <= set(scopes)
        if expected.state == "revoked":
            assert all(row.revoked_at is not None for row in made)
        else:
            assert set(left) == {arrival for arrival, _ in expected.tokens}
            assert all(row.revoked_at is None for row in made)


def test_the_outcome_is_that_of_the_order_in_which_things_happened(engine: Engine) -> None:
    """Whatever came when, and however often."""
    machine = type("DeliveriesHere", (Deliveries,), {"engine": engine})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30,
            phases=[Phase.generate],
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
