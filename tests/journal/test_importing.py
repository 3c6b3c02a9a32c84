"""What an import stores, on both kinds of database."""

import gzip
import os
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.tables import calls, rejects
from apientreprise_gateway.journal.importing import Imported, Pipe, import_confirmed, import_lines
from support import zygote
from support.lines import BEGAN, line, lines
from support.programs import environment


def _import(engine: Engine, text: bytes) -> Imported:
    return [Imported(), *import_lines(engine, BytesIO(text), "test")][-1]


def _stored(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return sorted(connection.scalars(select(calls.c.request_id)))


def test_a_line_is_stored_once(engine: Engine) -> None:
    """However often it comes, in one import or in several."""
    assert _import(engine, lines(0, 3) + lines(1, 3)).stored == 3
    again = _import(engine, lines(0, 5))
    assert (again.stored, again.known) == (2, 3)
    assert _stored(engine) == [f"request-{number}" for number in range(5)]


def test_two_calls_with_one_request_id_are_two_rows(engine: Engine) -> None:
    """A caller may choose it; the parts of a dossier share it."""
    text = line(1) + b"\n" + line(1, part_of="dossiers") + b"\n" + line(1, time="2026-11-27T13:00:00Z")
    assert _import(engine, text).stored == 3
    assert _stored(engine) == ["request-1"] * 3


def test_rows_have_what_the_line_says(engine: Engine) -> None:
    """Text, numbers and truth, and nothing where it says nothing."""
    _import(engine, line(0, codes=["a", "é"], cached=True, status=None, context="x\u0000\t\\N\n") + b"\n")
    with reading(engine) as connection:
        row = connection.execute(select(calls)).one()
    assert (row.time, row.codes, row.cached, row.status) == (BEGAN, '["a","é"]', True, None)
    assert (row.context, row.seconds, row.document) == ("x\\u0000\t\\N\n", 0.015, None)


def test_rejects_are_kept_once_and_do_not_stop_it(engine: Engine) -> None:
    """With the bytes that came."""
    text = b"x\x00\xff\n" + lines(0, 1) + b"x\x00\xff\n{}"
    done = _import(engine, text)
    assert (done.read, done.stored, done.rejected) == (4, 1, 2)
    assert _import(engine, text).rejected == 0
    with reading(engine) as connection:
        kept = connection.execute(select(rejects.c.line, rejects.c.reason, rejects.c.source)).all()
    assert {(bytes(text), source) for text, _, source in kept} == {(b"x\x00\xff", "test"), (b"{}", "test")}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=5))
def test_any_split_and_repetition_gives_the_same_rows(engine: Engine, pieces: list[tuple[int, int]]) -> None:
    """As long as each line is in one of the pieces."""
    with writing(engine) as connection:
        connection.execute(delete(calls))
    for first, end in pieces:
        _import(engine, lines(first, end))
    _import(engine, lines(0, 12))
    assert _stored(engine) == sorted(f"request-{number}" for number in range(12))


def test_lines_are_stored_although_the_pipe_stays_open(engine: Engine) -> None:
    """A shipper may write for months, and pause in the middle of a line."""
    ours, theirs = os.pipe()
    pipe = Pipe(ours)
    os.write(theirs, lines(0, 2) + line(2)[:10])
    done = import_lines(engine, pipe, "test", pauses=pipe.pauses)
    assert next(done).stored == 2
    os.write(theirs, line(2)[10:] + b"\n" + line(3))
    os.close(theirs)
    assert [each.stored for each in done] == [4]
    os.close(ours)
    assert _stored(engine) == [f"request-{number}" for number in range(4)]


def test_lines_are_confirmed_once_they_are_stored(engine: Engine) -> None:
    """To a shipper that asks for it: with its transaction, or one by one; what was not confirmed is not stored."""
    said: list[tuple[str, int]] = []
    begin, commit = b"BEGIN TRANSACTION\n", b"COMMIT TRANSACTION\n"
    stream = begin + lines(0, 2) + b"no line\n" + commit + lines(2, 3) + begin + commit + begin + lines(3, 9)

    def answer(text: str) -> None:
        said.append((text, len(_stored(engine))))

    done = import_confirmed(engine, BytesIO(stream), "test", answer)
    assert (done.stored, done.rejected) == (3, 1)
    deferred = ("DEFER_COMMIT", 0)
    assert said[:8] == [("OK", 0), ("OK", 0), deferred, deferred, deferred, ("OK", 2), ("OK", 3), ("OK", 3)]
    assert [text for text, _ in said[8:]] == ["OK", "OK", *["DEFER_COMMIT"] * 6]


def test_a_packed_stream_is_unpacked(url: str, engine: Engine, tmp_path: Path) -> None:
    """In one piece or several, by a real process; one that is cut is refused."""
    packed = gzip.compress(lines(0, 300)) + gzip.compress(lines(300, 302))
    kept = {name: value for name, value in environment().items() if not name.startswith("PORTAL_")}

    def run(given: bytes) -> int:
        (tmp_path / "given").write_bytes(given)
        with (tmp_path / "given").open("rb") as file, (tmp_path / "said").open("wb") as said:
            command = ["journal", "import"]
            return zygote.popen(
                command, env=kept | {"PORTAL_DATABASE_URL": url}, stdin=file.fileno(), stdout=said, stderr=said
            ).wait(60)

    assert run(packed) == 0
    assert (tmp_path / "said").read_bytes().startswith(b"302 lines read: 302 stored")
    assert run(packed[:-9]) == 2
    assert len(_stored(engine)) == 302


def test_a_row_that_the_database_refuses_stops_no_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It becomes a reject, kept once, and the rows beside it are stored."""
    if kind == "sqlite":
        pytest.skip("SQLite takes any value")
    monkeypatch.setattr("apientreprise_gateway.journal.line._clean", lambda value: value)  # lets U+0000 through
    text = lines(0, 2) + line(2, context="a\0") + b"\n" + lines(3, 4)
    done = _import(engine, text)
    assert (done.read, done.stored, done.rejected) == (4, 3, 1)
    again = _import(engine, text)
    assert (again.known, again.rejected, again.rejects_known) == (3, 0, 1)
    with reading(engine) as connection:
        assert list(connection.scalars(select(rejects.c.reason))) == ["the database refuses it"]
