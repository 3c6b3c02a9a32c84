"""What tests of the status page are made of: a clock that they set, and findings that they plan."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert

from apientreprise_gateway.database.engine import writing
from apientreprise_gateway.database.tables import calls
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.status.components import components_of
from apientreprise_gateway.status.judging import State

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday, 10:00 in Paris."""
COMPONENTS = components_of(PRODUCTS)
SIRENE = "insee-sirene"
ENTREPRISE = "api-entreprise"


class Clock:
    """A clock that tests set."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)


class Plan:
    """A prober that finds everything good, but for what is planned."""

    def __init__(self) -> None:
        self.found: dict[str, State] = {}
        self.asked = 0

    async def ask(self) -> Mapping[str, State]:
        """See `rounds.Asks`."""
        self.asked += 1
        return {each.id: State.GOOD for each in COMPONENTS if each.id != "compte"} | self.found


def write_calls(engine: Engine, at: datetime, *, count: int, **fields: Any) -> None:
    """Put access lines into the journal."""
    usual = {
        "event": "access",
        "product": "api_entreprise",
        "operation": "api_entreprise_v3_insee_unites_legales",
        "status": 200,
    }
    row = {"request_id": "r", "line_key": b"k", "batch": 1, "time": at, **usual, **fields}
    with writing(engine) as connection:
        connection.execute(insert(calls), [row] * count)
