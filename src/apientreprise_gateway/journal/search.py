"""Finds calls, and keeps who searched for what, and why."""

import json
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, insert, select, union_all, update

from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.tables import calls, held_calls, searches
from apientreprise_gateway.journal.line import FIELDS, LISTS

_EQUAL: Final = ("request_id", "jti", "identifier", "user_id", "recipient", "operation", "status")
_ROWS_AT_ONCE: Final = 1000

Found = dict[str, Any]
"""A call, by the names of the access log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What is searched for: calls that have all that is given."""

    request_id: str | None = None
    jti: str | None = None
    identifier: str | None = None
    user_id: str | None = None
    recipient: str | None = None
    operation: str | None = None
    status: int | None = None
    since: datetime | None = None
    """The first moment of the period."""
    until: datetime | None = None
    """The moment after the period."""

    def text(self) -> str:
        """What is kept of it, in JSON."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(given, default=lambda moment: moment.astimezone(UTC).isoformat())


@dataclass(slots=True)
class Search:
    """A search under way; it is recorded before the first row is given, and its number of rows after the last."""

    engine: Engine
    number: int
    criteria: Criteria
    rows: int = 0

    def found(self) -> Generator[Found]:
        """The calls in the order of their time, those that a hold keeps among them.

        Raises:
            DatabaseError: the database cannot be used.
        """
        try:
            with reading(self.engine) as connection:
                for row in found_in(connection, self.criteria):
                    self.rows += 1
                    yield row
        finally:
            with writing(self.engine) as connection:
                connection.execute(update(searches).where(searches.c.id == self.number).values(rows=self.rows))


def begin_search(engine: Engine, criteria: Criteria, *, who: str, reason: str) -> Search:
    """Record a search, and begin it.

    Raises:
        DatabaseError: the database cannot be used.
    """
    values = {"at": datetime.now(UTC), "who": who, "what": criteria.text(), "reason": reason}
    with writing(engine) as connection:
        number = connection.execute(insert(searches).values(values).returning(searches.c.id)).scalar_one()
    return Search(engine, number, criteria)


def found_in(connection: Connection, criteria: Criteria) -> Iterator[Found]:
    """The calls in the order of their time, without a record: for what people see of their own tokens."""
    both = union_all(*(_of(table, criteria) for table in (calls, held_calls))).subquery()
    query = select(both).order_by(both.c.time, both.c.request_id)
    result = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
    for row in result.mappings():
        yield {name: _shown(name, row[name]) for name in FIELDS}


def _of(table: Any, criteria: Criteria) -> "Select[Any]":
    query = select(*(table.c[name] for name in FIELDS))
    for name in _EQUAL:
        value = getattr(criteria, name)
        if value is not None:
            query = query.where(table.c[name] == value)
    if criteria.since is not None:
        query = query.where(table.c.time >= criteria.since)
    return query if criteria.until is None else query.where(table.c.time < criteria.until)


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return json.loads(value) if name in LISTS and value is not None else value
