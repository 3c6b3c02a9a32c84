"""Tests of what is known of a person, and of what is erased; on both databases."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, insert, select

from apientreprise_gateway.accounts import mail_queue, people, repository, tokens, transfers
from apientreprise_gateway.accounts.model import Role
from apientreprise_gateway.database import accounts as tables
from apientreprise_gateway.database.engine import writing
from apientreprise_gateway.database.serving import login_links, mails, sessions
from support.accounts import APPLICANT, PEOPLE, SIRET, TECHNICAL, add_habilitation, add_known

NOW = datetime(2026, 3, 2, 12, 30, 15, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
NOBODY = "personne@ailleurs.test"


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes."""
    with writing(engine) as connection:
        yield connection


def leave_traces(connection: Connection, email: str) -> str:
    """Rows of each kind that name a person; the id of the account."""
    user = repository.user_by_email(connection, email)
    assert user is not None
    connection.execute(
        insert(sessions).values(
            sha256=b"of a session", user_id=user.id, csrf="a csrf", data={}, created_at=NOW, expires_at=LATER
        )
    )
    connection.execute(insert(login_links).values(sha256=b"of a link", email=email, created_at=NOW, expires_at=LATER))
    identity = {"issuer": "https://proconnect.test", "subject": "s", "user_id": user.id, "created_at": NOW}
    connection.execute(insert(tables.identities).values(identity))
    transfers.ask(connection, user, email="lou@mairie.test", siret=SIRET, now=NOW)
    mail = mail_queue.Mail(kind="x", key="k", recipient="a@b.fr", copies=[email], sealed=b"sealed link")
    mail_queue.enqueue(connection, mail, now=NOW)
    connection.execute(
        insert(tables.events).values(
            sha256=uuid4().bytes,
            source="datapass-v2",
            product="entreprise",
            external_id="1",
            name="submit",
            arrived_at=NOW,
            facts={},
            body=json.dumps({"applicant": {"email": email.upper()}}).encode(),
            answer={},
        )
    )
    return user.id


def test_all_that_is_known_of_a_person(connection: Connection) -> None:
    """Each kind of rows, in a form that is JSON, without what opens a session or a link."""
    known = add_known(connection, NOW, details={"controller": {"email": APPLICANT}, "dpo": {"email": "dpo@x.fr"}})
    user_id = leave_traces(connection, APPLICANT)
    found = people.export(connection, f" {APPLICANT.upper()} ", now=NOW, by="operator")
    assert found is not None
    text = json.dumps(found, ensure_ascii=False)
    assert (found["account"]["id"], found["account"]["given_name"]) == (user_id, "Camille")
    assert [role["number"] for role in found["roles"]] == [known.habilitation.external_id]
    for kind in ("identities", "sessions", "login_links", "mails", "transfers", "activity", "named_in_webhooks"):
        assert found[kind], kind
    assert [each["as"] for each in found["named_in_habilitations"]] == [["controller"]]
    assert all(secret not in text for secret in ("a csrf", "of a session", "of a link", "sealed", "sha256"))
    act = connection.execute(select(tables.activity).where(tables.activity.c.act == "person.exported")).one()
    assert (act.user_id, act.object_id) == ("operator", user_id)


def test_of_somebody_who_is_unknown(connection: Connection) -> None:
    """Nothing is known, and nothing is erased."""
    add_known(connection, NOW)
    for email in (NOBODY, "%", "_@mairie.test", ""):
        assert people.export(connection, email, now=NOW) is None
        assert people.erase(connection, email, now=NOW) is None


def test_what_an_account_needs_stays(connection: Connection) -> None:
    """A role in a habilitation that goes on keeps the account; the rest goes, each kind a row, the reasons are said."""
    known = add_known(connection, NOW)
    user_id = leave_traces(connection, APPLICANT)
    done = people.erase(connection, APPLICANT, now=NOW, by="operator")
    assert done is not None
    assert set(done.erased) == {"sessions", "identities", "login_links"}
    assert any(known.habilitation.external_id in reason for reason in done.kept)
    assert any("webhooks" in reason for reason in done.kept)
    assert repository.user(connection, user_id) is not None
    purges = connection.execute(select(tables.account_purges.c.what, tables.account_purges.c.rows)).all()
    assert {row.what for row in purges} == {f"person: {what}" for what in done.erased}


def test_somebody_whose_habilitations_are_over(connection: Connection) -> None:
    """The account goes with its roles, and the details of what is over forget the person; the others stay."""
    over = add_habilitation(connection, NOW, state="archived", details={"dpo": {"email": TECHNICAL}, "legal": "x"})
    connection.execute(insert(mails).values(
        key="k", kind="x", recipient=TECHNICAL, copies=[], data={}, state="sent", created_at=NOW, due_at=NOW, attempts=1
    ))  # fmt: skip
    done = people.erase(connection, TECHNICAL, now=NOW)
    assert done is not None
    assert done.erased == {"mails": 1, "habilitation_contacts": 1, "roles": 1, "users": 1}
    assert done.kept == []
    assert people.export(connection, TECHNICAL, now=NOW) is None
    assert set(repository.contacts(connection, over.id)) == {Role.APPLICANT, Role.BUSINESS_CONTACT}
    found = repository.habilitation(connection, over.id)
    assert found is not None
    assert found.details == {"legal": "x"}


def test_the_people_beside_are_left(connection: Connection) -> None:
    """Erasing one person changes nothing of another, nor of the tokens."""
    known = add_known(connection, NOW, state="revoked")
    tokens.revoke_all(connection, known.habilitation.id, now=NOW, reason="Fin")
    people.erase(connection, APPLICANT, now=NOW)
    assert {each.email for each in repository.contacts(connection, known.habilitation.id).values()} == {
        person.email for role, person in PEOPLE.items() if role is not Role.APPLICANT
    }
    assert repository.token(connection, known.token.id) is not None
