"""Figures of the last months for everybody: calls, papers that nobody had to bring, bodies served. Nobody is named."""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from apientreprise_gateway.database.accounts import habilitations, tokens
from apientreprise_gateway.database.tables import calls_by_day, calls_by_operation

MONTHS: Final = 12
KEPT: Final = timedelta(hours=1)
"""How long figures that were counted are shown."""
_SUCCESS: Final = "2xx"
_PARIS: Final = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class Month:
    """A month of Paris."""

    begins: datetime
    calls: int
    answered: int
    """Calls that were answered with data."""
    papers: int
    """Of these, those that gave a document."""
    bodies: int
    """Establishments whose tokens were used."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The months, the oldest first, and when they were counted."""

    months: tuple[Month, ...]
    as_of: datetime


class Counted:
    """Figures that are counted once an hour for all visitors of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Figures | None = None

    def figures(self, connection: Connection, documents: Collection[str], *, now: datetime) -> Figures:
        """The figures; `documents` are the operations that give a document."""
        with self._lock:
            if self._last is None or now - self._last.as_of >= KEPT or now < self._last.as_of:
                self._last = count(connection, documents, now=now)
            return self._last


def count(connection: Connection, documents: Collection[str], *, now: datetime) -> Figures:
    """Count the last months, the one that goes on included."""
    begins = _months(now)
    ends = [*begins[1:], now]
    return Figures(
        tuple(_month(connection, documents, begin, end) for begin, end in zip(begins, ends, strict=True)), now
    )


def _months(now: datetime) -> list[datetime]:
    there = now.astimezone(_PARIS).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found = []
    for _ in range(MONTHS):
        found.append(there.astimezone(UTC))
        there = (there - timedelta(days=1)).replace(day=1)
    return found[::-1]


def _month(connection: Connection, documents: Collection[str], begin: datetime, end: datetime) -> Month:
    hours = calls_by_operation.c
    query = (
        select(hours.operation, hours["class"], func.sum(hours.calls))
        .where(hours.at >= begin, hours.at < end)
        .group_by(hours.operation, hours["class"])
    )
    calls = answered = papers = 0
    for operation, kind, number in connection.execute(query):
        calls += number
        if kind == _SUCCESS:
            answered += number
            papers += number if operation in documents else 0
    days = calls_by_day.c
    used = select(days.jti).where(days.at >= begin, days.at < end, days["class"] == _SUCCESS).distinct()
    bodies = connection.scalar(
        select(func.count(habilitations.c.siret.distinct()))
        .join(tokens, tokens.c.habilitation_id == habilitations.c.id)
        .where(tokens.c.id.in_(used))
    )
    return Month(begin, int(calls), int(answered), int(papers), bodies or 0)
