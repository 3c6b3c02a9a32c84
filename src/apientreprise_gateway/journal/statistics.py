"""What is told of a token: its calls of the last minutes, hours, days and months, and the last ones one by one."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ARRAY, Connection, Engine, Float, Table, func, literal_column, select

from apientreprise_gateway.database.engine import is_postgresql, reading
from apientreprise_gateway.database.tables import calls, calls_by_day, calls_by_hour, calls_by_minute
from apientreprise_gateway.journal.rollups import REFUSED

LAST_CALLS: Final = 10
MEASURED_CALLS: Final = 2000
"""Calls of a period, the latest, whose durations are looked at."""
SHARES: Final = (0.5, 0.95)
_Percentiles = tuple[float | None, float | None]
_SHOWN: Final = ("time", "request_id", "operation", "identifier", "status", "codes", "seconds")


@dataclass(frozen=True, slots=True)
class Period:
    """A period up to now, and the counts that tell of it."""

    name: str
    length: timedelta
    step: timedelta
    """What the counts are of."""
    table: Table


PERIODS: Final = (
    Period("10 minutes", timedelta(minutes=10), timedelta(minutes=1), calls_by_minute),
    Period("30 hours", timedelta(hours=30), timedelta(hours=1), calls_by_hour),
    Period("8 days", timedelta(days=8), timedelta(hours=1), calls_by_hour),
    Period("90 days", timedelta(days=90), timedelta(days=1), calls_by_day),
)


@dataclass(frozen=True, slots=True)
class PeriodStatistics:
    """The calls of a token in a period."""

    period: str
    since: datetime
    """The first moment that is counted: where a minute, an hour or a day begins."""
    calls: int
    """All but refusals."""
    refused: int
    """Answered 401, 403 or 429."""
    by_class: Mapping[str, int]
    """`2xx`, `4xx`, `5xx` and so on, and `abandoned`; without refusals."""
    by_operation: Mapping[str, int]
    """The most called first; without refusals. Empty where only days would tell and the period is shorter."""
    cached_share: float | None
    """Of the calls, from 0 to 1; None without calls, or where it is not counted."""
    p50: float | None
    """Seconds that half of the latest calls took at most."""
    p95: float | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """All that is told of a token."""

    jti: str
    as_of: datetime
    first_call: datetime | None
    periods: tuple[PeriodStatistics, ...]
    last_calls: tuple[Mapping[str, Any], ...]


def statistics(engine: Engine, jti: str, *, now: datetime | None = None) -> Statistics:
    """The statistics of a token.

    Raises:
        DatabaseError: the database cannot be used.
    """
    now = now or datetime.now(UTC)
    with reading(engine) as connection:
        return Statistics(
            jti,
            now,
            connection.scalar(select(func.min(calls.c.time)).where(calls.c.jti == jti)),
            tuple(_periods(connection, jti, now)),
            _last(connection, jti),
        )


def _periods(connection: Connection, jti: str, now: datetime) -> Iterator[PeriodStatistics]:
    begins = [floor(now - period.length, period.step) for period in PERIODS]
    measured = _measured(connection, jti, begins)
    for period, since, percentiles in zip(PERIODS, begins, measured, strict=True):
        yield _period(connection, jti, (period, since), percentiles)


def _period(
    connection: Connection, jti: str, named: tuple[Period, datetime], percentiles: _Percentiles
) -> PeriodStatistics:
    period, since = named
    table = period.table
    within = (table.c.jti == jti, table.c.at >= since)
    grouped = select(table.c["class"], func.sum(table.c.calls)).where(*within).group_by(table.c["class"])
    by_class = {name: int(count) for name, count in connection.execute(grouped)}
    refused = by_class.pop(REFUSED, 0)
    answered = sum(by_class.values())
    return PeriodStatistics(
        period.name,
        since,
        answered,
        refused,
        dict(sorted(by_class.items())),
        _operations(connection, table, within),
        _cached_share(connection, table, within, answered),
        *percentiles,
    )


def floor(moment: datetime, step: timedelta) -> datetime:
    """The moment at which the step that a moment is in begins."""
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    return begin + (moment - begin) // step * step


def _operations(connection: Connection, table: Table, within: tuple[Any, ...]) -> dict[str, int]:
    if "operation" not in table.c:
        return {}
    query = (
        select(table.c.operation, func.sum(table.c.calls))
        .where(*within, table.c["class"] != REFUSED)
        .group_by(table.c.operation)
    )
    counts = Counter({name: int(count) for name, count in connection.execute(query)})
    return dict(counts.most_common())


def _cached_share(connection: Connection, table: Table, within: tuple[Any, ...], answered: int) -> float | None:
    if "cached" not in table.c or not answered:
        return None
    query = select(func.sum(table.c.calls)).where(*within, table.c["class"] != REFUSED, table.c.cached)
    return int(connection.scalar(query) or 0) / answered


def _measured(connection: Connection, jti: str, begins: Sequence[datetime]) -> list[_Percentiles]:
    """The percentiles of what the latest calls took, of those since each moment."""
    latest = (
        select(calls.c.time, calls.c.seconds)
        .where(calls.c.jti == jti, calls.c.time >= min(begins), calls.c.part_of.is_(None), calls.c.event == "access")
        .where(calls.c.status.not_in((401, 403, 429)), calls.c.seconds.is_not(None))
        .order_by(calls.c.time.desc())
        .limit(MEASURED_CALLS)
    )
    if not is_postgresql(connection):
        rows = [(row.time, row.seconds) for row in connection.execute(latest)]
        return [_percentiles([seconds for at, seconds in rows if at >= since]) for since in begins]
    found = latest.subquery()
    shares: Any = literal_column(f"ARRAY{list(SHARES)}::float8[]")
    percentiles = func.percentile_disc(shares, type_=ARRAY(Float)).within_group(found.c.seconds)
    (row,) = connection.execute(select(*(percentiles.filter(found.c.time >= since) for since in begins)))
    return [(None, None) if each is None else tuple(each) for each in row]


def _percentiles(durations: list[float]) -> _Percentiles:
    if not durations:
        return None, None
    durations.sort()
    p50, p95 = (durations[math.ceil(share * len(durations)) - 1] for share in SHARES)
    return p50, p95


def _last(connection: Connection, jti: str) -> tuple[Mapping[str, Any], ...]:
    query = (
        select(*(calls.c[name] for name in _SHOWN))
        .where(calls.c.jti == jti, calls.c.part_of.is_(None))
        .order_by(calls.c.time.desc())
        .limit(LAST_CALLS)
    )
    return tuple(dict(row) for row in connection.execute(query).mappings())
