"""Sending mails: each once, whatever the server does."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, insert, select, update

from apientreprise_gateway.accounts import mails, repository
from apientreprise_gateway.accounts.mail_queue import Mail, enqueue
from apientreprise_gateway.accounts.mail_rules import Kind
from apientreprise_gateway.accounts.model import EventName, HabilitationState, Role
from apientreprise_gateway.database import accounts as tables
from apientreprise_gateway.database import serving
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.portal.mail.examples import EXAMPLES
from apientreprise_gateway.portal.mail.queue import CLAIM, State, claim, depth, finish, wait_after, waiting
from apientreprise_gateway.portal.mail.queue import Attempt as QueueAttempt
from apientreprise_gateway.portal.mail.rendering import Renderer
from apientreprise_gateway.portal.mail.sending import MailServer, Sender, server_of
from apientreprise_gateway.portal.sealing import Sealer
from apientreprise_gateway.portal.settings import load
from support.certificates import Authority
from support.job_process import send_mails
from support.mail_server import Inbox, add_for_mails, add_token, mail_server
from support.portal import KEY, Clock

NOWHERE = MailServer(host="127.0.0.1", port=9, tls=False, user=None, password=None, sender="portail@service.example")


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


def sealer() -> Sealer:
    """The ring of the tests."""
    return Sealer(load(secret_keys=KEY).secret_keys)


def sender(engine: Engine, clock: Clock, server: MailServer | None) -> Sender:
    """A sender with the clock of the test."""
    renderer = Renderer(public_url="https://portail.example", sealer=sealer())
    return Sender(engine, renderer, server, clock=clock, step_seconds=5)


def queue_mail(engine: Engine, clock: Clock, recipient: str = "a@mairie.example", **more: Any) -> None:
    """Queue a mail of no object."""
    given: dict[str, Any] = {"key": "1", "kind": Kind.AUDIT, "data": EXAMPLES[Kind.AUDIT]} | more
    with writing(engine) as connection:
        assert enqueue(connection, Mail(recipient=recipient, **given), now=clock())


def rows(engine: Engine) -> Sequence[Any]:
    """The whole queue."""
    with reading(engine) as connection:
        return connection.execute(select(serving.mails).order_by(serving.mails.c.id)).all()


async def test_a_mail_is_sent_once_with_its_headers(engine: Engine, clock: Clock) -> None:
    """A mail has two parts, a fixed Message-ID of the portal's host, and says that a program has sent it."""
    queue_mail(engine, clock, copies=("b@mairie.example",), data={**EXAMPLES[Kind.AUDIT], "unsubscribe": "/fin/x"})
    inbox = Inbox()
    async with mail_server(inbox) as server:
        ours = sender(engine, clock, server)
        assert await ours.send_due() == {State.SENT: 1}
        assert await ours.send_due(waiting=True) == {}
    [mail] = inbox.mails
    assert inbox.recipients == [["a@mairie.example", "b@mairie.example"]]
    assert mail["Subject"] == "n°4821 | Des appels à expliquer"
    assert mail["To"] == "a@mairie.example"
    assert mail["Cc"] == "b@mairie.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<https://portail.example/fin/x>"
    assert mail["Message-ID"].endswith("@portail.example>")
    assert "+0000" in mail["Date"]
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    [row] = rows(engine)
    assert (row.state, row.sealed, row.error) == ("sent", None, None)


@pytest.mark.parametrize("answer", ["450 later", "dies"])
async def test_what_is_refused_for_now_is_tried_again(engine: Engine, clock: Clock, answer: str) -> None:
    """After 4xx, or a connection that breaks, a mail waits a minute and is sent with the same Message-ID."""
    queue_mail(engine, clock)
    inbox = Inbox()
    inbox.answer = answer
    async with mail_server(inbox) as server:
        ours = sender(engine, clock, server)
        assert await ours.send_due() == {State.QUEUED: 1}
        assert await ours.send_due() == {}
        inbox.answer = "250 taken"
        clock.pass_by(seconds=59)
        assert await ours.send_due() == {}
        clock.pass_by(seconds=1)
        assert await ours.send_due() == {State.SENT: 1}
    assert len(inbox.mails) == 1


