"""Partitions, purges and holds, on both kinds of database."""

from datetime import UTC, date, datetime
from io import BytesIO

import pytest
from sqlalchemy import Engine, func, select, text, update

from apientreprise_gateway.database.engine import is_postgresql, reading, writing
from apientreprise_gateway.database.tables import calls, held_calls, purges, rejects, searches
from apientreprise_gateway.journal.holds import HoldKind, all_holds, hold, lift
from apientreprise_gateway.journal.importing import import_lines
from apientreprise_gateway.journal.partitions import make_partitions, rows_in_default
from apientreprise_gateway.journal.purging import Purged, end_of_kept, purge
from apientreprise_gateway.journal.seals import Fault, make_seals, verify
from apientreprise_gateway.journal.search import Criteria, begin_search
from support.lines import JTI, lines

TODAY = date(2026, 11, 28)
OLD = "2023-10-31T23:59:59.999999Z"
KEPT = "2023-11-01T00:00:00Z"


def _import(engine: Engine, text: bytes) -> None:
    list(import_lines(engine, BytesIO(text), "test"))


def _purge(engine: Engine, *, dry_run: bool = False) -> list[Purged]:
    return purge(engine, keep_months=36, who="me", today=TODAY, dry_run=dry_run)


def _found(engine: Engine) -> list[str]:
    search = begin_search(engine, Criteria(), who="me", reason="test")
    return sorted(row["request_id"] for row in search.found())


def test_whole_months_are_kept() -> None:
    """The last moment of the month that ended 36 months ago is past its time, the next one is not."""
    assert end_of_kept(TODAY, 36) == date(2023, 11, 1)
    assert end_of_kept(date(2026, 1, 31), 1) == date(2025, 12, 1)


def test_a_purge_deletes_months_past_their_time(engine: Engine) -> None:
    """Calls, with a partition and without, and rejects; it leaves a row, and a dry run none."""
    _import(engine, lines(0, 2, time=OLD) + lines(2, 3, time=KEPT) + b"no line\n")
    make_partitions(engine, today=TODAY)
    _import(engine, lines(3, 4, time="2022-01-01T00:00:00Z"))
    with writing(engine) as connection:
        connection.execute(update(rejects).values(at=datetime(2023, 10, 5, tzinfo=UTC)))
    expected = [Purged(date(2022, 1, 1), 1, 0, 0), Purged(date(2023, 10, 1), 2, 0, 1)]
    assert _purge(engine, dry_run=True) == expected
    assert len(_found(engine)) == 4
    assert _purge(engine) == expected
    assert _found(engine) == ["request-2"]
    assert _purge(engine) == []
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(rejects)) == 0
        noted = connection.execute(select(purges.c.month, purges.c.calls, purges.c.who)).all()
    assert [tuple(row) for row in noted] == [(date(2022, 1, 1), 1, "me"), (date(2023, 10, 1), 2, "me")]


def test_searches_are_forgotten_with_the_calls(engine: Engine) -> None:
    """Who searched for what, and why, is personal data as well."""
    _found(engine)
    _found(engine)
    with writing(engine) as connection:
        first = select(func.min(searches.c.id)).scalar_subquery()
        connection.execute(update(searches).where(searches.c.id == first).values(at=datetime(2023, 10, 31, tzinfo=UTC)))
    _purge(engine, dry_run=True)
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(searches)) == 2
    _purge(engine)
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(searches)) == 1


def test_calls_under_a_hold_stay_until_it_is_lifted(engine: Engine) -> None:
    """By token or by recipient; they stay searchable."""
    other = {"jti": "other", "recipient": "other", "time": OLD}
    _import(engine, lines(0, 2, time=OLD) + lines(2, 3, **other) + lines(3, 4, **(other | {"jti": None})))
    make_partitions(engine, today=TODAY)
    first = hold(engine, HoldKind.JTI, JTI, who="me", reason="court")
    hold(engine, HoldKind.RECIPIENT, "other", who="me", reason="court")
    assert _purge(engine) == [Purged(date(2023, 10, 1), 0, 4, 0)]
    assert len(_found(engine)) == 4
    _import(engine, lines(0, 2, time=OLD))
    assert len(_found(engine)) == 4
    assert lift(engine, first, who="me")
    assert not lift(engine, first, who="me")
    assert _purge(engine) == [Purged(date(2023, 10, 1), 2, 0, 0)]
    assert _found(engine) == ["request-2", "request-3"]
    assert [each.lifted_at is None for each in all_holds(engine)] == [False, True]
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(calls)) == 0
        assert connection.scalar(select(func.count()).select_from(held_calls)) == 2


def _faults(engine: Engine) -> list[date]:
    return [each.day for each in verify(engine) if isinstance(each, Fault)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE held_calls SET user_id = 'nobody'",
        "DELETE FROM held_calls",
        "INSERT INTO held_calls SELECT * FROM held_calls",
    ],
)
def test_a_change_of_what_holds_keep_shows(engine: Engine, statement: str) -> None:
    """Although the seals of those days say nothing of some of their rows; what a later purge deletes is no change."""
    _import(engine, lines(0, 2, time=OLD, jti="other") + lines(2, 5, time=OLD))
    make_seals(engine)
    hold(engine, HoldKind.JTI, JTI, who="me", reason="court")
    other = hold(engine, HoldKind.JTI, "other", who="me", reason="court")
    _purge(engine)
    assert _faults(engine) == []
    lift(engine, other, who="me")
    assert _faults(engine) == []
    _purge(engine)
    assert (_faults(engine), _found(engine)) == ([], ["request-2", "request-3", "request-4"])
    with writing(engine) as connection:
        connection.execute(text(statement))
    assert _faults(engine) == [date(2023, 10, 1)]


def test_a_purge_that_is_killed_is_ended_by_the_next(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile no day seems changed."""
    _import(engine, lines(0, 4, time="2022-01-01T00:00:00Z"))
    make_seals(engine)
    hold(engine, HoldKind.JTI, JTI, who="me", reason="court")

    class Killed(Exception):  # noqa: N818
        pass

    def killed(_engine: Engine) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("apientreprise_gateway.journal.purging._note_digests", killed)
        with pytest.raises(Killed):
            _purge(engine)
    assert _faults(engine) == []
    assert _purge(engine) == []
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM held_calls WHERE request_id = 'request-1'"))
    assert _faults(engine) == [date(2022, 1, 1)]


def test_the_chain_of_seals_holds_after_a_purge(engine: Engine) -> None:
    """Of days that are gone only the chain is looked at."""
    _import(engine, lines(0, 2, time=OLD) + lines(2, 3, time=KEPT))
    make_seals(engine)
    _purge(engine)
    assert [each for each in verify(engine) if isinstance(each, Fault)] == []
    make_seals(engine)
    assert [each for each in verify(engine) if isinstance(each, Fault)] == []


def test_rows_of_the_default_partition_move_to_their_month(engine: Engine) -> None:
    """None is lost, and months are made ahead."""
    _import(engine, lines(0, 3) + lines(3, 4, time=OLD))
    made = make_partitions(engine, today=TODAY)
    assert make_partitions(engine, today=TODAY) == []
    assert len(_found(engine)) == 4
    with reading(engine) as connection:
        assert rows_in_default(connection) == 0
        if is_postgresql(engine):
            assert made == ["calls_2023_10", "calls_2026_11", "calls_2026_12", "calls_2027_01", "calls_2027_02"]
            assert connection.scalar(text("SELECT count(*) FROM calls_2026_11")) == 3
