"""The gateway as one ASGI application, made from its settings.

`assembly.py` makes its components, `lifecycle.py` starts and closes them, `planes.py` says which plane answers a call.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final, final

import structlog

from apientreprise_gateway.contract.error_forms import object_bodies
from apientreprise_gateway.contract.errors import refuse
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.controlplane.docs import DemoTokens
from apientreprise_gateway.gateway import series
from apientreprise_gateway.gateway.assembly import Assembly
from apientreprise_gateway.gateway.components import pings
from apientreprise_gateway.gateway.components.upstreams import close_upstreams
from apientreprise_gateway.gateway.configuration import Configuration
from apientreprise_gateway.gateway.hosts import Hosts
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
    """The ASGI application: the data plane and the control plane, with their start and stop."""

    def __init__(
        self,
        settings: Settings,
        *,
        products: Iterable[Product] = PRODUCTS,
        demo: DemoTokens | None = None,
        predecessor: "Gateway | None" = None,
    ) -> None:
        """Make every component; only files are opened before `start`.

        Args:
            settings: complete enough to serve, see `settings.require_for_serving`.
            products: the products that there are; the settings say which of them to serve.
            demo: tokens that `/docs` shows to everybody; for `demo` alone.
            predecessor: the gateway that this one replaces. What it knows is taken over: the components whose settings
                are the same, the bans and windows of a process that counts alone, the revocations.

        Raises:
            SettingsError: a file that a setting names cannot be used.
        """
        self._settings = settings
        products = settings.served(products)
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
        self._planes = self._planes_of(products, demo)
        self._faults = FaultLog()
        self._is_first = predecessor is None
        self._is_draining = False
        self.background = parts.background
        self.metrics = parts.metrics.exposed
        self.hooks = ConnectionHooks(
            limits=parts.connection_limits,
            tls=None if parts.identity is None else parts.identity.context,
            drops_peer=self._planes.admission.drops_peer,
            on_bad_request=self._planes.on_bad_request,
            takes=self._planes.takes,
            answer=self._planes.answer,
        )
        series.tell_products(parts.metrics, products)
        parts.metrics.certificate_ends.set(0 if parts.identity is None else parts.identity.ends.timestamp())

    def _planes_of(self, products: tuple[Product, ...], demo: DemoTokens | None) -> Planes | Hosts:
        """The planes of all products or, where hosts serve one of them alone, those of each host."""
        make = partial(Planes, self._settings, parts=self._parts, ready=self._checks, demo=demo)
        every = make(products=products)
        alone = {
            name: make(products=[product for product in products if product.name == name], plans=every.plans)
            for name in set(self._settings.hosts.values())
        }
        if not alone:
            return every
        return Hosts(every, {host: alone[name] for host, name in self._settings.hosts.items()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to its plane; start and stop at the messages of ASGI's lifespan."""
        if scope["type"] == "http":
            plane = Barrier(self._planes.of(scope), faults=self._faults, body=_FAULT)
            await plane(scope, receive, send)
        elif scope["type"] == "lifespan":
            await lifespan(receive, send, start=self.start, stop=self.stop)

    @property
    def stop_timeout(self) -> float:
        """Seconds that a stop may take once it is asked for, calls in flight and closing included."""
        return self._settings.stop_timeout

    @property
    def certificate_ends(self) -> datetime | None:
        """When the certificate that callers see expires; None without TLS."""
        return None if self._parts.identity is None else self._parts.identity.ends

    def changes_from(self, other: "Gateway") -> list[str]:
        """The environment variables of the settings that differ from another gateway's, in value or in file content."""
        return self._configuration.changes_from(other._configuration)

    async def start(self) -> None:
        """Start the components."""
        self.background.guard(asyncio.get_running_loop())
        await self._lifecycle.start()
        if self._is_first:
            # What was made so far lives until the end: the garbage collector need not look at it again.
            gc.collect()
            gc.freeze()

    def discard(self) -> None:
        """Close what was opened for a gateway that will not serve."""
        self._lifecycle.discard()

    def reopen(self) -> None:
        """Reopen the file of the access log, as it may have been moved away; nothing else changes."""
        self._parts.access_file.part.reopen()

    async def drain(self) -> None:
        """Report not ready from now on, and wait until the load balancers have had time to notice."""
        self._is_draining = True
        await asyncio.sleep(self._settings.drain_delay)

    def hurry(self, seconds: float) -> None:
        """Limit the seconds that a stop, under way or to come, spends on log lines not yet written."""
        self._parts.access_log.part.hurry(seconds)

    def stop_watching(self) -> None:
        """Stop the background work, as another gateway answers new calls."""
        self._lifecycle.stop_background()

    async def stop(self, *, successor: "Gateway | None" = None) -> None:
        """Close what a successor has not taken over, within the share of the stop timeout that is for closing."""
        await self._lifecycle.close(successor=successor and successor._lifecycle)
        self._parts.metrics.flush()

    async def ask_sources(self, *, on_progress: Callable[[int, int], None]) -> list[Result]:
        """Ask every source of data once, from a gateway that does not serve; see `pings.check.ask_all`."""

        async def ask(route: Route) -> Finding:
            return await probe(route, self._parts.endpoints.probing(route), seconds=CHECK_SECONDS)

        try:
            return await ask_all(
                self._providers,
                ask,
                may_ask=lambda route: pings.may_ask(route, self._settings.ping_probes),
                on_progress=on_progress,
            )
        finally:
            close_upstreams(self._parts.upstreams.part)

    async def ask_documents(self) -> None:
        """Check that the document store can be used.

        Raises:
            StoreError: it cannot.
        """
        await self._parts.documents.part.look()

    def _checks(self) -> dict[str, bool]:
        """The readiness checks, by name: without public keys, or without the revocations, tokens are refused."""
        tokens = self._parts.tokens.part
        return {
            "access_log": not self._parts.access_log.part.is_full,
            "keys": tokens.has_keys,
            "revocations": not tokens.registry.is_unsure,
            "serving": not self._is_draining,
        }


def create(predecessor: Gateway | None = None) -> Gateway:
    """A gateway configured by the environment, which takes over what its predecessor knows.

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
    """Call `start` and `stop` at the messages of ASGI's lifespan protocol."""
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
