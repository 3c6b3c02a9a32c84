"""The loops of a portal that do jobs and send mails."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Engine, select

from apientreprise_gateway.accounts.mail_queue import Mail, enqueue
from apientreprise_gateway.accounts.mail_rules import Kind
from apientreprise_gateway.database import serving
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.portal import periodic
from apientreprise_gateway.portal.jobs import Job
from apientreprise_gateway.portal.mail.examples import EXAMPLES
from apientreprise_gateway.portal.services import Services
from support.mail_server import Inbox, mail_server
from support.portal import make_site
from support.stores import until


async def run_until(loop: Callable[[Services], Awaitable[None]], services: Services, done: Callable[[], bool]) -> None:
    """Run a loop until something is the case, then stop it as a portal does."""
    task = asyncio.ensure_future(loop(services))
    try:
        await asyncio.to_thread(until, done, "the loop has not done it")
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def sample(services: Services, name: str, **labels: str) -> float:
    """The value of a metric."""
    return services.metrics.registry.get_sample_value(name, labels) or 0


async def test_jobs_are_done_and_counted(engine: Engine) -> None:
    """The loops do every job, and show how jobs and mails are."""
    services = make_site(engine).services
    with writing(engine) as connection:
        enqueue(connection, Mail(kind=Kind.AUDIT, key="1", recipient="a@b.example"), now=services.now())
    await run_until(
        periodic.quick_jobs,
        services,
        lambda: sample(services, "portal_job_runs_total", job=periodic.QUICK[-1].name) > 0,
    )
    await run_until(periodic.slow_jobs, services, lambda: sample(services, "portal_mails_queued") > 0)
    done = {job.name: sample(services, "portal_job_runs_total", job=job.name) for job in periodic.JOBS}
    assert set(done.values()) == {1.0}


async def test_a_job_that_fails_is_counted(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure is a count of its own, and the loop goes on."""

    def fail(_work: Any) -> None:
        raise RuntimeError

    first = periodic.SLOW[0]
    monkeypatch.setattr(periodic, "SLOW", (Job(first.name, first.every, fail), *periodic.SLOW[1:]))
    services = make_site(engine).services
    await run_until(periodic.slow_jobs, services, lambda: sample(services, "portal_jobs_failing") > 0)
    assert sample(services, "portal_job_failures_total", job=first.name) == 1
    assert sample(services, "portal_job_runs_total", job="retention") == 1


async def test_mails_leave_by_themselves(engine: Engine) -> None:
    """The loop sends what is queued, with the settings of the portal, and counts it."""
    inbox = Inbox()
    async with mail_server(inbox) as server:
        given = {"smtp_url": f"smtp://{server.host}:{server.port}", "mail_from": "portail@service.example"}
        services = make_site(engine, settings=given).services
        with writing(engine) as connection:
            mail = Mail(kind=Kind.AUDIT, key="1", recipient="a@b.example", data=EXAMPLES[Kind.AUDIT])
            enqueue(connection, mail, now=services.now())
        await run_until(periodic.mails, services, lambda: sample(services, "portal_mails_total", state="sent") > 0)
    assert inbox.ids[0].endswith("@portail.test>")
    with reading(engine) as connection:
        assert connection.scalars(select(serving.mails.c.state)).all() == ["sent"]
