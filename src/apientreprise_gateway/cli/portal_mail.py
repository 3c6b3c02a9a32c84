"""The commands `portal mail`: how each mail reads, and what is in the queue."""

import argparse
from pathlib import Path
from typing import Final

from apientreprise_gateway.cli.outcome import refuse
from apientreprise_gateway.cli.output import print_table

_COLUMNS: Final = ("mail", "kind", "state", "since", "next try", "attempts", "error")
_MOST: Final = 500


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    mail = commands.add_parser("mail", help="how mails read, and which are queued")
    actions = mail.add_subparsers(title="commands", required=True, metavar="COMMAND")
    preview = actions.add_parser("preview", help="print a mail with example data, or list the kinds of mail")
    preview.add_argument("kind", nargs="?", metavar="KIND", help="such as approved_technical; none lists them")
    preview.add_argument("--html", type=Path, metavar="FILE", help="write the HTML part to a file")
    preview.set_defaults(command=_preview)
    queue = actions.add_parser("queue", help="list the mails that wait or have failed, without their addresses")
    queue.set_defaults(command=_queue)


def _preview(options: argparse.Namespace) -> int:
    from apientreprise_gateway.portal.mail.examples import EXAMPLES
    from apientreprise_gateway.portal.periodic import mail_renderer
    from apientreprise_gateway.portal.settings import load

    if options.kind is None:
        print("\n".join(EXAMPLES))
        return 0
    if options.kind not in EXAMPLES:
        return refuse(f"{options.kind}: there is no such mail. Choose one of: {', '.join(EXAMPLES)}")
    rendered = mail_renderer(load()).render(options.kind, EXAMPLES[options.kind])
    print(f"Subject: {rendered.subject}\n\n{rendered.text}", end="")
    if options.html is not None:
        try:
            options.html.write_text(rendered.html)
        except OSError as error:
            return refuse(f"--html {options.html}: it cannot be written ({error.strerror})")
    return 0


def _queue(_options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import reading
    from apientreprise_gateway.portal.mail.queue import depth, waiting
    from apientreprise_gateway.portal.settings import load

    with use_database() as engine, reading(engine) as connection:
        found = depth(connection, datetime.now(UTC))
        rows = [
            {
                "mail": row["id"],
                "kind": row["kind"],
                "state": row["state"],
                "since": row["created_at"].isoformat(timespec="seconds"),
                "next try": row["due_at"].isoformat(timespec="seconds") if row["state"] == "queued" else "",
                "attempts": row["attempts"],
                "error": row["error"] or "",
            }
            for row in waiting(connection, limit=_MOST)
        ]
    if rows:
        print_table(rows, _COLUMNS)
    print(f"{found.queued} queued, {found.failed} failed; the oldest waits for {found.oldest_seconds:.0f} s.")
    if load().smtp_url is None:
        print("PORTAL_SMTP_URL is not set: mails stay queued.")
    return 0
