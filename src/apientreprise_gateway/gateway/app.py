"""The gateway as one ASGI application: settings in, and a life of its own.

`assembly.py` makes its components, `lifecycle.py` starts and closes them, `planes.py` says which plane answers a call.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Final, final

import structlog

from apientreprise_gateway.contract.error_forms import object_bodies
from apientreprise_gateway.contract.errors import refuse
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.gateway.assembly import Assembly
from apientreprise_gateway.gateway.components.upstreams import close_upstreams
from apientreprise_gateway.gateway.configuration import Configuration
from apientreprise_gateway.gateway.lifecycle import Lifecycle
from apientreprise_gateway.gateway.planes import Planes
from apientreprise_gateway.gateway.settings import (
    Settings,
    load,
    require_for_serving,
    require_for_workers,
)
from apientreprise_gateway.gateway.workplace import folder
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.observability import logs
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.pings.check import CHECK_SECONDS, Result, ask_all
from apientreprise_gateway.pings.probe import Finding, probe
from apientreprise_gateway.process import ending
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.server.application import ConnectionHooks
from apientreprise_gateway.server.barrier import Barrier

_FAULT: Final = object_bodies(refuse("00500").errors)
_log = structlog.get_logger(__name__)


@final
class Gateway:
    """The ASGI application: the data plane, the control plane, and their life."""

    def __init__(
        self,
        settings: Settings,
        *,
        products: Iterable[Product] = PRODUCTS,
        demo_token: str | None = None,
        predecessor: "Gateway | None" = None,
    ) -> None:
        """Make every component; open nothing but files.

        Args:
            settings: complete enough to serve, see `settings.require_for_serving`.
            products: what is served.
            demo_token: shown to whoever opens `/docs`; for `demo` alone.
            predecessor: the gateway that this one replaces. What it knows is taken over: the components whose settings
                are the same, the bans and windows of a process that counts alone, the revocations.

        Raises:
            SettingsError: a file that a setting names cannot be used.
        """
        self._settings = settings
        products = tuple(products)
        self._providers = tuple(provider for product in products for provider in product.providers)
        self._parts: Assembly = Assembly(settings, self._providers, former=predecessor and predecessor._parts)
        self._configuration = Configuration(settings)
        parts = self._parts
        self._lifecycle: Lifecycle = Lifecycle(
            parts.in_order(),
            background=parts.background,
            closing_seconds=ending.closing_seconds(settings.stop_timeout),
            predecessor=predecessor and predecessor._lifecycle,
        )
        self._planes = Planes(settings, products, parts, ready=self._checks, demo_token=demo_token)
        self._faults = FaultLog()
        self._is_first = predecessor is None
        self._is_draining = False
        self.background = parts.background
        self.metrics = parts.metrics.exposed
        self.hooks = ConnectionHooks(
            limits=parts.connection_limits,
            tls=None if parts.identity is None else parts.identity.context,
            drops_peer=self._planes.admission.drops_peer,
            on_bad_request=self._planes.data.on_bad_request,
            takes=self._planes.takes,
            answer=self._planes.data.answer,
        )
        parts.metrics.certificate_ends.set(0 if parts.identity is None else parts.identity.ends.timestamp())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the plane that it is for."""
        if scope["type"] == "http":
            plane = Barrier(self._planes.of(scope), faults=self._faults, body=_FAULT)
            await plane(scope, receive, send)
        elif scope["type"] == "lifespan":
            await lifespan(receive, send, start=self.start, stop=self.stop)

    @property
    def stop_timeout(self) -> float:
        """Seconds that calls in flight may take to end, once it is asked to stop."""
        return self._settings.stop_timeout

    @property
    def certificate_ends(self) -> datetime | None:
        """When the certificate ends that callers are shown; None without TLS."""
        return None if self._parts.identity is None else self._parts.identity.ends

    def changes_from(self, other: "Gateway") -> list[str]:
        """The settings that are not those of another gateway, and those whose files are not as it has read them."""
        return self._configuration.changes_from(other._configuration)

    async def start(self) -> None:
        """Open what is needed to answer calls."""
        self.background.guard(asyncio.get_running_loop())
        await self._lifecycle.start()
        if self._is_first:
            # What was made so far lives to the end: no collection need look at it.
            gc.collect()
            gc.freeze()

    def discard(self) -> None:
        """Close what was opened for a gateway that is not put in force."""
        self._lifecycle.discard()

    def reopen(self) -> None:
        """Open the file of the access log anew, as it may have been moved away; nothing else changes."""
        self._parts.access_file.part.reopen()

    async def drain(self) -> None:
        """Say that it is not ready any more, and give the load balancers time to notice."""
        self._is_draining = True
        await asyncio.sleep(self._settings.drain_delay)

    def hurry(self, seconds: float) -> None:
        """Let a stop, under way or to come, spend no more time than this on what could not be written so far."""
        self._parts.access_log.part.hurry(seconds)

    def stop_watching(self) -> None:
        """Follow no changes any more: another gateway answers new calls."""
        self._lifecycle.stop_background()

    async def stop(self, *, successor: "Gateway | None" = None) -> None:
        """Close what is open, but for what a successor has kept, within the part of a stop's time that is for it."""
        await self._lifecycle.close(successor=successor and successor._lifecycle)
        self._parts.metrics.flush()

    async def ask_sources(self, *, on_progress: Callable[[int, int], None]) -> list[Result]:
        """Ask every source of data once, of a gateway that does not serve; see `pings.check.ask_all`."""

        async def ask(route: Route) -> Finding:
            return await probe(route, self._parts.endpoints.probing(route), seconds=CHECK_SECONDS)

        try:
            return await ask_all(self._providers, ask, on_progress=on_progress)
        finally:
            close_upstreams(self._parts.upstreams.part)

    async def ask_documents(self) -> None:
        """Look whether the place of documents is there.

        Raises:
            StoreError: it is not.
        """
        await self._parts.documents.part.look()

    def _checks(self) -> dict[str, bool]:
        """Whether calls can be answered; those of tokens whose keys or revocations are not known cannot."""
        tokens = self._parts.tokens.part
        return {
            "access_log": not self._parts.access_log.part.is_full,
            "keys": tokens.has_keys,
            "revocations": not tokens.registry.is_unsure,
            "serving": not self._is_draining,
        }


def create(predecessor: Gateway | None = None) -> Gateway:
    """A gateway that is configured by the environment, and takes over what another one knows.

    Raises:
        SettingsError: the configuration cannot be used.
    """
    settings = load()
    require_for_serving(settings)
    if folder() is not None:
        require_for_workers(settings)
    gateway = Gateway(settings, predecessor=predecessor)
    logs.configure(level=settings.log_level)
    return gateway


async def lifespan(
    receive: Receive, send: Send, *, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
) -> None:
    """Start and stop as ASGI's messages ask for."""
    await receive()
    try:
        await start()
    except Exception as error:
        _log.error("start_failed", reason=str(error))
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await stop()
    await send({"type": "lifespan.shutdown.complete"})
