"""The calls of a token over time, as a chart shows them: a count for each step of a period, with zeros."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from apientreprise_gateway.journal.rollups import ABANDONED, REFUSED
from apientreprise_gateway.journal.statistics import Period, floor


@dataclass(frozen=True, slots=True)
class Counts:
    """Calls of one step of a period."""

    answered: int = 0
    """With 2xx or 3xx."""
    wrong: int = 0
    """With 4xx that is no refusal."""
    failed: int = 0
    """With 5xx, or abandoned by the caller."""
    refused: int = 0
    """With 401, 403 or 429."""


def series(connection: Connection, jti: str, period: Period, now: datetime) -> list[tuple[datetime, Counts]]:
    """The counts of a period in the order of time, each with the moment at which its step begins."""
    first = floor(now - period.length, period.step)
    table = period.table
    query = (
        select(table.c.at, table.c["class"], func.sum(table.c.calls))
        .where(table.c.jti == jti, table.c.at >= first)
        .group_by(table.c.at, table.c["class"])
    )
    found: dict[datetime, dict[str, int]] = {}
    for at, name, count in connection.execute(query):
        by_class = found.setdefault(floor(at, period.step), {})
        by_class[name] = by_class.get(name, 0) + int(count)
    steps = (now - first) // period.step
    moments = (first + period.step * number for number in range(steps + 1))
    return [(moment, _counts(found.get(moment, {}))) for moment in moments]


def _counts(by_class: Mapping[str, int]) -> Counts:
    return Counts(
        answered=by_class.get("2xx", 0) + by_class.get("3xx", 0),
        wrong=by_class.get("4xx", 0),
        failed=by_class.get("5xx", 0) + by_class.get(ABANDONED, 0),
        refused=by_class.get(REFUSED, 0),
    )
