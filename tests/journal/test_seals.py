"""Seals, on both kinds of database."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest
from sqlalchemy import Engine, text

from apientreprise_gateway.database.engine import writing
from apientreprise_gateway.journal.importing import import_lines
from apientreprise_gateway.journal.seals import Fault, Seal, make_seals, verify
from support.lines import BEGAN, lines

NEXT_DAY = datetime(2026, 11, 28, 0, 30, tzinfo=UTC)


def _import(engine: Engine, text: bytes) -> None:
    list(import_lines(engine, BytesIO(text), "test"))


def _change(engine: Engine, statement: str) -> None:
    with writing(engine) as connection:
        connection.execute(text(statement))


def _faults(engine: Engine) -> list[Fault]:
    return [each for each in verify(engine) if isinstance(each, Fault)]


def test_a_day_is_sealed_when_it_is_over(engine: Engine) -> None:
    """Once; days without lines have no seal."""
    _import(engine, lines(0, 3))
    assert make_seals(engine, now=BEGAN) == []
    (seal,) = make_seals(engine, now=NEXT_DAY)
    assert (seal.number, seal.day, seal.lines) == (1, date(2026, 11, 27), 3)
    assert make_seals(engine, now=NEXT_DAY) == []
    assert make_seals(engine, now=NEXT_DAY + timedelta(days=1)) == []
    assert _faults(engine) == []


def test_lines_that_come_later_get_a_seal_of_their_own(engine: Engine) -> None:
    """The one before them still holds."""
    _import(engine, lines(0, 3))
    make_seals(engine, now=NEXT_DAY)
    _import(engine, lines(3, 5) + lines(0, 1, time=NEXT_DAY.isoformat()))
    (late,) = make_seals(engine, now=NEXT_DAY)
    assert (late.number, late.day, late.lines) == (2, date(2026, 11, 27), 2)
    (next_day,) = make_seals(engine, now=NEXT_DAY + timedelta(days=1))
    assert (next_day.number, next_day.day, next_day.lines) == (3, date(2026, 11, 28), 1)
    assert [each.number for each in verify(engine) if isinstance(each, Seal)] == [1, 2, 3]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE calls SET user_id = 'nobody' WHERE request_id = 'request-1'",
        "UPDATE calls SET status = NULL WHERE request_id = 'request-1'",
        "DELETE FROM calls WHERE request_id = 'request-1'",
        "INSERT INTO calls SELECT * FROM calls WHERE request_id = 'request-1'",
        "UPDATE journal_seals SET digest = 'x' WHERE number = 1",
    ],
)
def test_a_change_of_a_sealed_day_shows(engine: Engine, statement: str) -> None:
    """And which day it was."""
    _import(engine, lines(0, 3) + lines(7, 8, time=NEXT_DAY.isoformat()))
    make_seals(engine, now=NEXT_DAY + timedelta(days=1))
    _change(engine, statement)
    assert date(2026, 11, 27) in {fault.day for fault in _faults(engine)}


def test_a_seal_that_is_gone_shows(engine: Engine) -> None:
    """The next one does not follow from what is before it."""
    _import(engine, lines(0, 3) + lines(7, 8, time=NEXT_DAY.isoformat()))
    make_seals(engine, now=NEXT_DAY + timedelta(days=1))
    _change(engine, "DELETE FROM journal_seals WHERE number = 1")
    assert [fault.day for fault in _faults(engine)] == [date(2026, 11, 28)]
