"""Runs a gateway in a process: alone, or as a worker of a supervisor."""

import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final

import structlog

from apientreprise_gateway.gateway import app, settings
from apientreprise_gateway.gateway.reload import ReloadableGateway
from apientreprise_gateway.observability import logs
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.process import ending, free_memory, huge_pages, runner, title
from apientreprise_gateway.process.heart import beat

_OTHER_FILES: Final = 256
"""Files that a process has open besides clients' connections: to providers and Redis, files, libraries."""
_log = structlog.get_logger(__name__)


def serve(
    gateway: app.Gateway, at: runner.Listener, *, ready: Callable[[], None], heart: Connection | None = None
) -> None:
    """Serve a gateway until SIGTERM or SIGINT; SIGHUP reloads the configuration.

    Args:
        gateway: the gateway to begin with.
        at: the socket to listen on.
        ready: called once it accepts connections.
        heart: a pipe on which to report that the event loop runs; if its other end is closed, the process stops.
    """
    free_memory.keep()
    needed = gateway.hooks.limits.max_connections + _OTHER_FILES
    few = runner.too_few_files(needed)
    if few is not None:
        _log.warning("few_open_files", limit=few, needed=needed, effect="connections beyond it end unanswered")
    background = gateway.background
    background.guard_threads()
    background.expect("reload", "reopen")
    serving = ReloadableGateway(gateway, renew=app.create)

    def started() -> None:
        huge_pages.move_soon()
        ready()

    life = runner.Lifecycle(
        ready=started,
        reload=lambda: background.attempt("reload", serving.reload),
        reopen=lambda: background.attempt("reopen", serving.reopen),
        drain=serving.drain,
        hurry=serving.hurry,
        hears_twice=heart is not None,
        pulse=None if heart is None else lambda: beat(heart),
        stop_timeout=lambda: serving.stop_timeout,
    )
    runner.run([(serving, at)], life)


def main(at: runner.Listener, number: int, heart: Connection) -> None:
    """Run as a worker of a `Supervisor`; the process ends here."""
    title.show(f"worker {number} of {at.address}")
    logs.write_apart()
    try:
        work(at, heart)
    except SystemExit as end:
        ending.leave(1 if end.code else 0)
    ending.leave(0)


def work(at: runner.Listener, heart: Connection) -> None:
    """Serve a gateway that is configured by the environment."""
    logs.configure()
    try:
        gateway = app.create()
    except (settings.SettingsError, OSError) as error:
        _log.error("start_failed", reason=str(error))
        sys.exit(1)
    except Exception as error:
        FaultLog().tell("start_failed", error)
        sys.exit(1)
    try:
        serve(gateway, at, ready=lambda: None, heart=heart)
    except Exception:
        # Logged here, as multiprocessing would print a traceback that is no log line.
        _log.exception("worker_failed")
        sys.exit(1)
