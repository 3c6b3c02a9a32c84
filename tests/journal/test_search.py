"""Searches, on both kinds of database."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO

import pytest
from sqlalchemy import Engine, select

from apientreprise_gateway.cli.main import main
from apientreprise_gateway.database.engine import reading
from apientreprise_gateway.database.tables import searches
from apientreprise_gateway.journal.importing import import_lines
from apientreprise_gateway.journal.search import Criteria, begin_search
from support.lines import BEGAN, JTI, line, lines


def _import(engine: Engine, text: bytes) -> None:
    list(import_lines(engine, BytesIO(text), "test"))


@pytest.fixture
def command(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command of the journal that succeeds; returns its output."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", url)

    def run(*arguments: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["journal", *arguments])
        assert ended.value.code == status
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        (Criteria(), 5),
        (Criteria(request_id="request-3"), 1),
        (Criteria(jti=JTI), 4),
        (Criteria(jti="other", status=404), 1),
        (Criteria(identifier="other"), 1),
        (Criteria(user_id="other", recipient="other", operation="other"), 1),
        (Criteria(since=BEGAN + timedelta(milliseconds=1), until=BEGAN + timedelta(milliseconds=3)), 2),
        (Criteria(since=datetime(2030, 1, 1, tzinfo=UTC)), 0),
    ],
)
def test_calls_are_found_by_what_they_have(engine: Engine, criteria: Criteria, found: int) -> None:
    """All of it; the period has its first moment and not its last."""
    other = dict.fromkeys(("jti", "identifier", "user_id", "recipient", "operation"), "other")
    _import(engine, lines(0, 4) + line(4, **other, status=404))
    search = begin_search(engine, criteria, who="me", reason="test")
    assert len(list(search.found())) == found


def test_a_search_is_recorded_with_its_reason(engine: Engine, command: Callable[..., str]) -> None:
    """Who, what, why, how many; without a reason nothing is shown."""
    _import(engine, lines(0, 3))
    assert command("search", "--jti", JTI, status=2) == ""
    assert command("search", "--jti", JTI, "--reason", " ", status=2) == ""
    command("search", "--jti", JTI, "--from", "2026-11-27", "--reason", "complaint 7")
    with reading(engine) as connection:
        row = connection.execute(select(searches)).one()
    assert (row.reason, row.rows) == ("complaint 7", 3)
    assert row.who
    assert json.loads(row.what) == {"jti": JTI, "since": "2026-11-27T00:00:00+00:00"}


def test_the_columns_are_the_fields_of_the_access_log(engine: Engine, command: Callable[..., str]) -> None:
    """In JSON as the line had them, in CSV and in the table under the same names."""
    _import(engine, line(7, codes=["00429"]))
    (row,) = json.loads(command("search", "--reason", "r", "--json"))
    given = json.loads(line(7, codes=["00429"]))
    assert {name: row[name] for name in given} == given
    (cells,) = csv.DictReader(StringIO(command("search", "--reason", "r", "--csv")))
    assert (cells["request_id"], cells["codes"], cells["cached"]) == ("request-7", "00429", "false")
    head, shown = command("search", "--reason", "r").splitlines()
    assert head.split()[:2] == ["time", "request_id"]
    assert "request-7" in shown
    assert json.loads(command("search", "--reason", "r", "--json", "--jti", "nobody")) == []


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(engine: Engine, command: Callable[..., str], text: str) -> None:
    """Callers write some of the values."""
    _import(engine, line(context=text, object='a"b,\n=c'))
    (cells,) = csv.DictReader(StringIO(command("search", "--reason", "r", "--csv"), newline=""))
    assert (cells["context"], cells["object"]) == (f"'{text}", 'a"b,\n=c')


def test_a_terminal_obeys_no_value(engine: Engine, command: Callable[..., str]) -> None:
    """Control characters are shown as escapes."""
    _import(engine, line(user_id="a\x1b[2Jb\x9b"))
    assert r"a\x1b[2Jb\x9b" in command("search", "--reason", "r")
