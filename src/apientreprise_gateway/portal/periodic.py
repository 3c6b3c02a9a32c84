"""What a portal does besides answering: the list of its jobs, and the loops that do them and send mails."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from apientreprise_gateway.accounts import bans, first_calls, notices, retention, transfers
from apientreprise_gateway.contract.bans import Ban
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.journal.partitions import make_partitions
from apientreprise_gateway.journal.purging import purge as purge_journal
from apientreprise_gateway.portal import names
from apientreprise_gateway.portal.jobs import Job, Jobs, Outcome, Work, failing, seconds_late
from apientreprise_gateway.portal.mail.queue import depth
from apientreprise_gateway.portal.mail.rendering import Renderer
from apientreprise_gateway.portal.mail.sending import POLL_SECONDS, MailServer, Sender, server_of
from apientreprise_gateway.portal.sealing import Sealer
from apientreprise_gateway.portal.services import Services
from apientreprise_gateway.portal.settings import Settings
from apientreprise_gateway.store.ban_list import bans as listed_bans
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.url import parse_url

LOOK_SECONDS: Final = 2.0
"""Between two looks for jobs that are due."""
STOP_SECONDS: Final = 10.0
"""For which a process that is stopped waits for the job it is doing."""
REDIS_TIMEOUT: Final = 2.0
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


def _notices(work: Work) -> None:
    notices.run(work.engine, work.now)


def _first_calls(work: Work) -> None:
    with writing(work.engine) as connection:
        first_calls.notice(connection, now=work.now)


def _bans(work: Work) -> None:
    """Keep the bans that Redis lists now, if there is a Redis."""
    url = work.settings.redis_url
    if url is None:
        return

    async def ask() -> Sequence[Ban]:
        asked = client(parse_url(url.get_secret_value()), timeout=REDIS_TIMEOUT)
        try:
            return await listed_bans(asked)
        finally:
            await asked.close()

    listed = asyncio.run(ask())
    with writing(work.engine) as connection:
        bans.keep(connection, listed, now=work.now)


def _late_calls(work: Work) -> None:
    with writing(work.engine) as connection:
        first_calls.notice_late(connection, now=work.now)
        bans.keep_late(connection, now=work.now)


def _transfers(work: Work) -> None:
    with writing(work.engine) as connection:
        transfers.expire(connection, now=work.now)


def _retention(work: Work) -> None:
    retention.purge(work.engine, kept_by(work.settings), work.now)


def _partitions(work: Work) -> None:
    make_partitions(work.engine)


def _journal_purge(work: Work) -> None:
    purge_journal(work.engine, keep_months=work.settings.keep_calls_months, who="portal", today=work.now.date())


def kept_by(settings: Settings) -> retention.Kept:
    """For how many months accounts keep things."""
    return retention.Kept(
        contacts=settings.keep_contacts_months,
        activity=settings.keep_activity_months,
        webhooks=settings.keep_webhooks_months,
    )


QUICK: Final[Sequence[Job]] = (
    Job("first_calls", timedelta(seconds=5), _first_calls),
    Job("bans", timedelta(seconds=10), _bans),
)
"""Jobs that are done often and at once."""
SLOW: Final[Sequence[Job]] = (
    Job("organizations", timedelta(minutes=5), names.refresh),
    Job("late_calls", _HOUR, _late_calls),
    Job("transfers", _HOUR, _transfers),
    Job("notices", _DAY, _notices, hour=8),
    Job("partitions", _DAY, _partitions, hour=2),
    Job("journal_purge", _DAY, _journal_purge, hour=3),
    Job("retention", _DAY, _retention, hour=4),
)
"""Jobs that may take minutes, and that no quick one waits for."""
JOBS: Final = (*QUICK, *SLOW)


async def quick_jobs(services: Services) -> None:
    """Do the quick jobs when they are due, for ever."""
    await _keep(services, QUICK)


async def slow_jobs(services: Services) -> None:
    """Do the slow jobs when they are due, for ever, and show how jobs and mails are."""
    await _keep(services, SLOW, also=_show)


async def mails(services: Services) -> None:
    """Send mails, for ever."""
    sender = sender_of(services)
    while True:
        await sender.send_due()
        await asyncio.sleep(POLL_SECONDS)


def sender_of(services: Services) -> Sender:
    """A sender of the mails of a portal."""
    settings = services.settings
    return Sender(
        services.engine,
        renderer_of(services),
        mail_server(settings),
        clock=services.now,
        counters=services.metrics.work,
    )


def renderer_of(services: Services) -> Renderer:
    """What makes the mails of a portal."""
    return mail_renderer(services.settings, url=services.public_url)


def mail_renderer(settings: Settings, *, url: str | None = None) -> Renderer:
    """What makes mails, as the settings say; `url` is the address of the portal unless it is set."""
    return Renderer(
        public_url=url if settings.public_url is None else str(settings.public_url),
        technical_contact_sees_tokens=settings.technical_contact_sees_tokens,
        sealer=Sealer(settings.secret_keys) if settings.secret_keys else None,
    )


def mail_server(settings: Settings) -> MailServer | None:
    """Where mails go; None without `PORTAL_SMTP_URL`."""
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    return server_of(settings.smtp_url.get_secret_value(), settings.mail_from)


async def _keep(services: Services, jobs: Sequence[Job], also: Callable[[Services], object] | None = None) -> None:
    metrics, stopping = services.metrics.work, threading.Event()
    metrics.expect(job.name for job in jobs)

    def count(outcome: Outcome) -> None:
        metrics.job_done(outcome.name, failed=outcome.error is not None)

    ours = Jobs(services.engine, services.settings, jobs, clock=services.now, on_outcome=count)

    def look() -> None:
        ours.run_due(stopped=stopping.is_set)
        if also is not None:
            also(services)

    while True:
        work = asyncio.ensure_future(asyncio.to_thread(look))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            stopping.set()
            await asyncio.wait([work], timeout=STOP_SECONDS)
            raise
        await asyncio.sleep(LOOK_SECONDS)


def _show(services: Services) -> None:
    now = services.now()
    with reading(services.engine) as connection:
        found = depth(connection, now)
        failed, late = failing(connection), seconds_late(connection, now)
    services.metrics.work.show(found, failing=len(failed), late_seconds=late)
