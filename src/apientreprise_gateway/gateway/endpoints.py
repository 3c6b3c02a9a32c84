"""What answers each endpoint: a stack of sources, made at the start."""

from collections.abc import Mapping

from apientreprise_gateway import __version__
from apientreprise_gateway.cache.port import AnswerCache
from apientreprise_gateway.cache.source import CachedSource
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.dialects import DIALECTS
from apientreprise_gateway.documents.service import DocumentService
from apientreprise_gateway.documents.source import Linked
from apientreprise_gateway.gateway.settings import Settings
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.observability.provider_calls import CallCounts, ProviderCalls, ignore
from apientreprise_gateway.observability.tracing import Recorder
from apientreprise_gateway.pings.monitor import PingMonitor
from apientreprise_gateway.upstream.settings import ProviderSettings
from apientreprise_gateway.upstream.source import Observe, Source
from apientreprise_gateway.upstream.upstream import ProviderSource, Upstream


class Endpoints:
    """Makes what answers an endpoint, from the parts of a gateway."""

    def __init__(
        self,
        settings: Settings,
        *,
        upstreams: Mapping[str, Upstream],
        documents: DocumentService,
        cache: AnswerCache | None,
        metrics: Metrics,
        recorder: Recorder | None,
    ) -> None:
        """Make nothing yet.

        Args:
            settings: of the gateway.
            upstreams: the ways to the providers, by key.
            documents: what keeps their files.
            cache: what keeps their answers; None where none are kept.
            metrics: where calls are counted.
            recorder: records their spans; None for no spans.
        """
        self._settings = settings
        self._upstreams = upstreams
        self._documents = documents
        self._cache = cache
        self._metrics = metrics
        self._recorder = recorder

    def answering(self, route: Route, pings: PingMonitor) -> Source:
        """What answers an endpoint, read from the outside in; `pings` learn from its calls whether its source works."""
        return self._linked(route, self._cached(route, self._provider(route, self._observer(route, pings))))

    def probing(self, route: Route) -> Source:
        """What asks the provider of an endpoint for a probe; nothing of the call is kept or noted."""
        return self._provider(route, ignore, keeps=False)

    # The layers.

    def _linked(self, route: Route, inner: Source) -> Source:
        """Complete the links to documents, where answers hold any."""
        document = route.endpoint.document
        return inner if document is None else Linked(inner, document)

    def _cached(self, route: Route, inner: Source) -> Source:
        """Give kept answers, where they may be kept."""
        lifetime = route.endpoint.cache
        if self._cache is None or lifetime is None:
            return inner
        provider, own = route.provider.key, self._own_settings(route)
        return CachedSource(
            inner,
            endpoint=route.endpoint,
            lifetime=lifetime,
            cache=self._cache,
            # Answers of another version, or of another provider's address such as a sandbox, are not these.
            namespace=f"{__version__} {own.dialect} {own.base_url or self._settings.upstream_url}",
            grace=self._settings.cache_stale_seconds,
            observe=lambda result: self._metrics.cache_lookups(provider, result.value).inc(),
        )

    def _provider(self, route: Route, observe: Observe, *, keeps: bool = True) -> Source:
        """Ask the provider, in its own language where it has one; `keeps` is whether its documents are kept."""
        provider = route.provider.key
        upstream = self._upstreams[provider]
        if route.endpoint.document is not None:
            return self._documents.source(route, upstream, observe=observe, keeps=keeps)
        dialect = self._own_settings(route).dialect
        translations = {} if dialect is None else DIALECTS[provider][dialect]
        return ProviderSource(route, upstream, observe=observe, translation=translations.get(route.endpoint.operation))

    def _observer(self, route: Route, pings: PingMonitor) -> Observe:
        return ProviderCalls(
            route.provider.key,
            counts=pings.tally_of(route) or CallCounts(),
            metrics=self._metrics,
            recorder=self._recorder,
        )

    def _own_settings(self, route: Route) -> ProviderSettings:
        return self._settings.providers.get(route.provider.key, ProviderSettings())
