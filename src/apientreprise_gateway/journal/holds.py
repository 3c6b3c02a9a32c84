"""Legal holds: calls of a token or a body that are kept beyond their time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Table, func, insert, or_, select, update

from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.tables import holds


class HoldKind(StrEnum):
    """What a hold is of; the name of a column of calls."""

    JTI = "jti"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold, in force unless it was lifted."""

    number: int
    kind: HoldKind
    value: str
    reason: str
    at: datetime
    who: str
    lifted_at: datetime | None


_COLUMNS: Final = ("id", "kind", "value", "reason", "at", "who", "lifted_at")


def hold(engine: Engine, kind: HoldKind, value: str, *, who: str, reason: str) -> int:
    """Keep the calls that have this value; returns the number of the hold.

    Raises:
        DatabaseError: the database cannot be used.
    """
    values = {"at": datetime.now(UTC), "who": who, "kind": kind.value, "value": value, "reason": reason}
    with writing(engine) as connection:
        return int(connection.execute(insert(holds).values(values).returning(holds.c.id)).scalar_one())


def lift(engine: Engine, number: int, *, who: str) -> bool:
    """End a hold; False if there is none in force with this number. The next purge deletes what it kept.

    Raises:
        DatabaseError: the database cannot be used.
    """
    in_force = (holds.c.id == number, holds.c.lifted_at.is_(None))
    with writing(engine) as connection:
        change = update(holds).where(*in_force).values(lifted_at=datetime.now(UTC), lifted_by=who)
        return connection.execute(change).rowcount == 1


def all_holds(engine: Engine) -> list[Hold]:
    """Every hold, also those that were lifted.

    Raises:
        DatabaseError: the database cannot be used.
    """
    with reading(engine) as connection:
        rows = connection.execute(select(*(holds.c[name] for name in _COLUMNS)).order_by(holds.c.id))
        return [Hold(row[0], HoldKind(row[1]), *row[2:]) for row in rows]


def is_held(table: Table) -> "ColumnElement[Any]":
    """Whether a row of a table of calls is under a hold: a condition for queries."""
    return or_(*(func.coalesce(table.c[kind.value].in_(_values(kind)), False) for kind in HoldKind))


def _values(kind: HoldKind) -> Any:
    return select(holds.c.value).where(holds.c.kind == kind.value, holds.c.lifted_at.is_(None))
