"""Which mail goes to whom: the table, row by row."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select

from apientreprise_gateway.accounts import mails
from apientreprise_gateway.accounts.mail_rules import Kind
from apientreprise_gateway.accounts.model import EventName
from apientreprise_gateway.database import serving
from apientreprise_gateway.database.engine import reading, writing
from support.mail_server import add_for_mails, add_token

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
D, T, M = "d@mairie.example", "t@logiciel.example", "m@mairie.example"
Sent = Mapping[str, tuple[str, tuple[str, ...]]]


def sent(engine: Engine) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Recipient and copies of each kind of mail in the queue."""
    with reading(engine) as connection:
        rows = connection.execute(select(serving.mails)).all()
    assert all(row.kind == Kind(row.kind) for row in rows)
    return {row.kind: (row.recipient, tuple(row.copies)) for row in rows}


APPROVED: list[tuple[str, tuple[str | None, str | None, str | None], Sent]] = [
    ("entreprise", (D, D, D), {"approved_all": (D, ())}),
    ("entreprise", (D, None, None), {"approved_all": (D, ())}),
    (
        "entreprise",
        (D, T, M),
        {"approved_applicant": (D, ()), "approved_technical": (T, (D,)), "approved_business": (M, (D, T))},
    ),
    (
        "entreprise",
        (D, T, T),
        {"approved_applicant": (D, ()), "approved_technical": (T, (D,)), "approved_business": (T, (D,))},
    ),
    ("entreprise", (D, D, M), {"approved_applicant_technical": (D, ()), "approved_business": (M, (D,))}),
    ("entreprise", (D, T, D), {"approved_applicant": (D, ()), "approved_technical": (T, (D,))}),
    ("particulier", (D, D, D), {"approved_all": (D, ())}),
    ("particulier", (D, T, M), {"approved_applicant": (D, ()), "approved_technical": (T, (D,))}),
    ("particulier", (D, D, M), {"approved_applicant_technical": (D, ())}),
    ("particulier", (D, T, D), {"approved_applicant": (D, ()), "approved_technical": (T, (D,))}),
]


@pytest.mark.parametrize(("product", "people", "expected"), APPROVED)
def test_approval(
    engine: Engine, product: str, people: tuple[str | None, str | None, str | None], expected: Sent
) -> None:
    """At an approval the mails depend on who of the three people are the same."""
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, NOW, *people, product=product)
        mails.for_event(connection, habilitation, EventName.APPROVE, NOW)
    assert sent(engine) == expected


OTHERS: list[tuple[EventName, bool, str, Sent]] = [
    (EventName.SUBMIT, False, "entreprise", {"request_received": (D, ())}),
    (EventName.SUBMIT, True, "entreprise", {"update_received": (D, ())}),
    (EventName.REQUEST_CHANGES, False, "entreprise", {"changes_requested": (D, ())}),
    (EventName.REQUEST_CHANGES, True, "particulier", {"update_changes_requested": (D, ())}),
    (EventName.REFUSE, False, "particulier", {"request_refused": (D, ())}),
    (EventName.REFUSE, True, "entreprise", {"update_refused": (D, ())}),
    (EventName.APPROVE, True, "entreprise", {"update_approved": (M, (D, T))}),
    (EventName.APPROVE, True, "particulier", {"update_approved": (D, (T,))}),
    (EventName.REVOKE, False, "entreprise", {"habilitation_revoked": (D, (T,))}),
    (EventName.CREATE, False, "entreprise", {}),
    (EventName.UPDATE, False, "entreprise", {}),
    (EventName.ARCHIVE, False, "entreprise", {}),
    (EventName.REOPEN, True, "entreprise", {}),
    (EventName.TRANSFER, False, "entreprise", {}),
]


@pytest.mark.parametrize(("event", "update", "product", "expected"), OTHERS)
def test_other_events(engine: Engine, event: EventName, *, update: bool, product: str, expected: Sent) -> None:
    """Every other event has one mail at most, another one while a habilitation in force is changed."""
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, NOW, D, T, M, product=product, reopened=update)
        mails.for_event(connection, habilitation, event, NOW)
    assert sent(engine) == expected


def test_a_maker_of_software_gets_one_mail(engine: Engine) -> None:
    """The request of an editor is answered to its applicant, with copies."""
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, NOW, D, T, M, use_case="editeurs")
        mails.for_event(connection, habilitation, EventName.APPROVE, NOW)
    assert sent(engine) == {"approved_editor": (D, (T, M))}


def test_reporters_are_told_apart(engine: Engine) -> None:
    """Whoever follows requests for some data gets a mail of their own for those alone, without other addresses."""
    reporters = {"tous@etat.example": (), "insee@etat.example": ("unites_legales_etablissements_insee",)}
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, NOW, None)
        given = {**reporters, "dgfip@etat.example": ("attestation_fiscale_dgfip",)}
        assert mails.for_event(connection, habilitation, EventName.SUBMIT, NOW, reporters=given) == 2
    with reading(engine) as connection:
        rows = connection.execute(select(serving.mails.c.recipient, serving.mails.c.copies)).all()
    assert {row.recipient: row.copies for row in rows} == {address: [] for address in reporters}


def test_the_same_event_sends_once(engine: Engine) -> None:
    """An event that is applied again queues nothing; another one of the same name does."""
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, NOW, D)
        counts = [
            mails.for_event(connection, habilitation, EventName.SUBMIT, NOW, occasion=occasion)
            for occasion in ("1", "1", "2")
        ]
    assert counts == [1, 0, 1]


def test_hostile_texts_are_stored(engine: Engine) -> None:
    """A title or comment with NUL, line breaks or half a character is stored without them."""
    hostile = "a\x00b\r\nSubject: c\ud800"
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, NOW, D)
        changed = type(habilitation)(
            **{name: getattr(habilitation, name) for name in habilitation.__slots__} | {"title": hostile}
        )
        mails.for_event(connection, changed, EventName.REFUSE, NOW, comment=hostile)
        data = connection.execute(select(serving.mails.c.data)).scalar_one()
    assert data["title"] == "a b Subject: c"
    assert data["comment"] == "a b\nSubject: c"


def test_mails_of_tokens(engine: Engine) -> None:
    """A revocation is told to applicant and technical contact, an audit to all three; no copy is double."""
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, NOW, D, T, D)
        token = add_token(connection, habilitation, NOW)
        mails.token_revoked(connection, habilitation, jti=token, at=NOW, now=NOW, comment="x", replacement="y")
        mails.audit(
            connection, habilitation, notification_id="1", reason="x", volume=3, request_ids=["a"] * 20, now=NOW
        )
        data = connection.execute(select(serving.mails.c.data).where(serving.mails.c.kind == Kind.AUDIT)).scalar_one()
    assert sent(engine) == {"token_revoked": (D, (T,)), "audit": (D, (T,))}
    assert len(data["request_ids"]) == 10
