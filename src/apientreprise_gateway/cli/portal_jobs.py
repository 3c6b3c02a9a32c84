"""The commands `portal jobs` and `portal notices`: the periodic work of the portal, once and now."""

import argparse
from typing import TYPE_CHECKING, Final

from apientreprise_gateway.cli.outcome import FAILURE, tell
from apientreprise_gateway.cli.output import print_table

if TYPE_CHECKING:
    from apientreprise_gateway.accounts.notices import Notice
    from apientreprise_gateway.portal.jobs import Outcome

_JOB_COLUMNS: Final = ("job", "outcome")
_NOTICE_COLUMNS: Final = ("number", "token", "ends", "days left", "threshold", "passed", "successor")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    jobs = commands.add_parser("jobs", help="the periodic work of the portal, without a portal that runs")
    actions = jobs.add_subparsers(title="commands", required=True, metavar="COMMAND")
    run = actions.add_parser(
        "run",
        help="do each job now, once, and try every queued mail",
        description="Does each job once, whether or not it is due, unless another process does it at this moment; then "
        "tries every mail that is queued, those that wait for another try included.",
    )
    run.set_defaults(command=_run_jobs)
    notices = commands.add_parser("notices", help="notices of the end of tokens")
    of_notices = notices.add_subparsers(title="commands", required=True, metavar="COMMAND")
    send = of_notices.add_parser("run", help="queue the notices that are due")
    send.add_argument("--dry-run", action="store_true", help="only show which are due")
    send.set_defaults(command=_run_notices)


def _run_jobs(_options: argparse.Namespace) -> int:
    import asyncio

    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.portal.jobs import Jobs
    from apientreprise_gateway.portal.mail.sending import Sender
    from apientreprise_gateway.portal.periodic import JOBS, mail_renderer, mail_server
    from apientreprise_gateway.portal.settings import load

    settings = load()
    logs.configure(level=settings.log_level)
    with use_database() as engine:
        outcomes = {each.name: each for each in Jobs(engine, settings, JOBS).run_due(force=True)}
        done = asyncio.run(Sender(engine, mail_renderer(settings), mail_server(settings)).send_due(waiting=True))
    rows = [{"job": job.name, "outcome": _words(outcomes.get(job.name))} for job in JOBS]
    print_table(rows, _JOB_COLUMNS)
    said = ", ".join(f"{number} {state}" for state, number in sorted(done.items()))
    print(f"Mails: {said or 'none to send'}.")
    if settings.smtp_url is None:
        print("PORTAL_SMTP_URL is not set: mails stay queued.")
    failed = [each for each in outcomes.values() if each.error is not None]
    for each in failed:
        tell(f"{each.name}: {each.error}")
    return FAILURE if failed else 0


def _words(outcome: "Outcome | None") -> str:
    if outcome is None:
        return "another process does it"
    return "done" if outcome.error is None else "failed"


def _run_notices(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from apientreprise_gateway.accounts import notices, repository
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import reading

    now = datetime.now(UTC)
    with use_database() as engine:
        if not options.dry_run:
            print(f"{notices.run(engine, now)} notices queued.")
            return 0
        with reading(engine) as connection:
            due = list(notices.due(connection, now))
            habilitations = (repository.habilitation(connection, each.token.habilitation_id) for each in due)
            numbers = ["" if each is None else each.external_id for each in habilitations]
    if due:
        rows = [_row(notice, number) for notice, number in zip(due, numbers, strict=True)]
        print_table(rows, _NOTICE_COLUMNS)
    print(f"{len(due)} notices would be queued.")
    return 0


def _row(notice: "Notice", number: str) -> dict[str, object]:
    from apientreprise_gateway.accounts.notices import PARIS

    return {
        "number": number,
        "token": notice.token.id,
        "ends": notice.token.ends_at.astimezone(PARIS).isoformat(timespec="minutes"),
        "days left": notice.days_left,
        "threshold": notice.threshold,
        "passed": ", ".join(map(str, notice.passed)),
        "successor": "" if notice.successor is None else notice.successor.id,
    }
