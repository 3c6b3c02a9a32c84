"""The command `serve`: runs the gateway, in one process or in several."""

import argparse
from typing import TYPE_CHECKING

from apientreprise_gateway import __version__
from apientreprise_gateway.cli import arguments
from apientreprise_gateway.cli.metrics_port import serve_metrics
from apientreprise_gateway.cli.outcome import FAILURE, PROGRAM

if TYPE_CHECKING:
    from apientreprise_gateway.gateway.settings import Settings


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("serve", help="the gateway, configured by the environment")
    arguments.add_address(parser, default_port=8080)
    parser.add_argument("--workers", type=arguments.workers, default=1, metavar="N", help="processes (default: 1)")
    parser.set_defaults(command=_serve, serves=True)


def _serve(options: argparse.Namespace) -> int:
    from apientreprise_gateway.gateway import settings as all_settings
    from apientreprise_gateway.observability import logs

    settings = all_settings.load()
    all_settings.require_for_serving(settings)
    if options.workers < 1:
        raise all_settings.SettingsError(
            f"--workers {options.workers}: at least one process must serve. Give 1 or more."
        )
    if options.workers > 1:
        all_settings.require_for_workers(settings, named=f"--workers {options.workers}")
    logs.configure(level=settings.log_level)
    if options.workers > 1:
        return _serve_with_workers(options, settings)
    _serve_alone(options, settings)
    return 0


def _serve_alone(options: argparse.Namespace, settings: "Settings") -> None:
    import structlog

    from apientreprise_gateway.gateway import worker
    from apientreprise_gateway.gateway.app import Gateway
    from apientreprise_gateway.gateway.settings import scheme
    from apientreprise_gateway.gateway.verify import told_together
    from apientreprise_gateway.process import title
    from apientreprise_gateway.process.runner import listen

    with told_together(settings):
        gateway = Gateway(settings)
    at = listen(options.host, options.port, scheme=scheme(settings))
    title.show(f"serve {at.address}")
    log = structlog.get_logger(PROGRAM)
    serve_metrics("GATEWAY_METRICS_PORT", settings.metrics_port, gateway.metrics)
    store = "memory" if settings.redis_url is None else "redis"
    worker.serve(gateway, at, ready=lambda: log.info("ready", url=at.url, version=__version__, store=store))
    log.info("stopped")


def _serve_with_workers(options: argparse.Namespace, settings: "Settings") -> int:
    import os
    from contextlib import ExitStack
    from functools import partial

    import structlog

    from apientreprise_gateway.gateway import worker
    from apientreprise_gateway.gateway.settings import SettingsError, scheme
    from apientreprise_gateway.gateway.verify import verify
    from apientreprise_gateway.observability.access_log import tell_of_lost
    from apientreprise_gateway.observability.leftover import Leftover
    from apientreprise_gateway.observability.metrics import MULTIPROCESS_DIR, all_workers
    from apientreprise_gateway.observability.shared import clear_dead_worker, workplace
    from apientreprise_gateway.process import title
    from apientreprise_gateway.process.runner import listen
    from apientreprise_gateway.process.supervisor import Supervisor

    verify(settings)  # settings that the workers could not use are reported here, once
    at = listen(options.host, options.port, scheme=scheme(settings))
    title.show(f"serve {at.address} with {options.workers} workers")
    log = structlog.get_logger(PROGRAM)
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(workplace())
        except OSError as error:
            raise SettingsError(f"TMPDIR: no room for the metrics of the workers ({error}). Free some.") from error
        os.environ[MULTIPROCESS_DIR] = str(folder)
        serve_metrics("GATEWAY_METRICS_PORT", settings.metrics_port, all_workers())
        log.info("starting", url=at.url, version=__version__, workers=options.workers)
        served = Supervisor(
            partial(worker.main, at),
            count=options.workers,
            on_death=partial(clear_dead_worker, folder),
            stop_seconds=partial(_stop_seconds, settings),
            # Otherwise the system would still accept connections that no worker serves any more.
            on_stop=at.socket.close,
        ).run()
        tell_of_lost(Leftover(folder).take().count(b"\n"))
    log.info("stopped")
    return 0 if served else FAILURE


def _stop_seconds(settings: "Settings") -> float:
    """Seconds that the workers may take to stop: the longer of the first configuration and the current one.

    Workers may have read the current one at a reload.
    """
    from apientreprise_gateway.gateway.settings import SettingsError, load

    try:
        present = load()
    except SettingsError:
        present = settings
    return max(each.drain_delay + each.stop_timeout for each in (settings, present))
