"""The command `portal serve`: runs the portal, in one process or in several."""

import argparse
from typing import TYPE_CHECKING

from apientreprise_gateway import __version__
from apientreprise_gateway.cli import arguments
from apientreprise_gateway.cli.metrics_port import serve_metrics
from apientreprise_gateway.cli.outcome import FAILURE, PROGRAM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apientreprise_gateway.portal.settings import Settings
    from apientreprise_gateway.process.runner import Listener
    from apientreprise_gateway.providers.product import Product


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("serve", help="the pages of the account side, configured by the environment")
    arguments.add_address(parser, default_port=8081)
    parser.add_argument("--workers", type=arguments.workers, default=1, metavar="N", help="processes (default: 1)")
    parser.set_defaults(command=_serve, serves=True)


def _serve(options: argparse.Namespace) -> int:
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.config.environment import SettingsError
    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.portal.settings import load, require_for_serving
    from apientreprise_gateway.process import title
    from apientreprise_gateway.process.runner import listen

    if options.workers < 1:
        raise SettingsError(f"--workers {options.workers}: at least one process must serve. Give 1 or more.")
    settings = load()
    require_for_serving(settings, host=options.host)
    with use_database():  # tables that are missing are told here, once
        pass
    logs.configure(level=settings.log_level)
    at = listen(options.host, options.port)
    title.show(f"portal serve {at.address}")
    return _serve_alone(settings, at) if options.workers == 1 else _serve_with_workers(settings, at, options.workers)


def _serve_alone(settings: "Settings", at: "Listener") -> int:
    import structlog

    from apientreprise_gateway.portal import worker

    log = structlog.get_logger(PROGRAM)
    portal = worker.make(settings, products=products(), url=at.url)
    serve_metrics("PORTAL_METRICS_PORT", settings.metrics_port, portal.services.metrics.registry)
    worker.serve(portal, at, ready=lambda: log.info("ready", url=at.url, version=__version__))
    log.info("stopped")
    return 0


def _serve_with_workers(settings: "Settings", at: "Listener", count: int) -> int:
    import os
    from contextlib import ExitStack
    from functools import partial

    import structlog

    from apientreprise_gateway.config.environment import SettingsError
    from apientreprise_gateway.observability.metrics import MULTIPROCESS_DIR, all_workers
    from apientreprise_gateway.observability.shared import clear_dead_worker, workplace
    from apientreprise_gateway.portal import worker
    from apientreprise_gateway.portal.app import Portal
    from apientreprise_gateway.process.supervisor import Supervisor

    worker.make(settings, products=products(), url=at.url)  # settings that workers could not use are told here, once
    log = structlog.get_logger(PROGRAM)
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(workplace())
        except OSError as error:
            raise SettingsError(f"TMPDIR: no room for the metrics of the workers ({error}). Free some.") from error
        os.environ[MULTIPROCESS_DIR] = str(folder)
        serve_metrics("PORTAL_METRICS_PORT", settings.metrics_port, all_workers())
        log.info("starting", url=at.url, version=__version__, workers=count)
        served = Supervisor(
            partial(worker.main, at, products),
            count=count,
            on_death=partial(clear_dead_worker, folder),
            stop_seconds=lambda: Portal.stop_timeout,
            # Otherwise the system would still accept connections that no worker serves any more.
            on_stop=at.socket.close,
        ).run()
    log.info("stopped")
    return 0 if served else FAILURE


def products() -> "Sequence[Product]":
    """What the catalogue of the portal shows; a worker calls it, as products cannot be pickled."""
    from apientreprise_gateway.providers.products import PRODUCTS

    return PRODUCTS