async def test_a_server_that_says_nothing_is_left(engine: Engine, clock: Clock) -> None:
    """A server that does not answer in time costs one attempt."""
    queue_mail(engine, clock)
    inbox = Inbox()
    inbox.answer = "silent"
    async with mail_server(inbox) as server:
        renderer = Renderer(public_url=None)
        ours = Sender(engine, renderer, server, clock=clock, step_seconds=0.3)
        assert await ours.send_due() == {State.QUEUED: 1}
    assert rows(engine)[0].error.startswith("SMTP")


async def test_what_is_refused_for_good_ends_at_once(engine: Engine, clock: Clock) -> None:
    """After 5xx at its recipient, or at the message, a mail has failed, and is kept and counted."""
    inbox = Inbox()
    inbox.answer_to["nobody@mairie.example"] = "550 unknown"
    queue_mail(engine, clock, "nobody@mairie.example")
    async with mail_server(inbox) as server:
        assert await sender(engine, clock, server).send_due() == {State.FAILED: 1}
        inbox.answer = "554 no"
        queue_mail(engine, clock, "c@mairie.example")
        assert await sender(engine, clock, server).send_due() == {State.FAILED: 1}
    assert [(row.state, row.error) for row in rows(engine)] == [("failed", "550"), ("failed", "554")]
    with reading(engine) as connection:
        assert depth(connection, clock()).failed == 2
        assert "mairie" not in repr(waiting(connection, limit=10))


async def test_who_has_a_mail_does_not_get_it_twice(engine: Engine, clock: Clock) -> None:
    """When a copy is refused for now, only that one is tried again."""
    queue_mail(engine, clock, copies=("full@mairie.example", "gone@mairie.example"))
    inbox = Inbox()
    inbox.answer_to |= {"full@mairie.example": "452 full", "gone@mairie.example": "550 gone"}
    async with mail_server(inbox) as server:
        ours = sender(engine, clock, server)
        assert await ours.send_due() == {State.QUEUED: 1}
        del inbox.answer_to["full@mairie.example"]
        clock.pass_by(minutes=1)
        assert await ours.send_due() == {State.SENT: 1}
    assert inbox.recipients == [["a@mairie.example"], ["full@mairie.example"]]


async def test_nothing_is_lost_while_the_server_is_away_for_a_day(engine: Engine, clock: Clock) -> None:
    """Mails of a day without a server are each sent once within an hour after it is back."""
    away = sender(engine, clock, NOWHERE)
    for hour in range(24):
        queue_mail(engine, clock, f"p{hour}@mairie.example", key=str(hour))
        assert set(await away.send_due()) <= {State.QUEUED}
        clock.pass_by(hours=1)
    inbox = Inbox()
    async with mail_server(inbox) as server:
        back = sender(engine, clock, server)
        for _ in range(12):
            await back.send_due()
            clock.pass_by(minutes=5)
    assert sorted(each for [each] in inbox.recipients) == sorted(f"p{hour}@mairie.example" for hour in range(24))
    assert len(set(inbox.ids)) == 24


async def test_a_mail_is_given_up_after_a_week(engine: Engine, clock: Clock) -> None:
    """Waits grow to an hour; a week after it was queued a mail has failed."""
    queue_mail(engine, clock)
    away = sender(engine, clock, NOWHERE)
    assert [wait_after(number) for number in (1, 2, 7, 100)] == [
        timedelta(minutes=1), timedelta(minutes=2), timedelta(hours=1), timedelta(hours=1),
    ]  # fmt: skip
    clock.pass_by(days=6.9)
    assert await away.send_due() == {State.QUEUED: 1}
    clock.pass_by(days=0.2)
    assert await away.send_due() == {State.FAILED: 1}


