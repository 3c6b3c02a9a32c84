"""Events that are applied again: what stands stays, what was lost or not understood is made good."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, select, update

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.applying import Delivery, receive
from apientreprise_gateway.accounts.datapass import v2
from apientreprise_gateway.accounts.model import Habilitation, HabilitationState, ProductKey, Role
from apientreprise_gateway.accounts.reading import read
from apientreprise_gateway.accounts.replaying import replay, reread
from apientreprise_gateway.accounts.tokens import revoke
from apientreprise_gateway.cli.main import main
from apientreprise_gateway.database.accounts import (
    activity,
    events,
    habilitations,
    organizations,
    publications,
    roles,
    tokens,
    users,
)
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.serving import mails
from apientreprise_gateway.sandbox.datapass.bodies import body_v2
from apientreprise_gateway.sandbox.datapass.requests import APPLICANT, SUCCESSOR, FictiveRequest

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
LATER = datetime(2026, 11, 3, 9, tzinfo=UTC)
T = int(NOW.timestamp()) - 1000
REQUEST = FictiveRequest(product="entreprise")


def _tell(engine: Engine, event: str, fired_at: int, request: FictiveRequest = REQUEST, **more: Any) -> None:
    body = json.dumps(body_v2(request, event, fired_at) | more).encode()
    product = ProductKey(request.product)
    said = read(v2.SOURCE, body, product, NOW)
    with writing(engine) as connection:
        receive(connection, Delivery(source=v2.SOURCE, product=product, body=body, reading=said), NOW)


def _rows(engine: Engine) -> dict[str, list[Any]]:
    """Everything that a replay may change."""
    tables = habilitations, organizations, users, roles, events, tokens, publications, activity, mails
    with reading(engine) as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables}


def _habilitation(engine: Engine, number: int = REQUEST.number) -> Habilitation:
    with reading(engine) as connection:
        found = repository.habilitation_by_number(connection, ProductKey.ENTREPRISE, str(number))
    assert found is not None
    return found


@pytest.fixture
def told(engine: Engine) -> Engine:
    """A database with a few habilitations, and what people did to their tokens."""
    for place, event in enumerate(("create", "submit", "approve", "reopen", "submit", "approve", "transfer")):
        request = FictiveRequest(product="entreprise", applicant=SUCCESSOR) if event == "transfer" else REQUEST
        _tell(engine, event, T + place, request)
    for number in (1, 2):
        _tell(engine, "approve", T, FictiveRequest(product="entreprise", number=number, scopes=("a", "b")))
        _tell(engine, "approve", T + 1, FictiveRequest(product="entreprise", number=number, scopes=("b",)))
    _tell(engine, "revoke", T + 2, FictiveRequest(product="entreprise", number=2))
    other = replace(
        REQUEST, number=4, organization="UN AUTRE NOM", applicant=replace(APPLICANT, phone_number="0200000000")
    )
    _tell(engine, "submit", T, other)  # of the same body and person, of whom it says something else
    _tell(engine, "start_next_stage", T)
    with writing(engine) as connection:
        first = repository.tokens_of(connection, _habilitation(engine).id)[0]
        revoke(connection, first.id, now=NOW, by="somebody", reason="Perdu")
    return engine


def test_a_replay_changes_nothing_that_stands(told: Engine) -> None:
    """Not a row, not an act, not a mail: as often as it is done."""
    before = _rows(told)
    for _ in range(2):
        assert reread(told) == 0
        assert [each.changed for each in replay(told, LATER)] == [False] * 4
    assert _rows(told) == before


def test_a_replay_changes_nothing_when_bodies_are_gone(told: Engine) -> None:
    """What is kept of an event without its body is enough."""
    with writing(told) as connection:
        connection.execute(update(events).values(body=None))
    before = _rows(told)
    assert not any(each.changed for each in replay(told, LATER))
    assert _rows(told) == before


def test_what_was_lost_is_made_again(told: Engine) -> None:
    """Roles, states and tokens come back as they were, the tokens by their old names."""
    before = _rows(told)
    jtis = {each.id for each in _tokens(told)}
    with writing(told) as connection:
        revoked = select(habilitations.c.id).where(habilitations.c.state == "revoked")
        connection.execute(delete(roles).where(roles.c.habilitation_id.not_in(revoked)))
        connection.execute(update(habilitations).values(state="draft", title="?", scopes=[]))
        connection.execute(delete(tokens).where(tokens.c.revoked_by.is_(None)))
    assert all(each.changed for each in replay(told, LATER))
    after = _rows(told)
    assert {each.id for each in _tokens(told)} == jtis
    assert after["roles"] == before["roles"]
    assert after["mails"] == before["mails"]
    assert {each.state for each in (_habilitation(told, number) for number in (1, 2, REQUEST.number))} == {
        HabilitationState.VALIDATED,
        HabilitationState.REVOKED,
    }


def test_who_was_erased_stays_erased(told: Engine) -> None:
    """The people of what is over do not come back, by a replay or by an event that says nothing new of them."""
    with writing(told) as connection:
        theirs = roles.c.habilitation_id == _habilitation(told, 2).id
        connection.execute(delete(roles).where(theirs))
    assert not any(each.changed for each in replay(told, LATER))
    _tell(told, "archive", T + 3, FictiveRequest(product="entreprise", number=2))
    with reading(told) as connection:
        assert repository.contacts(connection, _habilitation(told, 2).id) == {}


def _tokens(engine: Engine) -> list[Any]:
    with reading(engine) as connection:
        return list(connection.execute(select(tokens.c.id, tokens.c.exp)))


def test_one_habilitation_can_be_chosen(told: Engine) -> None:
    """By the number of an event, or by when something came."""
    with reading(told) as connection:
        number = connection.scalar(select(func.min(events.c.id)).where(events.c.external_id == "2"))
    assert [each.subject.external_id for each in replay(told, LATER, event=number)] == ["2"]
    assert list(replay(told, LATER, since=LATER)) == []
    assert len(list(replay(told, LATER, since=NOW))) == 4


def test_what_is_understood_now_is_applied(told: Engine) -> None:
    """An event that a former version could not read is read by its body."""
    with writing(told) as connection:
        connection.execute(
            update(events)
            .where(events.c.external_id == "2", events.c.name == "revoke")
            .values(external_id=None, fired_at=None, facts={})
        )
        connection.execute(update(habilitations).where(habilitations.c.external_id == "2").values(state="validated"))
        connection.execute(update(tokens).values(revoked_at=None))
    assert reread(told) == 1
    assert [each.subject.external_id for each in replay(told, LATER) if each.changed] == ["2"]
    assert _habilitation(told, 2).state is HabilitationState.REVOKED


def test_the_command_says_what_it_did(
    told: Engine, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It counts habilitations, and names those that changed."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", url)
    with writing(told) as connection:
        connection.execute(update(habilitations).where(habilitations.c.external_id == "1").values(title="?"))
    with pytest.raises(SystemExit) as ended:
        main(["portal", "datapass", "replay"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "entreprise 1: changed" in out
    assert "Habilitations: 4, of which changed: 1." in out
    with pytest.raises(SystemExit) as ended:
        main(["portal", "datapass", "replay", "--event", "99999"])
    assert ended.value.code == 1


def test_the_transfer_stands_after_a_replay(told: Engine) -> None:
    """The people are those of the last event that names them."""
    list(replay(told, LATER))
    with reading(told) as connection:
        people = repository.contacts(connection, _habilitation(told).id)
    assert people[Role.APPLICANT].email == SUCCESSOR.email
