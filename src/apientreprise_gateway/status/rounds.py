"""Rounds of the prober: each minute the one that holds the lease asks, and writes what it found.

What is found while the database is away is kept and written later, with the account side as bad. Another prober takes
over when the lease was not renewed, soon enough for the minute after the last one.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Connection, Engine

from apientreprise_gateway.database.engine import DatabaseError, reading, writing
from apientreprise_gateway.status import drafts, incidents, judging, lease, store, subscriptions
from apientreprise_gateway.status.components import ACCOUNT, Component
from apientreprise_gateway.status.judging import State
from apientreprise_gateway.status.metrics import StatusMetrics
from apientreprise_gateway.status.periods import day_of, minute_of

MOST_KEPT: Final = 180
"""Rounds that are kept while the database is away."""
_LOOKS: Final = 4
"""Looks in a minute whether the lease is free."""
_CORRECTED: Final = 3
"""Minutes before this one whose answers are counted: some lines arrive late, and a prober may have been missing."""
_log = structlog.get_logger(__name__)

OnDrafts = Callable[[Connection, Sequence[drafts.Opened], datetime], None]


class Asks(Protocol):
    """Finds the state of components; see `prober.Prober`."""

    async def ask(self) -> Mapping[str, State]: ...


class Rounds:
    """The rounds of one process."""

    def __init__(
        self,
        engine: Engine,
        prober: Asks,
        components: Sequence[Component],
        *,
        seconds: float,
        holder: str,
        on_drafts: OnDrafts = lambda _connection, _drafts, _now: None,
        metrics: StatusMetrics | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Begin with nothing found.

        Args:
            engine: of the database.
            prober: asks.
            components: all of them.
            seconds: the length of a minute.
            holder: the name of this process, that no other has.
            on_drafts: called in the transaction that opens drafts.
            metrics: count the minutes; None for a process that shows none.
            clock: the time.
            sleep: waits for seconds.
        """
        self._engine = engine
        self._prober = prober
        self._components = tuple(components)
        self._seconds = seconds
        self._holder = holder
        self._on_drafts = on_drafts
        self._metrics = metrics
        if metrics is not None:
            metrics.begin(self._components)
        self._clock = clock
        self._sleep = sleep
        self._waiting: deque[tuple[datetime, Mapping[str, State]]] = deque(maxlen=MOST_KEPT)
        self._done: datetime | None = None
        self._shown: datetime | None = None
        self.counts = False
        """Whether this process is the one that asks."""

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        try:
            while True:
                await self._sleep(await self.turn())
        finally:
            if self.counts:
                await asyncio.shield(asyncio.to_thread(self._release))

    async def turn(self) -> float:
        """Look once, and ask if it is this one's turn; returns the seconds until the next look."""
        now = self._clock()
        minute = minute_of(now, self._seconds)
        if self._done != minute:
            before, self.counts = self.counts, await asyncio.to_thread(self._hold, now)
            if self.counts and not before:
                _log.info("status_prober_counts", holder=self._holder)
            if self.counts:
                self._done = minute
                self._waiting.append((minute, await self._prober.ask()))
                await asyncio.to_thread(self._write)
            if self._metrics is not None:
                await asyncio.to_thread(self._show, self._metrics, minute)
            if not self.counts:
                return self._seconds / _LOOKS
        left = minute + timedelta(seconds=self._seconds) - self._clock()
        return max(0.0, left.total_seconds())

    def _hold(self, now: datetime) -> bool:
        """Whether this process asks now; while the database is away, whether it did before."""
        length = timedelta(seconds=self._seconds * (1 + 1 / _LOOKS))
        try:
            with writing(self._engine) as connection:
                return lease.hold(connection, self._holder, now=now, length=length)
        except DatabaseError as error:
            _log.error("status_not_written", reason=str(error), effect="it is kept, and written later")
            return self.counts

    def _release(self) -> None:
        try:
            with writing(self._engine) as connection:
                lease.release(connection, self._holder, now=self._clock())
        except DatabaseError:
            pass  # its end comes by itself

    def _write(self) -> None:
        try:
            while self._waiting:
                minute, found = self._waiting[0]
                is_late = len(self._waiting) > 1
                with writing(self._engine) as connection:
                    self._record(connection, minute, self._with_account(found, is_late=is_late))
                self._waiting.popleft()
        except DatabaseError as error:
            _log.error("status_not_written", reason=str(error), effect="it is kept, and written later")

    def _with_account(self, found: Mapping[str, State], *, is_late: bool) -> Mapping[str, State]:
        """The account side works if its database takes this, unless it was asked itself."""
        if is_late:
            return {**found, ACCOUNT.id: State.BAD}
        return {ACCOUNT.id: State.GOOD, **found}

    def _record(self, connection: Connection, minute: datetime, found: Mapping[str, State]) -> None:
        now = self._clock()
        record(connection, self._components, minute, found, seconds=self._seconds, now=now)
        states = store.states_since(connection, minute - drafts.looks_back(self._seconds))
        opened = drafts.keep_drafts(connection, self._components, states, at=minute, seconds=self._seconds, now=now)
        if opened:
            self._on_drafts(connection, opened, now)

    def _show(self, metrics: StatusMetrics, minute: datetime) -> None:
        """Count the minute before the last, whoever has measured it: the answers in it are counted by now."""
        if self._shown == minute:
            return
        self._shown = minute
        before = minute - 2 * timedelta(seconds=self._seconds)
        try:
            with reading(self._engine) as connection:
                states = store.states_since(connection, before)
                days = store.days_since(connection, day_of(minute).replace(day=1))
        except DatabaseError:
            return  # told of where the minute is written
        for component, found in states.items():
            if before in found:
                metrics.count(component, found[before])
        metrics.month(days)


def record(
    connection: Connection,
    components: Sequence[Component],
    minute: datetime,
    found: Mapping[str, State],
    *,
    seconds: float,
    now: datetime,
) -> None:
    """Write a minute, correct those before it by the answers that callers got in them, and forget the oldest."""
    length = timedelta(seconds=seconds)
    first = minute - _CORRECTED * length
    announced = incidents.planned(connection, since=first, now=now)
    states = {
        component: State.MAINTENANCE if _is_announced(announced, component, minute) else state
        for component, state in found.items()
    }
    store.write_minute(connection, minute, states)
    for place in range(_CORRECTED):
        at = first + place * length
        answers = judging.answers_in(connection, components, at, seconds)
        store.condemn(connection, at, [component for component, each in answers.items() if each.condemn])
    store.forget(connection, now=now)
    subscriptions.forget_unconfirmed(connection, now=now)


def _is_announced(announced: Sequence[incidents.Incident], component: str, moment: datetime) -> bool:
    return any(
        component in each.components
        and each.discarded_at is None
        and each.scheduled_for is not None
        and each.scheduled_until is not None
        and each.scheduled_for <= moment < each.scheduled_until
        and (each.resolved_at is None or moment < each.resolved_at)
        for each in announced
    )
