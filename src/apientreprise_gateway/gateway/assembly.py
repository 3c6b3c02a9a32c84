"""Makes the components of a gateway, each from its settings and the components that it needs."""

from collections.abc import Iterable
from functools import partial
from typing import final

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.controlplane.ceiling import Ceiling
from apientreprise_gateway.gateway import gauges, series
from apientreprise_gateway.gateway.components.auth import (
    AuthenticatorComponent,
    KeySetComponent,
    authenticator_component,
    key_set_component,
)
from apientreprise_gateway.gateway.components.cache import CacheComponent, cache_component
from apientreprise_gateway.gateway.components.connections import connection_limits, server_identity
from apientreprise_gateway.gateway.components.context import Context
from apientreprise_gateway.gateway.components.denials import DenialsComponent, denials_component
from apientreprise_gateway.gateway.components.documents import DocumentComponent, document_component
from apientreprise_gateway.gateway.components.france_connect import FranceConnectComponent, france_connect_component
from apientreprise_gateway.gateway.components.limits import LimiterComponent, limiter_component
from apientreprise_gateway.gateway.components.maintenance import MaintenanceComponent, maintenance_component
from apientreprise_gateway.gateway.components.observability import (
    AccessFileComponent,
    AccessLogComponent,
    RecorderComponent,
    access_file_component,
    access_log_component,
    make_metrics,
    recorder_component,
)
from apientreprise_gateway.gateway.components.pings import PingsComponent, pings_component
from apientreprise_gateway.gateway.components.upstreams import UpstreamsComponent, upstreams_component
from apientreprise_gateway.gateway.endpoints import Endpoints
from apientreprise_gateway.gateway.lifecycle import AnyComponent, Component
from apientreprise_gateway.gateway.settings import Settings
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.server.limits import ConnectionLimits


@final
class Assembly:
    """All components of a gateway."""

    def __init__(self, settings: Settings, providers: Iterable[Provider], *, former: "Assembly | None" = None) -> None:
        """Make every component; only files are opened before their start.

        What may be refused is made first, and of that the file of the access log last, so that a refused configuration
        leaves nothing open.

        Args:
            settings: complete enough to serve.
            providers: the providers that are asked.
            former: the components of the gateway that this one replaces; some of them are taken over.

        Raises:
            SettingsError: a file that a setting names cannot be used.
        """
        providers = tuple(providers)
        self.metrics: Metrics = make_metrics() if former is None else former.metrics
        self.background = Background(self.metrics.background_failures)
        context = Context(settings=settings, metrics=self.metrics, background=self.background)
        self.key_set: KeySetComponent = key_set_component(context, former=former and former.key_set)
        self.tokens: AuthenticatorComponent = authenticator_component(
            context, public=self.key_set.part, former=former and former.tokens
        )
        self.upstreams: UpstreamsComponent = upstreams_component(context, providers)
        series.begin_at_zero(self.metrics, providers)
        self.limiter: LimiterComponent = limiter_component(context, former=former and former.limiter)
        self.documents: DocumentComponent = document_component(context, former=former and former.documents)
        self.cache: CacheComponent = cache_component(context, former=former and former.cache)
        self.recorder: RecorderComponent = recorder_component(context, former=former and former.recorder)
        self.france_connect: FranceConnectComponent = france_connect_component(
            context, recorder=self.recorder.part, former=former and former.france_connect
        )
        self.identity = server_identity(settings)
        """The certificate and key of the server; None without TLS."""
        self.access_log: AccessLogComponent = access_log_component(context, former=former and former.access_log)
        self.access_file: AccessFileComponent = access_file_component(
            context, access_log=self.access_log.part, former=former and former.access_file
        )
        self.denials: DenialsComponent = denials_component(
            context, registry=self.tokens.part.registry, limiter=self.limiter.part, former=former and former.denials
        )
        self.endpoints = Endpoints(
            settings,
            upstreams=self.upstreams.part,
            documents=self.documents.part,
            caches=self.cache.part,
            metrics=self.metrics,
            recorder=self.recorder.part,
        )
        self.maintenance: MaintenanceComponent = maintenance_component(
            context, self.upstreams.part, former=former and former.maintenance
        )
        probing, own = self.endpoints.probing, self.upstreams.part
        self.pings: PingsComponent = pings_component(
            context, providers, upstreams=own, probing=probing, former=former and former.pings
        )
        self.connection_limits: ConnectionLimits = connection_limits(
            settings, self.metrics, before=former and former.connection_limits
        )
        self.ceiling: Ceiling = Ceiling() if former is None else former.ceiling
        """Limits calls to the control plane."""

    def in_order(self) -> tuple[AnyComponent, ...]:
        """The components in the order in which they start; see `lifecycle.py`."""
        return (
            self.recorder,
            self.access_log,
            self.limiter,
            self.documents,
            self.upstreams,
            self.key_set,
            self.tokens,
            self.france_connect,
            self.denials,
            self.maintenance,
            self.pings,
            self.cache,
            self._in_force(),
            self.access_file,
            self._gauges(),
        )

    def _in_force(self) -> Component[None, None]:
        """A component that takes over from a predecessor; started last, once nothing else can fail."""
        return Component(name="in_force", part=None, made_of=None, start=self.tokens.part.follow)

    def _gauges(self) -> Component[None, None]:
        return Component(
            name="gauges",
            part=None,
            made_of=None,
            background={
                "levels": partial(gauges.levels, self.metrics, self.limiter.part, self.access_log.part),
                "event_loop": partial(gauges.event_loop, self.metrics),
                "buffers": partial(gauges.buffers, self.metrics, self.connection_limits),
                "gate": partial(gauges.gate, self.metrics, self.connection_limits.gate),
            },
        )
