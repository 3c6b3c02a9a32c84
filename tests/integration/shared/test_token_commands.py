"""The commands about tokens, run as an operator runs them."""

import json
import subprocess
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from support import programs
from support.stores import Server
from support.tokens import SECRET

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(common_store: Server) -> Run:
    """Runs `token …` on an empty store."""
    common_store.command("FLUSHALL")
    return lambda *arguments: programs.run("token", *arguments, redis_url=common_store.url)


def _jti() -> str:
    return str(uuid.uuid4())


def _rows(run: Run) -> dict[str, dict[str, str]]:
    return {row["jti"]: row for row in json.loads(run("revocations", "--json").stdout)}


def _refused(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line of a refusal."""
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    return done.stderr


# Revoking.


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ([], "2030-01-01"),
        (["--at", "2026-01-01"], "2026-01-02"),
        (["--at", "2029-05-01T12:00"], "2029-05-01T12:00:01"),
        (["--at", "2029-05-01T12:00+02:00"], "2029-05-01T12:00+01:00"),
    ],
)
def test_an_earlier_date_stands(run: Run, first: list[str], later: str) -> None:
    """A later date for a token that is revoked is refused, names the one that stands, and may be forced."""
    jti = _jti()
    assert run("revoke", jti, *first).returncode == 0
    before = _rows(run)[jti]
    said = _refused(run("revoke", jti, "--at", later))
    assert before["from"] in said
    assert "--force" in said
    assert _rows(run)[jti] == before
    forced = run("revoke", jti, "--at", later, "--force")
    assert (forced.returncode, forced.stderr) == (0, "")
    given = datetime.fromisoformat(later)
    assert datetime.fromisoformat(_rows(run)[jti]["from"]) == (given if given.tzinfo else given.replace(tzinfo=UTC))


def test_to_revoke_again_changes_nothing(run: Run) -> None:
    """A token that is revoked may be revoked once more, now or from its own date: it says from when it is."""
    jti = _jti()
    run("revoke", jti, "--at", "2026-01-01")
    for more in ([], ["--at", "2026-01-01"]):
        again = run("revoke", jti, *more)
        assert (again.returncode, again.stdout) == (0, f"{jti} is revoked from 2026-01-01T00:00:00+00:00 on already.\n")


@pytest.mark.parametrize("more", [[], ["--at", "2028-12-31"]])
def test_an_earlier_date_is_taken(run: Run, more: list[str]) -> None:
    """A token that is to be revoked later may be revoked sooner."""
    jti = _jti()
    run("revoke", jti, "--at", "2029-01-01")
    assert run("revoke", jti, *more).returncode == 0
    assert _rows(run)[jti]["from"] < "2029"


# Listing.


def test_revocations_are_listed(run: Run) -> None:
    """Tokens are listed by the dates from which they are revoked, with what they are now; those taken back are not."""
    past, coming, lifted = sorted(_jti() for _ in range(3))
    run("revoke", coming, "--at", "2040-02-29")
    run("revoke", past, "--at", "2026-03-01T10:00")
    run("revoke", lifted)
    run("unrevoke", lifted, "--yes")
    rows = json.loads(run("revocations", "--json").stdout)
    assert [(row["jti"], row["state"], row["from"]) for row in rows] == [
        (past, "revoked", "2026-03-01T10:00:00+00:00"),
        (coming, "to come", "2040-02-29T00:00:00+00:00"),
    ]
    for row in rows:
        assert datetime.now(UTC) - datetime.fromisoformat(row["changed"]) < timedelta(minutes=2)
    table = run("revocations").stdout.splitlines()
    assert table[0].split() == ["jti", "state", "from", "changed"]
    assert [line.split()[0] for line in table[1:]] == [past, coming]


def test_no_revocation_is_listed(run: Run) -> None:
    """Without a revocation the list says so, as JSON too."""
    assert run("revocations").stdout == "No token is revoked.\n"
    assert json.loads(run("revocations", "--json").stdout) == []


# Taking back.


def _answer(store: Server, jti: str, text: str) -> "subprocess.CompletedProcess[str]":
    return programs.told(text, "token", "unrevoke", jti, redis_url=store.url)


@pytest.mark.parametrize("text", ["", "\n", "n\n", "no\n", "yep\n", "N\n"])
def test_unrevoke_asks_first(run: Run, common_store: Server, text: str) -> None:
    """Without a yes nothing is changed, and that is said."""
    jti = _jti()
    run("revoke", jti)
    done = _answer(common_store, jti, text)
    assert (done.returncode, done.stdout) == (1, "")
    assert jti in done.stderr
    assert "Nothing was changed." in done.stderr
    assert jti in _rows(run)


@pytest.mark.parametrize("text", ["y\n", "YES\n", "oui\n"])
def test_unrevoke_takes_a_yes(run: Run, common_store: Server, text: str) -> None:
    """With a yes the revocation is taken back."""
    jti = _jti()
    run("revoke", jti)
    done = _answer(common_store, jti, text)
    assert (done.returncode, done.stdout) == (0, f"{jti} is not revoked any more.\n")
    assert _rows(run) == {}
    assert run("revoke", jti).stdout.startswith(f"{jti} is revoked from ")


def test_what_is_not_revoked(run: Run) -> None:
    """A token that Redis does not know to be revoked is named; that it is not may be written all the same."""
    jti = _jti()
    for _ in range(2):
        assert jti in _refused(run("unrevoke", jti, "--yes"))
        forced = run("unrevoke", jti.upper(), "--yes", "--force")
        assert (forced.returncode, forced.stderr) == (0, "")


def test_the_file_revokes_as_well(tmp_path: Path, run: Run, common_store: Server) -> None:
    """Whoever takes back a revocation is told that the file of `GATEWAY_TOKENS` has one too."""
    jti = _jti()
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps({jti: {"revoked_at": "2026-01-01T00:00:00Z"}}))
    run("revoke", jti)
    done = programs.run("token", "unrevoke", jti, "--yes", redis_url=common_store.url, tokens=str(file))
    assert done.returncode == 0
    assert "GATEWAY_TOKENS" in done.stderr


@pytest.mark.parametrize("arguments", [("revocations",), ("revocations", "--json"), ("unrevoke", _jti(), "--yes")])
def test_without_a_redis(arguments: tuple[str, ...]) -> None:
    """Without a Redis, or one that answers, each command says so in one line."""
    for settings in ({}, {"redis_url": "redis://127.0.0.1:1"}):
        assert "GATEWAY_REDIS_URL" in _refused(programs.run("token", *arguments, **settings))


# Issuing.


def _issue(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return programs.run("token", "issue", *arguments, jwt_secrets=SECRET)


@pytest.mark.parametrize(
    ("scope", "meant"),
    [
        ("unites_legales_etablissement_insee", "unites_legales_etablissements_insee"),
        ("Unites_Legales_Etablissements_INSEE", "unites_legales_etablissements_insee"),
        ("attestation_fiscale_dgfp", "attestation_fiscale_dgfip"),
        ("probtp ", "probtp"),
        ("qualibats", "qualibat"),
        ("bilans-inpi", "bilans_inpi"),
    ],
)
def test_a_scope_that_does_not_exist(scope: str, meant: str) -> None:
    """A scope that opens nothing is refused, with the nearest that does."""
    said = _refused(_issue("--scope", "probtp", scope, "--subject", "s"))
    assert "--scope" in said
    assert f"Did you mean {meant}?" in said


def test_a_scope_may_be_forced() -> None:
    """A scope of another version may be issued all the same."""
    done = _issue("--scope", "something_newer", "probtp", "probtp", "--subject", "s", "--force")
    assert jwt.decode(done.stdout.strip(), SECRET, algorithms=["HS256"])["scopes"] == ["something_newer", "probtp"]


@pytest.mark.parametrize("scopes", ["probtp qualibat", "probtp,qualibat", "probtp, qualibat", "probtp;a", "a\nb"])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_several_scopes_in_one_word(scopes: str, force: list[str]) -> None:
    """Several scopes in one word are no scope, and it is said how to give them."""
    said = _refused(_issue("--scope", scopes, "--subject", "s", *force))
    assert " ".join(scopes.replace(",", " ").replace(";", " ").split()) in said


@pytest.mark.parametrize("scope", ["", " ", ",", "\t"])
def test_a_blank_scope(scope: str) -> None:
    """A blank scope opens nothing."""
    assert "--scope" in _refused(_issue("--scope", scope, "--subject", "s", "--force"))


@pytest.mark.parametrize("subject", ["", " ", "\t\n", "\u00a0", "\u200b"])
def test_a_blank_subject(subject: str) -> None:
    """A token is for somebody who has a name."""
    assert "--subject" in _refused(_issue("--scope", "probtp", "--subject", subject))