def test_who_waits_is_served_first(engine: Engine, clock: Clock) -> None:
    """Links to log in and to tokens leave before mails that were queued earlier."""
    for number in range(5):
        queue_mail(engine, clock, f"p{number}@mairie.example")
    clock.pass_by(seconds=1)
    queue_mail(engine, clock, "now@mairie.example", kind=Kind.LOGIN_LINK)
    assert [mail.recipient for mail in claim(engine, clock(), limit=2)] == ["now@mairie.example", "p0@mairie.example"]


async def test_a_process_killed_in_the_middle_loses_nothing(engine: Engine, url: str, clock: Clock) -> None:
    """A process that is killed while the server takes its mail leaves it to another, with the same Message-ID."""
    queue_mail(engine, clock)
    inbox, begun = Inbox(), asyncio.Event()
    inbox.answer, inbox.on_data = "silent", begun.set
    async with mail_server(inbox) as server:
        context = get_context("spawn")
        process = context.Process(target=send_mails, args=(url, server, clock()))
        process.start()
        await asyncio.wait_for(begun.wait(), 60)
        process.kill()
        await asyncio.to_thread(process.join)
        [row] = rows(engine)
        assert (row.state, row.attempts) == ("queued", 1)
        inbox.answer = "250 taken"
        ours = sender(engine, clock, server)
        assert await ours.send_due() == {}
        clock.pass_by(seconds=CLAIM.total_seconds())
        assert await ours.send_due() == {State.SENT: 1}
    assert len(inbox.mails) == 1


def test_a_queued_mail_can_be_read(engine: Engine, clock: Clock) -> None:
    """What waits is shown as it will be sent, its link included; nothing is shown of a secret that is gone."""
    hand_over(engine, clock)
    renderer = Renderer(public_url="https://portail.example", sealer=sealer())
    number = rows(engine)[0].id
    with writing(engine) as connection:
        shown = renderer.rendered(connection, number)
        assert shown is not None
        assert "https://portail.example/public/jetons/SECRET" in shown.text
        connection.execute(update(serving.mails).values(sealed=None, state="sent"))
        assert renderer.rendered(connection, number) is None
        assert renderer.rendered(connection, number + 1) is None


async def test_a_login_is_given_and_a_refused_one_ends_no_mail(engine: Engine, clock: Clock) -> None:
    """A server that wants a login gets it; a wrong one (535) is tried again, as it may be put right."""
    queue_mail(engine, clock)
    inbox = Inbox()
    async with mail_server(inbox, login=("portail", "p:w é")) as server:
        assert await sender(engine, clock, replace(server, password="wrong")).send_due() == {State.QUEUED: 1}
        assert rows(engine)[0].error == "SMTPAuthenticationError 535"
        clock.pass_by(minutes=1)
        assert await sender(engine, clock, server).send_due() == {State.SENT: 1}


