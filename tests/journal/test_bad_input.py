"""What bad input gets: each line of the table in docs/journal.md, imported and followed, on both kinds of database."""

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import orjson
import pytest
from sqlalchemy import Engine, select

from apientreprise_gateway.database.engine import reading
from apientreprise_gateway.database.tables import calls, files, rejects
from apientreprise_gateway.journal.follower import Follower
from apientreprise_gateway.journal.importing import Imported, import_lines
from apientreprise_gateway.journal.metrics import JournalMetrics
from support.lines import line

PAGE = Path(__file__).resolve().parents[2] / "docs" / "journal.md"


@dataclass(frozen=True)
class Case:
    """Lines of one kind, each of which has the same outcome."""

    lines: tuple[bytes, ...]
    reasons: tuple[str, ...] = ()
    """Of the rejects."""
    skipped: int = 0
    stored: int = 0
    value: tuple[str, str] | None = None
    """A column of the stored row, and what it has."""
    is_followed: bool = True


_CRI = b"2026-11-28T20:00:00.123456789Z stdout "
CASES = {
    "no JSON, no UTF-8, a part of a line": Case((b"hello", b"\xff\xfe{}", line()[:40]), ("it is no JSON",) * 3),
    "JSON that is no object": Case((b"[1]", b'"x"'), ("it is no JSON object",) * 2),
    "an object whose `event` is none of `access`, `abandoned`, `download`": Case(
        (b"{}", line(event="other")), ("`event` is none of an access line",) * 2
    ),
    "a line of the operators' log (`level`, `timestamp`), an empty line": Case(
        (b'{"event":"ready","level":"info","timestamp":"t"}', b"", b"  \r"), skipped=3
    ),
    "no `request_id`, a `time` that is none or has no zone": Case(
        (line(request_id=None), line(time="x"), line(time="2026-11-27T12:00:00")),
        ("`request_id` is missing", "`time` is no time", "`time` has no time zone"),
    ),
    "a field of another type, a number out of range": Case(
        (line(status="200"), line(bytes=2**63)),
        tuple(f"`{name}` is no number that it can be" for name in ("status", "bytes")),
    ),
    "a searched field of more than 256 characters, another of more than 8192": Case(
        (line(user_id="x" * 257), line(context="x" * 8193)), ("`user_id` is too long", "`context` is too long")
    ),
    "U+0000 or half a surrogate pair in a value": Case(
        (line(context="@").replace(b"@", rb"a\u0000\ud800"),), stored=1, value=("context", r"a\u0000\ud800")
    ),
    "a field that this version does not know": Case(
        (line(habilitation="12"),), stored=1, value=("extra", '{"habilitation":"12"}')
    ),
    "a line of more than 4 MiB": Case((b"x" * (4 * 1024 * 1024 + 9),), ("it is no JSON",) * 2),
    "a row that the database refuses": Case((line(9, context="a\0"),), ("the database refuses it",)),
    "parts of a line (CRI `P`, Docker), in streams": Case(
        (
            _CRI + b"P " + line(1)[:30],
            _CRI + b"F " + line(1)[30:],
            orjson.dumps({"log": line(2).decode()[:30]}),
            orjson.dumps({"log": line(2).decode()[30:] + "\n"}),
        ),
        stored=2,
        is_followed=False,
    ),
}
"""By the first cell of the table's line."""


def test_every_line_of_the_table_has_a_case() -> None:
    """And every case a line."""
    chapter = PAGE.read_text().split("\n## What bad input gets\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| (?!input|---)(.+?) \|", chapter, re.MULTILINE) == list(CASES)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, kind: str, monkeypatch: pytest.MonkeyPatch) -> Case:
    """One of the cases."""
    if "database refuses" in request.param:
        if kind == "sqlite":
            pytest.skip("SQLite takes any value")
        monkeypatch.setattr("apientreprise_gateway.journal.line._clean", lambda value: value)  # lets U+0000 through
    found: Case = CASES[request.param]
    return found


def _check(engine: Engine, case: Case) -> None:
    with reading(engine) as connection:
        rows = [row._mapping for row in connection.execute(select(calls)) if row.request_id != "last"]
        reasons = sorted(connection.scalars(select(rejects.c.reason)))
    assert (len(rows), reasons) == (case.stored, sorted(case.reasons))
    if case.value is not None:
        assert rows[0][case.value[0]] == case.value[1]


def _text(case: Case) -> bytes:
    return b"".join(each + b"\n" for each in (*case.lines, line(request_id="last")))


def test_what_an_import_makes_of_it(engine: Engine, case: Case) -> None:
    """And of the same once more: nothing. The line after it is stored."""
    for stored in (case.stored + 1, 0):
        done = [Imported(), *import_lines(engine, BytesIO(_text(case)), "test")][-1]
        assert (done.stored, done.skipped) == (stored, case.skipped)
        _check(engine, case)


def test_what_a_follower_makes_of_it(engine: Engine, case: Case, tmp_path: Path) -> None:
    """The line after it is stored."""
    if not case.is_followed:
        pytest.skip("streams alone")
    log = tmp_path / "access.log"
    log.write_bytes(_text(case))
    follower = Follower(engine, [log], host="test", metrics=JournalMetrics())
    while follower.round():
        pass
    follower.stop()
    follower.run()
    _check(engine, case)
    with reading(engine) as connection:
        counted = connection.execute(select(files.c.lines, files.c.skipped).where(files.c.lines > 0)).one()
    assert tuple(counted) == (case.stored + 1, case.skipped)
