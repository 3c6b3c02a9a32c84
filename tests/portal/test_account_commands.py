"""The commands `portal accounts …` and `portal tokens …`, on both databases."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from apientreprise_gateway.accounts import publications, repository
from apientreprise_gateway.accounts.model import TokenState
from apientreprise_gateway.cli.main import main
from apientreprise_gateway.database.engine import reading, writing
from support.accounts import APPLICANT, Known, add_habilitation, add_known

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; returns its status, output and errors."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", url)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(("portal", *arguments))
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def known(engine: Engine) -> Known:
    """A habilitation in force, and a token of it."""
    with writing(engine) as connection:
        return add_known(connection, datetime.now(UTC))


def test_accounts_are_listed_and_shown(run: Run, known: Known, engine: Engine) -> None:
    """As tables and as JSON, found by number, state, body or person; unknown ones are told."""
    with writing(engine) as connection:
        add_habilitation(connection, datetime.now(UTC), state="draft", people={})
    number = known.habilitation.external_id
    assert len(json.loads(run("accounts", "list", "--json")[1])) == 2
    for criterion in (("--state", "validated"), ("--email", APPLICANT.upper())):
        (row,) = json.loads(run("accounts", "list", "--json", *criterion)[1])
        assert (row["number"], row["tokens"]) == (number, 1)
    assert "There is no such" in run("accounts", "list", "--siret", "00000000000000")[1]
    status, said, _ = run("accounts", "show", number)
    assert (status, known.token.id in said, APPLICANT in said) == (0, True, True)
    assert json.loads(run("accounts", "show", known.habilitation.id, "--json")[1])["number"] == number
    assert run("accounts", "show", "unknown")[0] == 1


def test_a_person_is_exported_and_erased(run: Run, known: Known) -> None:
    """Erasing wants a word more; what stays is told."""
    assert json.loads(run("accounts", "export", APPLICANT)[1])["email"] == APPLICANT
    assert run("accounts", "erase", APPLICANT)[0] == 2
    status, said, _ = run("accounts", "erase", APPLICANT, "--yes")
    assert (status, "kept: the account" in said) == (0, True)
    assert run("accounts", "export", "personne@ailleurs.test")[0] == 1
    assert run("accounts", "erase", "personne@ailleurs.test", "--yes")[0] == 1


def test_tokens_are_listed_and_shown(run: Run, known: Known) -> None:
    """With their state, and whether Redis was told; never the string."""
    said = run("tokens", "list")[1]
    assert known.token.id in said
    assert json.loads(run("tokens", "list", "--json", "--number", "x")[1]) == []
    shown = json.loads(run("tokens", "show", known.token.id.upper(), "--json")[1])
    assert (shown["state"], shown["redis_told"], shown["number"]) == ("new", False, known.habilitation.external_id)
    assert "eyJ" not in said + json.dumps(shown) + run("tokens", "show", known.token.id)[1]
    assert run("tokens", "show", "unknown")[0] == 1


def test_a_token_is_revoked(run: Run, known: Known, engine: Engine) -> None:
    """Now or later, with a reason, and replaced at once if that is wanted; twice is refused."""
    assert run("tokens", "revoke", known.token.id)[0] == 2
    assert run("tokens", "revoke", "--reason", "x")[0] == 2
    assert run("tokens", "revoke", "unknown", "--reason", "x")[0] == 1
    day = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    assert run("tokens", "revoke", known.token.id, "--at", day, "--reason", "Fin de marché")[0] == 0
    status, said, _ = run("tokens", "revoke", known.token.id, "--reason", "Fuite", "--replace")
    assert (status, "replaced by" in said) == (0, True)
    assert run("tokens", "revoke", known.token.id, "--reason", "Fuite")[0] == 2
    with reading(engine) as connection:
        new, old = repository.tokens_of(connection, known.habilitation.id)
        assert {each.jti for each in publications.queued(connection, limit=9)} == {new.id, old.id}
    now = datetime.now(UTC)
    assert (old.state(now), new.state(now)) == (TokenState.REVOKED, TokenState.NEW)
    assert (new.replaces, new.exp) == (old.id, old.exp)


def test_more_is_done_with_tokens(run: Run, known: Known, engine: Engine) -> None:
    """Renewed, copied, limited, all revoked."""
    assert run("tokens", "renew", known.token.id)[0] == 0
    assert run("tokens", "replace", known.token.id)[0] == 0
    assert run("tokens", "limit", known.habilitation.id, "900")[1] == "Set.\n"
    assert run("tokens", "limit", known.habilitation.id, "900")[1] == "It was so already.\n"
    assert run("tokens", "limit", known.habilitation.id, "none")[1] == "Set.\n"
    assert run("tokens", "limit", known.habilitation.id, "0")[0] == 2
    assert run("tokens", "limit", "unknown", "5")[0] == 1
    status, said, _ = run("tokens", "revoke", "--habilitation", known.habilitation.id, "--reason", "Fin")
    assert (status, "Tokens revoked: 3." in said) == (0, True)
    with reading(engine) as connection:
        assert not any(
            each.works(datetime.now(UTC)) for each in repository.tokens_of(connection, known.habilitation.id)
        )
