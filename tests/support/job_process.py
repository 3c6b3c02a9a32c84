"""Processes that do jobs or send mails, for tests with several of them."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from apientreprise_gateway.database.engine import connect
from apientreprise_gateway.portal.jobs import Job, Jobs, Work
from apientreprise_gateway.portal.mail.rendering import Renderer
from apientreprise_gateway.portal.mail.sending import MailServer, Sender
from apientreprise_gateway.portal.settings import load


def do_jobs(url: str, file: str, barrier: Any) -> None:
    """Do ten hourly jobs five times, as soon as the other processes are ready; each writes a letter to a file."""

    def note(_work: Work) -> None:
        with Path(file).open("a") as done:
            done.write("x")

    engine = connect(url)
    barrier.wait(60)
    for _ in range(5):
        Jobs(engine, load(), [Job(f"job{number}", timedelta(hours=1), note) for number in range(10)]).run_due()
    engine.dispose()


def send_mails(url: str, server: MailServer, now: datetime) -> None:
    """Send what is due."""
    sender = Sender(connect(url), Renderer(public_url=None), server, clock=lambda: now)
    asyncio.run(sender.send_due())
