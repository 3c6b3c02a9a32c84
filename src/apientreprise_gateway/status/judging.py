"""The rule of a minute: good, bad, unknown, or announced maintenance.

A minute is bad if the probe failed in it, or if at least half of at least five answers to callers are errors of the one
who is judged: the gateway's own for an API, the provider's for a source. Announced maintenance is told apart, whatever
happened meanwhile.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import orjson
from sqlalchemy import Connection, case, func, null, select

from apientreprise_gateway.database.tables import calls
from apientreprise_gateway.status.components import Component, Kind

LEAST_ANSWERS: Final = 5
"""Answers of a minute that say something."""
BAD_SHARE: Final = 0.5
_OURS: Final = "00"
"""The first two digits of the gateway's own codes."""
_NETWORK: Final = "00501"
"""The network between gateway and provider: told by the gateway, and the source's trouble."""
_PLANNED: Final = "020"
"""The end of a provider's code for planned maintenance, which is no error of anybody."""


class State(StrEnum):
    """What a minute was."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"


class Cause(StrEnum):
    """What made a minute bad."""

    PROBE = "probe"
    ANSWERS = "answers"


@dataclass(slots=True)
class Answers:
    """Answers to callers in a minute."""

    total: int = 0
    failed: int = 0
    """Those that failed by the fault of the one who is judged."""

    @property
    def condemn(self) -> bool:
        """Whether they make the minute bad."""
        return self.total >= LEAST_ANSWERS and self.failed >= BAD_SHARE * self.total


@dataclass(frozen=True, slots=True)
class Counted:
    """How many answers there were of one kind."""

    product: str | None
    operation: str | None
    status: int
    code: str | None
    """The first error code of a 5xx."""
    is_part: bool
    number: int


def is_ours(code: str | None) -> bool:
    """Whether a 5xx with this code is the gateway's own fault; one without a code is."""
    return code is None or (code.startswith(_OURS) and code != _NETWORK)


@dataclass(slots=True)
class _Sums:
    by_component: dict[str, Answers] = field(default_factory=lambda: defaultdict(Answers))

    def add(self, component: str, number: int, *, failed: bool) -> None:
        answers = self.by_component[component]
        answers.total += number
        answers.failed += number if failed else 0


def added_up(components: Iterable[Component], counted: Iterable[Counted]) -> Mapping[str, Answers]:
    """The answers of each component, by its id."""
    apis = {each.product: each.id for each in components if each.kind is Kind.API}
    sources: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    for component in components:
        for operation in component.operations:
            sources[component.product, operation].append(component.id)
    sums = _Sums()
    for each in counted:
        failed = each.status >= 500
        if not each.is_part and each.product in apis:  # a part of a dossier is no answer
            sums.add(apis[each.product], each.number, failed=failed and is_ours(each.code))
        theirs = failed and not is_ours(each.code) and not (each.code or "").endswith(_PLANNED)
        for source in sources.get((each.product, each.operation or ""), ()):
            sums.add(source, each.number, failed=theirs)
    return sums.by_component


def answers_in(
    connection: Connection, components: Iterable[Component], start: datetime, seconds: float
) -> Mapping[str, Answers]:
    """The answers of a minute that the journal holds, by component."""
    codes = case((calls.c.status >= 500, calls.c.codes), else_=null())
    keys = (calls.c.product, calls.c.operation, calls.c.status, codes, calls.c.part_of.is_not(None))
    grouped = (
        select(*keys, func.count())
        .where(calls.c.time >= start, calls.c.time < start + timedelta(seconds=seconds))
        .where(calls.c.event == "access", calls.c.status.is_not(None))
        .group_by(*keys)
    )
    return added_up(tuple(components), (_counted(row) for row in connection.execute(grouped)))


def _counted(row: Iterable[object]) -> Counted:
    product, operation, status, codes, is_part, number = row
    listed = orjson.loads(codes) if isinstance(codes, str) else []
    return Counted(
        product=None if product is None else str(product),
        operation=None if operation is None else str(operation),
        status=int(str(status)),
        code=str(listed[0]) if listed else None,
        is_part=bool(is_part),
        number=int(str(number)),
    )
