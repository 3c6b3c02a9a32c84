"""The command `journal follow`: stores the lines of files as they are written."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

    from apientreprise_gateway.journal.metrics import JournalMetrics

_STOP_SECONDS: Final = 0.8
"""Seconds after which a stop does not wait for the transaction under way; it is rolled back, and read again later."""
_SHOW_SECONDS: Final = 0.5
_LATE_MINUTES: Final = 5
"""Minutes after an hour when the seals that are due are made."""
_BEFORE_SECONDS: Final = 3600.0
"""Seconds before the first start from which on files that were rotated away are stored as well."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    follow = commands.add_parser(
        "follow",
        help="store the lines of access logs in PORTAL_DATABASE_URL, each once, as they are written",
        description="Follows files of access lines from their first byte on, through every rotation, and stores each "
        "line once, whatever is killed meanwhile.",
    )
    follow.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a GATEWAY_ACCESS_LOG; may come later")
    follow.add_argument(
        "--free",
        action="store_true",
        help="give the disk back what is stored, for files that nobody rotates: they keep their length, and read as "
        "zeros there; needs the right to write to them",
    )
    follow.set_defaults(command=_follow, serves=True)


def _follow(options: argparse.Namespace) -> int:
    import signal
    import socket
    import threading

    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.cli.metrics_port import serve_metrics
    from apientreprise_gateway.journal.follower import Follower
    from apientreprise_gateway.journal.metrics import JournalMetrics
    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.portal.settings import load
    from apientreprise_gateway.process import ending, signals

    settings = load()
    logs.configure(level=settings.log_level)
    metrics = JournalMetrics()
    with use_database() as engine:
        follower = Follower(
            engine,
            options.files,
            host=socket.gethostname(),
            metrics=metrics,
            chores=_sealing(engine),
            on_round=_progress(),
            since=_began(),
            frees=options.free,
        )

        def stop(_number: int, _frame: object) -> None:
            follower.stop()
            timer = threading.Timer(_STOP_SECONDS, ending.leave, (0,))
            timer.daemon = True
            timer.start()

        for number in signals.STOP:
            signal.signal(number, stop)
        signal.signal(signals.RELOAD, signal.SIG_IGN)
        signal.signal(signals.REOPEN, signal.SIG_IGN)
        signals.obey()
        serve_metrics("PORTAL_METRICS_PORT", settings.metrics_port, metrics.registry)
        follower.run()
    return 0


def _began() -> "datetime":
    """An hour before this process was started: what was rotated away since then is to be stored.

    Followers before it may have been killed before they could note that they follow the file.
    """
    import os
    import time
    from datetime import UTC, datetime

    after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(after_name[19]) / os.sysconf("SC_CLK_TCK")  # seconds after the start of the machine
    return datetime.fromtimestamp(
        time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - started) - _BEFORE_SECONDS, UTC
    )


def _sealing(engine: "Engine") -> "Callable[[], None]":
    """Makes the seals that are due each hour, and soon after a day is over, beside the following."""
    import threading
    from datetime import UTC, datetime, timedelta

    import structlog

    from apientreprise_gateway.database.engine import DatabaseError
    from apientreprise_gateway.journal.seals import make_seals

    def seal() -> None:
        try:
            make_seals(engine)
        except DatabaseError as error:
            structlog.get_logger(__name__).error("journal_seal_failed", reason=str(error), effect="tried again")

    last_hour: datetime | None = None
    thread = threading.Thread(target=seal, daemon=True)

    def seal_if_due() -> None:
        nonlocal last_hour, thread
        # Some minutes after the hour, most lines of the hour before are stored.
        hour = (datetime.now(UTC) - timedelta(minutes=_LATE_MINUTES)).replace(minute=0, second=0, microsecond=0)
        if hour != last_hour and not thread.is_alive():
            last_hour, thread = hour, threading.Thread(target=seal, daemon=True)
            thread.start()

    return seal_if_due


def _progress() -> "Callable[[JournalMetrics], None]":
    """What shows on a terminal how far the follower is; nothing elsewhere."""
    import time

    if not sys.stderr.isatty():
        return lambda _metrics: None
    shown_at = 0.0

    def show(metrics: "JournalMetrics") -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at < _SHOW_SECONDS:
            return
        shown_at = time.monotonic()
        value = metrics.registry.get_sample_value
        print(
            f"\r{value('journal_lines_total'):.0f} lines stored, {value('journal_rejects_total'):.0f} rejects, "
            f"{value('journal_lag_bytes'):.0f} bytes wait\033[K",
            end="",
            file=sys.stderr,
            flush=True,
        )

    return show
