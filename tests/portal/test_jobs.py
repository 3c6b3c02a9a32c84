"""Periodic jobs: each once for each due time, whoever runs them and whatever the clock does."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from apientreprise_gateway.database import serving
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.portal.jobs import LEASE, PARIS, Job, Jobs, Outcome, Work, failing, seconds_late
from apientreprise_gateway.portal.periodic import JOBS
from apientreprise_gateway.portal.settings import load
from support.job_process import do_jobs
from support.portal import Clock

HOUR = timedelta(hours=1)


class Counted:
    """A job that notes when it was done, and fails as told."""

    def __init__(self) -> None:
        self.done: list[datetime] = []
        self.error: Exception | None = None

    def __call__(self, work: Work) -> None:
        self.done.append(work.now)
        if self.error is not None:
            raise self.error


def runner(engine: Engine, clock: Callable[[], datetime], run: Callable[[Work], object], **more: Any) -> Jobs:
    """One process with one hourly job."""
    return Jobs(engine, load(), [Job("job", HOUR, run, more.pop("hour", None))], clock=clock, **more)


def test_a_job_is_done_once_per_due_time(engine: Engine) -> None:
    """Done at the first look, then every hour, by whichever process looks first."""
    clock, job = Clock(), Counted()
    processes = [runner(engine, clock, job) for _ in range(2)]
    for _ in range(3 * 12):
        for each in processes:
            each.run_due()
        clock.pass_by(minutes=5)
    assert len(job.done) == 3


def test_processes_that_look_at_once_do_it_once(engine: Engine) -> None:
    """Of several that look at the same moment, one does the job, and none waits for it."""
    clock, job, begun, go = Clock(), Counted(), threading.Event(), threading.Event()

    def slowly(work: Work) -> None:
        job(work)
        begun.set()
        assert go.wait(30)

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(runner(engine, clock, slowly).run_due)
        assert begun.wait(30)
        others = [pool.submit(runner(engine, clock, slowly).run_due, force=True) for _ in range(3)]
        assert [each.result() for each in others] == [[], [], []]
        go.set()
        assert len(first.result()) == 1
    assert len(job.done) == 1


def test_a_job_of_a_killed_process_is_done_by_another(engine: Engine) -> None:
    """When the claim of a process that is gone is over, another one does the job."""
    clock, job = Clock(), Counted()
    dead = runner(engine, clock, job)
    assert dead._claim(dead._jobs[0], force=False) is not None
    assert runner(engine, clock, job).run_due() == []
    clock.pass_by(seconds=LEASE.total_seconds())
    assert runner(engine, clock, job).run_due() == [Outcome("job", None)]
    assert len(job.done) == 1


def test_a_long_job_keeps_its_claim(engine: Engine) -> None:
    """A job that takes longer than a claim lasts is not begun by another process."""
    clock, renewed = Clock(), threading.Event()

    def claimed_until() -> datetime:
        with reading(engine) as connection:
            found: datetime = connection.execute(select(serving.jobs.c.claimed_until)).scalar_one()
        return found

    def long(_work: Work) -> None:
        before = claimed_until()
        clock.pass_by(seconds=50)
        for _ in range(3000):
            if claimed_until() > before:
                renewed.set()
                break
        clock.pass_by(seconds=30)
        assert runner(engine, clock, long).run_due() == []

    outcome = runner(engine, clock, long, renewed_seconds=0.01).run_due()
    assert renewed.is_set()
    assert outcome == [Outcome("job", None)]


def test_a_job_that_fails_is_told_and_tried_again(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """After growing waits, up to its own time; the failure is a log line, a count and a note without its words."""
    clock, job = Clock(), Counted()
    job.error = ValueError("personne@mairie.example")
    ours = runner(engine, clock, job)
    assert ours.run_due()[0].error is job.error
    assert "job_failed" in "".join(capsys.readouterr())
    waits = []
    for _ in range(9):
        before = clock()
        while not ours.run_due():
            clock.pass_by(minutes=1)
        waits.append(int((clock() - before).total_seconds() // 60))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    with reading(engine) as connection:
        assert failing(connection) == {"job": 10}
        assert "mairie" not in connection.execute(select(serving.jobs.c.error)).scalar_one()
    job.error = None
    clock.pass_by(hours=1)
    assert ours.run_due() == [Outcome("job", None)]
    with reading(engine) as connection:
        assert failing(connection) == {}
        assert seconds_late(connection, clock()) == 0
        assert seconds_late(connection, clock() + 2 * HOUR) == 3600


def test_a_job_that_fails_keeps_no_other_back(engine: Engine) -> None:
    """Jobs after one that fails are done."""
    clock, bad, good = Clock(), Counted(), Counted()
    bad.error = RuntimeError()
    jobs = [Job("bad", HOUR, bad), Job("good", HOUR, good)]
    assert [each.name for each in Jobs(engine, load(), jobs, clock=clock).run_due()] == ["bad", "good"]


def test_a_clock_set_forward_does_a_job_once(engine: Engine) -> None:
    """A year ahead is one due time, and the right time afterwards stops nothing."""
    clock, job = Clock(), Counted()
    ours = runner(engine, clock, job)
    ours.run_due()
    clock.pass_by(days=365)
    ours.run_due()
    ours.run_due()
    assert len(job.done) == 2
    clock.pass_by(days=-365)
    for _ in range(24):
        ours.run_due()
        clock.pass_by(minutes=5)
    assert len(job.done) == 3 or len(job.done) == 4


@given(st.lists(st.floats(-2e6, 2e6), min_size=1, max_size=12), st.integers(0, 23))
def test_no_jump_of_the_clock_stops_or_repeats_a_job(jumps: Sequence[float], hour: int) -> None:
    """Whatever the clock did, the next due time lies ahead, and no further than one that was never set back."""
    for job in (Job("x", HOUR, lambda _work: None), Job("x", timedelta(days=1), lambda _work: None, hour)):
        now = due = datetime(2026, 3, 28, 12, tzinfo=UTC)
        for jump in jumps:
            now += timedelta(seconds=jump)
            if due > job.latest(now):
                due = job.next_after(now, now)
            if due <= now:
                due = job.next_after(due, now)
            assert now < due <= job.latest(now)


def test_a_daily_job_keeps_its_hour_in_paris(engine: Engine) -> None:
    """At eight in Paris, on both sides of the change of the clocks."""
    clock, job = Clock(), Counted()
    clock.time = datetime(2026, 3, 27, 20, tzinfo=UTC)
    ours = Jobs(engine, load(), [Job("job", timedelta(days=1), job, 8)], clock=clock)
    for _ in range(24 * 4):
        ours.run_due()
        clock.pass_by(hours=1)
    hours = [(each.astimezone(PARIS).day, each.astimezone(PARIS).hour) for each in job.done[1:]]
    assert hours == [(28, 8), (29, 8), (30, 8), (31, 8)]


def test_jobs_run_at_will_do_what_is_not_due(engine: Engine) -> None:
    """`portal jobs run` does each job now; the next due time is counted from now."""
    clock, job = Clock(), Counted()
    ours = runner(engine, clock, job)
    ours.run_due()
    clock.pass_by(minutes=10)
    assert len(ours.run_due(force=True)) == 1
    clock.pass_by(minutes=55)
    assert ours.run_due() == []


def test_the_jobs_of_the_portal_are_done(engine: Engine) -> None:
    """Every job of the list does what it does on an empty database, and has a name of its own."""
    assert len({job.name for job in JOBS}) == len(JOBS)
    outcomes = Jobs(engine, load(), JOBS, clock=lambda: datetime.now(UTC)).run_due(force=True)
    assert [(each.name, each.error) for each in outcomes] == [(job.name, None) for job in JOBS]


def test_two_processes_do_each_job_once(url: str, tmp_path: Path) -> None:
    """Real processes that look at the same time have one row each to decide by."""
    context = get_context("spawn")
    barrier = context.Barrier(2)
    file = tmp_path / "done"
    processes = [context.Process(target=do_jobs, args=(url, str(file), barrier)) for _ in range(2)]
    for each in processes:
        each.start()
    for each in processes:
        each.join(120)
        assert each.exitcode == 0
    assert file.read_text() == "x" * 10


def test_what_stays_claimed_is_no_delay(engine: Engine) -> None:
    """A job that is being done is not late."""
    clock = Clock()
    ours = runner(engine, clock, lambda _work: None)
    ours._claim(ours._jobs[0], force=False)
    with writing(engine) as connection:
        assert seconds_late(connection, clock() + timedelta(seconds=30)) == 0
