"""Runs a portal in a process: alone, or as a worker of a supervisor."""

from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Final

import structlog
from sqlalchemy import Engine

from apientreprise_gateway.config.environment import SettingsError
from apientreprise_gateway.database.engine import Use, connect
from apientreprise_gateway.net.client_ip import ClientIp
from apientreprise_gateway.observability import logs
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.portal.app import THREADS, Portal
from apientreprise_gateway.portal.dsfr import Dsfr
from apientreprise_gateway.portal.login import proconnect
from apientreprise_gateway.portal.metrics import PortalMetrics
from apientreprise_gateway.portal.sealing import Sealer
from apientreprise_gateway.portal.services import Demo, Services
from apientreprise_gateway.portal.settings import Settings, Theme, load
from apientreprise_gateway.process import ending, runner, title
from apientreprise_gateway.process.heart import beat
from apientreprise_gateway.providers.product import Product

STATEMENT_SECONDS: Final = 20
"""Seconds that PostgreSQL may work on one statement of a page."""
_BESIDES: Final = 8
"""Connections of the background work."""
_log = structlog.get_logger(__name__)


def engine_of(settings: Settings) -> Engine:
    """An engine with a connection for each page that is made at the same time.

    Raises:
        SettingsError: the address of the database cannot be used.
    """
    use = Use(name="portal", pool=THREADS // 2, more=THREADS // 2 + _BESIDES, statement_seconds=STATEMENT_SECONDS)
    try:
        return connect(settings.database_url.get_secret_value(), use)
    except OSError as error:
        raise SettingsError(f"PORTAL_DATABASE_URL: {error}.") from error


def make(settings: Settings, *, products: Sequence[Product], url: str, demo: Demo | None = None) -> Portal:
    """A portal; `url` is where it listens, for links unless `PORTAL_PUBLIC_URL` is set.

    Raises:
        SettingsError: a setting cannot be used.
    """
    public = url if settings.public_url is None else str(settings.public_url)
    services = Services(
        settings=settings,
        engine=engine_of(settings),
        sealer=Sealer(settings.secret_keys),
        products=products,
        public_url=public.rstrip("/"),
        metrics=PortalMetrics(),
        client_ip=ClientIp(trusted_proxies=settings.trusted_proxies),
        proconnect=proconnect.make(settings),
        dsfr=Dsfr(settings.dsfr) if settings.theme is Theme.DSFR else None,
        demo=demo,
    )
    return Portal(services)


def serve(portal: Portal, at: runner.Listener, *, ready: Callable[[], None], heart: Connection | None = None) -> None:
    """Serve a portal until SIGTERM or SIGINT.

    Args:
        portal: the portal.
        at: the socket to listen on.
        ready: called once it accepts connections.
        heart: a pipe on which to report that the event loop runs; if its other end is closed, the process stops.
    """
    life = runner.Lifecycle(
        ready=ready,
        reload=_nothing,
        reopen=_nothing,
        hears_twice=heart is not None,
        pulse=None if heart is None else lambda: beat(heart),
        stop_timeout=lambda: portal.stop_timeout,
    )
    runner.run([(portal, at)], life)


def main(at: runner.Listener, products: Callable[[], Sequence[Product]], number: int, heart: Connection) -> None:
    """Run as a worker of a `Supervisor`; the process ends here."""
    title.show(f"portal worker {number} of {at.address}")
    logs.write_apart()
    try:
        settings = load()
        logs.configure(level=settings.log_level)
        serve(make(settings, products=products(), url=at.url), at, ready=lambda: None, heart=heart)
    except SettingsError as error:
        _log.error("start_failed", reason=str(error))
        ending.leave(1)
    except Exception as error:
        FaultLog().tell("worker_failed", error)
        ending.leave(1)
    ending.leave(0)


async def _nothing() -> None:
    """SIGHUP and SIGUSR1 mean nothing to a portal, and must not end it."""