async def test_with_tls_the_server_must_prove_who_it_is(
    engine: Engine, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """smtps:// sends nothing to a server whose certificate is not trusted, and a mail to one whose is."""
    authority = Authority(tmp_path)
    queue_mail(engine, clock)
    inbox = Inbox()
    async with mail_server(inbox, tls=authority.sign("mail").server_context()) as server:
        assert await sender(engine, clock, server).send_due() == {State.QUEUED: 1}
        assert inbox.mails == []
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        clock.pass_by(minutes=1)
        assert await sender(engine, clock, server).send_due() == {State.SENT: 1}


async def test_two_senders_send_each_mail_once(engine: Engine, clock: Clock) -> None:
    """Senders that work at the same time share the queue."""
    for number in range(40):
        queue_mail(engine, clock, f"p{number}@mairie.example")
    inbox = Inbox()
    async with mail_server(inbox) as server:
        ours = [sender(engine, clock, server) for _ in range(3)]
        counts = await asyncio.gather(*(each.send_due() for each in ours))
    assert sum(each.get(State.SENT, 0) for each in counts) == 40
    assert len(inbox.mails) == len(set(inbox.ids)) == 40


def test_two_claims_take_no_mail_together(engine: Engine, clock: Clock) -> None:
    """Claims made in several threads at once have no row in common."""
    for number in range(30):
        queue_mail(engine, clock, f"p{number}@mairie.example")
    with ThreadPoolExecutor(3) as pool:
        taken = list(pool.map(lambda _: claim(engine, clock(), limit=10), range(3)))
    ids = [mail.id for each in taken for mail in each]
    assert len(ids) == len(set(ids))


async def test_a_mail_of_a_killed_sender_is_sent_by_another(engine: Engine, clock: Clock) -> None:
    """What a sender has claimed and not ended is sent when its claim is over; the first then says nothing more."""
    queue_mail(engine, clock)
    [lost] = claim(engine, clock())
    inbox = Inbox()
    async with mail_server(inbox) as server:
        ours = sender(engine, clock, server)
        assert await ours.send_due(waiting=True) == {}
        clock.pass_by(seconds=CLAIM.total_seconds())
        assert await ours.send_due() == {State.SENT: 1}
    finish(engine, lost, QueueAttempt(error="late"), clock())
    assert rows(engine)[0].state == "sent"


async def test_a_clock_that_was_ahead_stops_no_mail(engine: Engine, clock: Clock) -> None:
    """After a clock is set back by a month, waits and claims that it wrote hold nobody up."""
    queue_mail(engine, clock)
    clock.pass_by(days=6)
    assert await sender(engine, clock, NOWHERE).send_due() == {State.QUEUED: 1}
    queue_mail(engine, clock, "b@mairie.example")
    assert len(claim(engine, clock())) == 1
    clock.pass_by(days=-5)
    inbox = Inbox()
    async with mail_server(inbox) as server:
        assert await sender(engine, clock, server).send_due() == {State.SENT: 2}


async def test_without_a_server_mails_wait(engine: Engine, clock: Clock) -> None:
    """Without PORTAL_SMTP_URL nothing is lost, and nothing fails however long it takes."""
    queue_mail(engine, clock)
    clock.pass_by(days=30)
    assert await sender(engine, clock, None).send_due(waiting=True) == {}
    inbox = Inbox()
    async with mail_server(inbox) as server:
        assert await sender(engine, clock, server).send_due() == {State.SENT: 1}


async def test_a_mail_whose_habilitation_changed_is_dropped(engine: Engine, clock: Clock) -> None:
    """A mail about a state that is over is not sent."""
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, clock(), "d@mairie.example", state=HabilitationState.SUBMITTED)

        assert mails.for_event(connection, habilitation, EventName.SUBMIT, clock()) == 1
        assert mails.for_event(connection, habilitation, EventName.SUBMIT, clock()) == 0
        connection.execute(update(tables.habilitations).values(state="refused"))
    inbox = Inbox()
    async with mail_server(inbox) as server:
        assert await sender(engine, clock, server).send_due() == {}
    assert [(row.state, row.error) for row in rows(engine)] == [("dropped", "state_changed")]


def hand_over(engine: Engine, clock: Clock) -> None:
    """A link to a token, and its mail."""
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, clock(), "demandeur@mairie.example")
        user = repository.contacts(connection, habilitation.id)[Role.APPLICANT].id
        token = add_token(connection, habilitation, clock() + timedelta(days=100))
        ends = clock() + timedelta(hours=4)
        connection.execute(
            insert(tables.hand_overs).values(
                id="h", sha256=b"h", token_id=token, by_user_id=user, email="atelier@logiciel.example",
                created_at=clock(), expires_at=ends, openings=0,
            )
        )  # fmt: skip
        mails.hand_over(
            connection, habilitation, hand_over_id="h", email="atelier@logiciel.example",
            link="/public/jetons/SECRET", seal=sealer().seal, expires_at=ends, now=clock(),
        )  # fmt: skip


async def test_a_link_reaches_its_mail_and_no_row(engine: Engine, clock: Clock) -> None:
    """The secret of a link stands in the mail, nowhere in the row, and is gone from it when the mail has left."""
    hand_over(engine, clock)
    assert "SECRET" not in repr(rows(engine))
    inbox = Inbox()
    async with mail_server(inbox) as server:
        await sender(engine, clock, server).send_due()
    [mail] = inbox.mails
    text = mail.get_payload(0).get_content()  # type: ignore[union-attr]
    assert "https://portail.example/public/jetons/SECRET" in text
    assert rows(engine)[0].sealed is None


