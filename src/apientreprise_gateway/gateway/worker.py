"""A process that serves the gateway."""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Final

import structlog

from apientreprise_gateway.gateway import app, settings
from apientreprise_gateway.gateway.reload import ReloadableGateway
from apientreprise_gateway.observability import logs
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.process import ending, runner, supervisor, title

_OTHER_FILES: Final = 256
"""That a process has open besides its clients' connections: those to providers and to Redis, files, libraries."""
_log = structlog.get_logger(__name__)


def serve(
    gateway: app.Gateway, at: runner.Listener, *, ready: Callable[[], None], heart: Connection | None = None
) -> None:
    """Serve a gateway until SIGTERM or SIGINT; SIGHUP reads the configuration anew.

    Args:
        gateway: the one to begin with.
        at: where to listen.
        ready: called once it answers.
        heart: where to say now and then that the event loop runs; its other end gone is a reason to stop.
    """
    needed = gateway.hooks.limits.max_connections + _OTHER_FILES
    few = runner.too_few_files(needed)
    if few is not None:
        _log.warning("few_open_files", limit=few, needed=needed, effect="connections beyond it end unanswered")
    background = gateway.background
    background.guard_threads()
    background.expect("reload", "reopen")
    serving = ReloadableGateway(gateway, renew=app.create)
    life = runner.Lifecycle(
        ready=ready,
        reload=lambda: background.attempt("reload", serving.reload),
        reopen=lambda: background.attempt("reopen", serving.reopen),
        drain=serving.drain,
        hurry=serving.hurry,
        hears_twice=heart is not None,
        pulse=None if heart is None else lambda: _beat(heart),
        stop_timeout=lambda: serving.stop_timeout,
    )
    runner.run([(serving, at)], life)


def main(at: runner.Listener, number: int, heart: Connection) -> None:
    """Be a worker of a `Supervisor`, to the end of its process."""
    title.show(f"worker {number} of {at.address}")
    logs.write_apart()
    try:
        work(at, heart)
    except SystemExit as end:
        ending.leave(1 if end.code else 0)
    ending.leave(0)


def work(at: runner.Listener, heart: Connection) -> None:
    """Serve with the configuration of the environment."""
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
        # What multiprocessing would print is no line of the log.
        _log.exception("worker_failed")
        sys.exit(1)


async def _beat(heart: Connection) -> None:
    os.set_blocking(heart.fileno(), False)
    try:
        while True:
            with suppress(BlockingIOError):  # it is busy, and has enough to read
                heart.send_bytes(b".")
            await asyncio.sleep(supervisor.BEAT_SECONDS)
    except BrokenPipeError:
        return  # the supervisor is gone
    except Exception as error:
        # A worker that cannot be heard would be killed with its calls: it stops in good order, and is replaced.
        FaultLog().tell("beat_failed", error)
