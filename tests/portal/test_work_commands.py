"""The commands for mails, notices and jobs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from apientreprise_gateway.accounts.mail_queue import Mail, enqueue
from apientreprise_gateway.accounts.mail_rules import Kind
from apientreprise_gateway.cli.main import main
from apientreprise_gateway.database import serving
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.portal.mail.examples import EXAMPLES
from support.mail_server import add_for_mails, add_token
from support.portal import KEY


@pytest.fixture(autouse=True)
def settings(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a portal without a mail server."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", url)
    monkeypatch.setenv("PORTAL_SECRET_KEYS", KEY)
    monkeypatch.setenv("PORTAL_PUBLIC_URL", "https://portail.example")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The status of a command, and what it has written."""
    with pytest.raises(SystemExit) as ended:
        main(["portal", *arguments])
    code = ended.value.code
    return (code if isinstance(code, int) else 1), "".join(capsys.readouterr())


def test_a_preview_shows_a_mail(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without a kind they are listed; with one the text is printed, and the HTML written to a file."""
    status, listed = run(capsys, "mail", "preview")
    assert (status, listed.split()) == (0, list(EXAMPLES))
    file = tmp_path / "mail.html"
    status, out = run(capsys, "mail", "preview", "approved_technical", "--html", str(file))
    assert status == 0
    assert out.startswith("Subject: n°4821 | Vous êtes contact technique")
    assert "https://portail.example/compte/demandes/" in out
    assert "<html" in file.read_text()
    status, out = run(capsys, "mail", "preview", "nothing")
    assert (status, "there is no such mail" in out) == (2, True)


def test_the_queue_shows_no_address(capsys: pytest.CaptureFixture[str], engine: Engine) -> None:
    """What waits is listed by kind and number, and why it does."""
    with writing(engine) as connection:
        mail = Mail(kind=Kind.AUDIT, key="1", recipient="personne@mairie.example", data=EXAMPLES[Kind.AUDIT])
        enqueue(connection, mail, now=datetime.now(UTC))
    status, out = run(capsys, "mail", "queue")
    assert status == 0
    assert "audit" in out
    assert "1 queued, 0 failed" in out
    assert "PORTAL_SMTP_URL is not set" in out
    assert "mairie" not in out


def test_notices_are_shown_and_queued(capsys: pytest.CaptureFixture[str], engine: Engine) -> None:
    """A dry run lists what is due and changes nothing; a run queues it, once."""
    now = datetime.now(UTC)
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, now, "d@mairie.example", external_id="4821")
        token = add_token(connection, habilitation, now + timedelta(days=14))
    status, out = run(capsys, "notices", "run", "--dry-run")
    assert status == 0
    assert token in out
    assert "4821" in out
    assert "90, 60, 30" in out
    assert "mairie.example" not in out
    assert run(capsys, "notices", "run")[1] == "1 notices queued.\n"
    assert run(capsys, "notices", "run")[1] == "0 notices queued.\n"


def test_jobs_are_done_at_once(
    capsys: pytest.CaptureFixture[str], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every job is done, due or not, and a mail that waits for another try is tried."""
    monkeypatch.setenv("PORTAL_SMTP_URL", "smtp://127.0.0.1:9")
    monkeypatch.setenv("PORTAL_MAIL_FROM", "portail@service.example")
    now = datetime.now(UTC)
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, now, "d@mairie.example")
        add_token(connection, habilitation, now + timedelta(days=14))
    for attempts in (1, 2):
        status, out = run(capsys, "jobs", "run")
        assert status == 0
        assert "notices" in out
        assert "Mails: 1 queued." in out
        with reading(engine) as connection:
            assert connection.scalars(select(serving.mails.c.attempts)).all() == [attempts]
    with writing(engine) as connection:
        soon = datetime.now(UTC) + timedelta(seconds=50)
        connection.execute(update(serving.jobs).values(claimed_until=soon, claimed_by="another"))
    assert "another process does it" in run(capsys, "jobs", "run")[1]