@pytest.mark.parametrize("configured", [True, False])
async def test_a_mail_whose_link_has_ended_is_not_sent_and_its_sender_told(
    engine: Engine, clock: Clock, *, configured: bool
) -> None:
    """The applicant learns that the link did not leave in time, whether or not there is a mail server."""
    hand_over(engine, clock)
    clock.pass_by(hours=4)
    inbox = Inbox()
    async with mail_server(inbox) as server:
        await sender(engine, clock, server if configured else None).send_due()
        await sender(engine, clock, server).send_due()
    assert inbox.recipients == [["demandeur@mairie.example"]]
    assert "n’a pas pu être transmis" in inbox.mails[0]["Subject"]


async def test_a_refused_hand_over_is_told_to_its_sender(engine: Engine, clock: Clock) -> None:
    """The applicant learns that the address was refused."""
    hand_over(engine, clock)
    inbox = Inbox()
    inbox.answer_to["atelier@logiciel.example"] = "550 unknown"
    async with mail_server(inbox) as server:
        assert await sender(engine, clock, server).send_due() == {State.FAILED: 1, State.SENT: 1}
    assert inbox.recipients == [["demandeur@mairie.example"]]


@pytest.mark.parametrize("revoked", [tables.hand_overs, tables.tokens], ids=["link", "token"])
async def test_a_withdrawn_link_is_not_sent(engine: Engine, clock: Clock, revoked: Table) -> None:
    """A link that was revoked before its mail left, or whose token was, stays where it is."""
    hand_over(engine, clock)
    with writing(engine) as connection:
        connection.execute(update(revoked).values(revoked_at=clock()))
    inbox = Inbox()
    async with mail_server(inbox) as server:
        assert await sender(engine, clock, server).send_due() == {}
    assert rows(engine)[0].error == "revoked"


@pytest.mark.parametrize("address", ["a@b.example\r\nBcc: c@d.example", "no address", "a@b.example, c@d.example", "é@"])
async def test_a_hostile_address_is_refused(engine: Engine, clock: Clock, address: str) -> None:
    """An address that would be another header, or several recipients, is never given to the server."""
    queue_mail(engine, clock, address)
    inbox = Inbox()
    async with mail_server(inbox) as server:
        assert await sender(engine, clock, server).send_due() == {State.FAILED: 1}
    assert inbox.connections == 0


async def test_a_mail_that_cannot_be_made_keeps_no_other_back(engine: Engine, clock: Clock) -> None:
    """A row that misses what its template tells is tried again later, and the next one is sent."""
    queue_mail(engine, clock, "a@mairie.example", kind=Kind.TOKEN_REVOKED, data={"number": "1", "at": None})
    queue_mail(engine, clock, "b@mairie.example", kind="unknown", data={})
    queue_mail(engine, clock, "c@mairie.example")
    inbox = Inbox()
    async with mail_server(inbox) as server:
        assert await sender(engine, clock, server).send_due() == {State.QUEUED: 2, State.SENT: 1}


async def test_no_log_line_holds_an_address(engine: Engine, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """A mail that is refused is told of by its kind and number."""
    queue_mail(engine, clock, "personne@mairie.example")
    inbox = Inbox()
    inbox.answer_to["personne@mairie.example"] = "550 personne@mairie.example unknown"
    async with mail_server(inbox) as server:
        await sender(engine, clock, server).send_due()
    out = "".join(capsys.readouterr())
    assert "mail_not_sent" in out
    assert "personne" not in out


def test_the_server_is_read_from_its_url() -> None:
    """smtp:// is without TLS, smtps:// with; a login is part of the URL."""
    plain = server_of("smtp://mail.example", "a@b.example")
    assert (plain.host, plain.port, plain.tls, plain.user) == ("mail.example", 25, False, None)
    secure = server_of("smtps://user%40b:p%3Aw@mail.example:2465", "a@b.example")
    assert (secure.port, secure.tls, secure.user, secure.password) == (2465, True, "user@b", "p:w")
