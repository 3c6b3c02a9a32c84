"""What the status pages of a process are made of: read every few seconds, and kept while the database is away."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request

from apientreprise_gateway.database.engine import DatabaseError
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.portal.services import Services, services
from apientreprise_gateway.status.components import components_of
from apientreprise_gateway.status.snapshot import Days, Now, Shown, Snapshot, past_days, take

LONGEST_KEPT: Final = 5.0
"""Seconds for which a snapshot is shown before the database is asked again."""

_PAST_KEPT: Final = timedelta(minutes=15)
"""For which the days before yesterday are not read again: a minute may be written hours later, rarely."""


class Board:
    """The latest snapshot."""

    def __init__(self, ours: Services) -> None:
        self._ours = ours
        self.components = components_of(ours.products)
        self._seconds = ours.settings.status_seconds
        self._kept = timedelta(seconds=min(LONGEST_KEPT, self._seconds / 2))
        self._lock = threading.Lock()
        self._faults = FaultLog()
        self._latest: Snapshot | None = None
        self._asked_at: datetime | None = None
        self._made: dict[str, bytes] = {}
        self._past: Days | None = None
        self._past_read_at = ours.now()

    def snapshot(self) -> Snapshot:
        """What is known now; while the database is away, what was known last."""
        with self._lock:
            now = self._ours.now()
            if self._latest is None or self._asked_at is None or not now - self._kept < self._asked_at <= now:
                self._asked_at = now
                self._latest = self._read(now)
                self._made.clear()
            return self._latest

    def made(self, name: str, make: Callable[[Snapshot], bytes]) -> bytes:
        """Something made of the snapshot, once for each."""
        snapshot = self.snapshot()
        content = self._made.get(name)
        if content is None:
            content = make(snapshot)
            if snapshot is self._latest:
                self._made[name] = content
        return content

    def forget(self) -> None:
        """Read again at the next look: something was just changed."""
        self._asked_at = None

    def _read(self, now: datetime) -> Snapshot:
        try:
            with self._ours.reading() as connection:
                if self._past is None or not now - _PAST_KEPT < self._past_read_at <= now:
                    self._past, self._past_read_at = past_days(connection, self.components, now=now), now
                return take(connection, self.components, seconds=self._seconds, now=now, past=self._past)
        except DatabaseError as error:
            self._faults.tell("status_not_read", error, effect="what was known last is shown")
            return self._nothing(now) if self._latest is None else self._latest.stale()

    def _nothing(self, now: datetime) -> Snapshot:
        shown = tuple(Shown(component, Now.UNKNOWN, {}, None) for component in self.components)
        return Snapshot(now, None, self._seconds, shown, (), (), is_stale=True)


def board(request: Request) -> Board:
    """The board of the application of a request, made at the first of them."""
    state = request.app.state
    try:
        found: Board = state.status_board
    except AttributeError:
        found = state.status_board = Board(services(request))
    return found
