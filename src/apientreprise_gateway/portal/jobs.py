"""Periodic jobs, each done by one of any number of portal processes when it is due.

A row of `jobs` says when a job is due, and who does it until when. Whoever does a job renews that claim; where its
process is killed the claim ends, and another one does the job again, so each job can be repeated without harm.

Due times are of the wall clock: with a clock set forward a job is done once, not once for each time left out; with one
set back it is not done again, and is due no later than it would be after being done now.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from apientreprise_gateway.database.engine import DatabaseError, is_postgresql, reading, writing
from apientreprise_gateway.database.serving import jobs
from apientreprise_gateway.observability.faults import FaultLog, place
from apientreprise_gateway.portal.settings import Settings

LEASE: Final = timedelta(minutes=1)
"""How long a claim holds that is not renewed."""
RENEWED_SECONDS: Final = 15.0
FIRST_RETRY: Final = timedelta(minutes=1)
"""Wait after a first failure; doubled by each further one, and never longer than the time between two due times."""
PARIS: Final = ZoneInfo("Europe/Paris")

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a job is given."""

    engine: Engine
    settings: Settings
    now: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """Work that is done again and again."""

    name: str
    """Of its row, and the label of metrics."""
    every: timedelta
    run: Callable[[Work], object]
    hour: int | None = None
    """The hour of Paris in which a daily job is done; None for whenever its time is over."""

    def next_after(self, due: datetime, now: datetime) -> datetime:
        """The first due time after now, counted from one before."""
        if self.hour is not None:
            today = now.astimezone(PARIS).date()
            days = (today + timedelta(days=day) for day in range(-1, 3))
            times = (datetime.combine(day, time(self.hour), PARIS).astimezone(UTC) for day in days)
            return next(moment for moment in times if moment > now)
        return due + self.every * max(1, (now - due) // self.every + 1)

    def latest(self, now: datetime) -> datetime:
        """The last moment that can be due if the clock was never set back."""
        return now + self.every + (timedelta(hours=2) if self.hour is not None else timedelta())

    def retry_after(self, failures: int, now: datetime) -> datetime:
        """When a job that has failed so many times in a row is due again."""
        return now + min(self.every, FIRST_RETRY * float(2 ** min(failures - 1, 20)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job."""

    name: str
    error: Exception | None
    """Why it failed; None if it did not."""


class Jobs:
    """Does the jobs that are due, in the process that asks."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        jobs: Sequence[Job],
        *,
        clock: Clock = lambda: datetime.now(UTC),
        on_outcome: Callable[[Outcome], object] = lambda _outcome: None,
        renewed_seconds: float = RENEWED_SECONDS,
    ) -> None:
        """Begin; names of jobs are not repeated.

        Args:
            engine: of the database that the processes share.
            settings: given to the jobs.
            jobs: in the order in which they are done.
            clock: the time of day; for tests.
            on_outcome: told of each job that was done or has failed.
            renewed_seconds: between two renewals of a claim.
        """
        self._engine, self._settings, self._jobs = engine, settings, tuple(jobs)
        self._clock, self._on_outcome, self._renewed_seconds = clock, on_outcome, renewed_seconds
        self._who = f"{socket.gethostname()} {os.getpid()} {uuid4().hex[:8]}"
        self._faults = FaultLog()

    def run_due(self, *, force: bool = False, stopped: Callable[[], bool] = lambda: False) -> list[Outcome]:
        """Do each job that is due and that no other process does; with `force`, those that are not due as well.

        A job that fails is logged, and due again after a wait.

        Raises:
            DatabaseError: the database cannot be used.
        """
        done = []
        rested = set() if force else self._rested()
        for job in self._jobs:
            if stopped():
                break
            if job.name in rested:
                continue
            due = self._claim(job, force=force)
            if due is not None:
                outcome = self._do(job, due)
                self._on_outcome(outcome)
                done.append(outcome)
        return done

    def _rested(self) -> set[str]:
        """Jobs that need no claim now: a look without a transaction that writes, as most looks find nothing to do."""
        now = self._clock()
        with reading(self._engine) as connection:
            due = {row.name: row.due_at for row in connection.execute(select(jobs.c.name, jobs.c.due_at))}
        return {job.name for job in self._jobs if job.name in due and now < due[job.name] <= job.latest(now)}

    def _claim(self, job: Job, *, force: bool) -> datetime | None:
        """Claim a job; the time at which it was due, or None if it is not ours to do."""
        now = self._clock()
        with writing(self._engine) as connection:
            _ensure_row(connection, job.name, now)
            query = select(jobs.c.due_at, jobs.c.claimed_until).where(jobs.c.name == job.name)
            row = connection.execute(query.with_for_update(skip_locked=True)).first()
            if row is None or (row.claimed_until is not None and now < row.claimed_until <= now + LEASE):
                return None
            due: datetime = row.due_at
            if due > job.latest(now):  # the clock was set back
                due = job.next_after(now, now)
                connection.execute(update(jobs).where(jobs.c.name == job.name).values(due_at=due))
            if due > now and not force:
                return None
            connection.execute(
                update(jobs)
                .where(jobs.c.name == job.name)
                .values(claimed_until=now + LEASE, claimed_by=self._who, started_at=now)
            )
        return min(due, now)

    def _do(self, job: Job, due: datetime) -> Outcome:
        error: Exception | None = None
        try:
            with self._claim_renewed(job.name):
                job.run(Work(engine=self._engine, settings=self._settings, now=self._clock()))
        except Exception as raised:
            error = raised
            self._faults.tell("job_failed", error, job=job.name, effect="it is tried again")
        self._finish(job, due, error)
        return Outcome(job.name, error)

    def _finish(self, job: Job, due: datetime, error: Exception | None) -> None:
        now = self._clock()
        ours = (jobs.c.name == job.name) & (jobs.c.claimed_by == self._who)
        with writing(self._engine) as connection:
            before = connection.scalar(select(jobs.c.failures).where(ours))
            if before is None:
                return  # somebody else took it over, after a pause of this process
            failures = 0 if error is None else before + 1
            connection.execute(
                update(jobs)
                .where(ours)
                .values(
                    due_at=job.next_after(due, now) if error is None else job.retry_after(failures, now),
                    claimed_until=None,
                    claimed_by=None,
                    ended_at=now,
                    failures=failures,
                    # The place, and not the words, which could quote a row.
                    error=None if error is None else f"{type(error).__name__} {place(error)}".strip(),
                )
            )

    @contextmanager
    def _claim_renewed(self, name: str) -> Iterator[None]:
        """Renew the claim on a job during the block, in a thread."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(self._renewed_seconds):
                try:
                    with writing(self._engine) as connection:
                        ours = (jobs.c.name == name) & (jobs.c.claimed_by == self._who)
                        connection.execute(update(jobs).where(ours).values(claimed_until=self._clock() + LEASE))
                except DatabaseError as error:
                    self._faults.tell("job_not_renewed", error, job=name)

        thread = threading.Thread(target=renew, name=f"renews {name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _ensure_row(connection: Connection, name: str, now: datetime) -> None:
    dialect: Any = postgresql if is_postgresql(connection) else sqlite
    values = {"name": name, "due_at": now, "failures": 0}
    connection.execute(dialect.insert(jobs).values(values).on_conflict_do_nothing(index_elements=["name"]))


def failing(connection: Connection) -> dict[str, int]:
    """Jobs whose last runs have failed, and how many of them in a row."""
    query = select(jobs.c.name, jobs.c.failures).where(jobs.c.failures > 0)
    return {row.name: row.failures for row in connection.execute(query)}


def seconds_late(connection: Connection, now: datetime) -> float:
    """Seconds for which the job that is the latest should have been done, and is not being done; 0 if none is."""
    free = or_(jobs.c.claimed_until.is_(None), jobs.c.claimed_until <= now)
    first = connection.scalar(select(jobs.c.due_at).where(free).order_by(jobs.c.due_at).limit(1))
    return 0.0 if first is None else max(0.0, (now - first).total_seconds())
