"""Counts and statistics of a token, on both kinds of database."""

from collections.abc import Iterable
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.tables import calls_by_day, calls_by_hour, calls_by_minute, calls_by_operation
from apientreprise_gateway.journal.follower import Follower
from apientreprise_gateway.journal.importing import import_lines
from apientreprise_gateway.journal.metrics import JournalMetrics
from apientreprise_gateway.journal.rollups import class_of, forget
from apientreprise_gateway.journal.statistics import statistics
from support.lines import BEGAN, JTI, line, lines

NOW = BEGAN + timedelta(minutes=5)


def _import(engine: Engine, texts: Iterable[bytes]) -> None:
    list(import_lines(engine, BytesIO(b"\n".join(texts)), "test"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, "2xx"),
        (404, "4xx"),
        (502, "5xx"),
        (401, "refused"),
        (403, "refused"),
        (429, "refused"),
        (None, "abandoned"),
    ],
)
def test_refusals_are_a_class_of_their_own(status: int | None, kind: str) -> None:
    """So that a client that hammers does not spoil what is said of the service."""
    assert class_of(status) == kind


def test_the_statistics_of_a_token(engine: Engine) -> None:
    """Each period counts what lies in it; parts of dossiers and other tokens do not count."""
    day, month = timedelta(days=1), timedelta(days=31)
    _import(
        engine,
        [
            line(1, cached=True),
            line(2, status=404, operation="other"),
            line(3, status=429),
            line(4, part_of="dossiers"),
            line(5, jti="22222222-2222-4333-8444-555555555555"),
            line(6, event="abandoned", status=None),
            line(7, time=(BEGAN - day).isoformat(), seconds=1.5),
            line(8, time=(BEGAN - month).isoformat()),
        ],
    )
    found = statistics(engine, JTI, now=NOW)
    assert found.first_call == BEGAN - month
    assert [each.calls for each in found.periods] == [3, 4, 4, 5]
    assert [each.refused for each in found.periods] == [1, 1, 1, 1]
    minutes, hours, _, months = found.periods
    assert minutes.by_class == {"2xx": 1, "4xx": 1, "abandoned": 1}
    assert hours.cached_share == 0.25
    assert months.by_operation == {"insee_unites_legales": 4, "other": 1}
    assert (hours.p50, hours.p95) == (0.015, 1.5)
    assert [call["request_id"] for call in found.last_calls][:2] == ["request-6", "request-3"]


def test_the_percentiles_of_a_token(engine: Engine) -> None:
    """What half, and 95 of a hundred, of the calls of a period took at most, on both kinds of database."""
    hour = timedelta(hours=1)
    _import(engine, [line(number, seconds=number / 100) for number in range(1, 101)])
    _import(engine, [line(number, seconds=7, time=(BEGAN - 2 * hour).isoformat()) for number in range(200, 300)])
    _import(engine, [line(301, seconds=99, status=429), line(302, seconds=99, part_of="dossiers")])
    minutes, hours, _, _ = statistics(engine, JTI, now=NOW).periods
    assert (minutes.p50, minutes.p95) == (0.5, 0.95)
    assert (hours.p50, hours.p95) == (1.0, 7.0)


def test_a_token_that_was_never_used(engine: Engine) -> None:
    """Has no first call, and empty periods."""
    found = statistics(engine, JTI, now=NOW)
    assert (found.first_call, found.last_calls) == (None, ())
    assert {each.calls for each in found.periods} == {0}


def test_counts_are_those_of_the_rows_however_they_come(engine: Engine, tmp_path: Path) -> None:
    """Imported, imported again, followed."""
    _import(engine, [lines(0, 5)])
    _import(engine, [lines(3, 8)])
    log = tmp_path / "access.log"
    log.write_bytes(lines(8, 20))
    follower = Follower(engine, [log], host="test", metrics=JournalMetrics())
    while follower.round():
        pass
    follower.stop()
    follower.run()
    with reading(engine) as connection:
        for table in (calls_by_minute, calls_by_hour, calls_by_day, calls_by_operation):
            assert connection.scalar(select(func.sum(table.c.calls))) == 20


def test_operations_are_counted_by_hour(engine: Engine) -> None:
    """All tokens together; what is older than 13 months goes, with the purge."""
    hour = timedelta(hours=1)
    _import(
        engine,
        [
            line(1),
            line(2, jti="22222222-2222-4333-8444-555555555555"),
            line(3, status=429),
            line(4, operation="other"),
            line(5, operation=None),
            line(6, part_of="dossiers"),
            line(7, time=(BEGAN + hour).isoformat()),
            line(8, time=(BEGAN - timedelta(days=500)).isoformat()),
        ],
    )
    with writing(engine) as connection:
        forget(connection, now=NOW, keep_months=36)
        counted = [tuple(row) for row in connection.execute(select(calls_by_operation))]
    assert sorted(counted) == [
        (BEGAN, "", "2xx", 1),
        (BEGAN, "insee_unites_legales", "2xx", 2),
        (BEGAN, "insee_unites_legales", "refused", 1),
        (BEGAN, "other", "2xx", 1),
        (BEGAN + hour, "insee_unites_legales", "2xx", 1),
    ]
