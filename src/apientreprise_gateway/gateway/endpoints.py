"""Makes the source that answers each endpoint: a stack of layers, made at the start."""

from collections.abc import Mapping

from apientreprise_gateway import __version__
from apientreprise_gateway.cache.source import CachedSource
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.dialects import DIALECTS
from apientreprise_gateway.documents.service import DocumentService
from apientreprise_gateway.documents.source import Linked
from apientreprise_gateway.gateway.components.cache import AnswerCaches
from apientreprise_gateway.gateway.settings import Settings
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.observability.provider_calls import CallCounts, ProviderCalls, ignore
from apientreprise_gateway.observability.tracing import Recorder
from apientreprise_gateway.pings.monitor import PingMonitor
from apientreprise_gateway.upstream.settings import ProviderSettings
from apientreprise_gateway.upstream.source import Observe, Source
from apientreprise_gateway.upstream.upstream import ProviderSource, Upstream


class Endpoints:
    """Makes the sources of endpoints from the components of a gateway."""

    def __init__(
        self,
        settings: Settings,
        *,
        upstreams: Mapping[str, Upstream],
        documents: DocumentService,
        caches: AnswerCaches,
        metrics: Metrics,
        recorder: Recorder | None,
    ) -> None:
        """Configure it.

        Args:
            settings: the settings of the gateway.
            upstreams: the upstreams of the providers, by key.
            documents: keeps the documents of providers.
            caches: keep their answers.
            metrics: where calls are counted.
            recorder: records the spans of calls to providers; None for no spans.
        """
        self._settings = settings
        self._upstreams = upstreams
        self._documents = documents
        self._caches = caches
        self._metrics = metrics
        self._recorder = recorder

    def answering(self, route: Route, pings: PingMonitor) -> Source:
        """The source that answers an endpoint, outermost layer first; its calls also count as evidence for `pings`."""
        return self._linked(route, self._cached(route, self._provider(route, self._observer(route, pings))))

    def probing(self, route: Route) -> Source:
        """The source that a probe of an endpoint asks; its answers are not cached, kept or counted."""
        return self._provider(route, ignore, keeps=False)

    # The layers.

    def _linked(self, route: Route, inner: Source) -> Source:
        """Add the layer that completes links to documents, if the answers hold any."""
        document = route.endpoint.document
        return inner if document is None else Linked(inner, document)

    def _cached(self, route: Route, inner: Source) -> Source:
        """Add the cache, if the answers may be cached."""
        lifetime = route.endpoint.cache
        cache = self._caches.common if route.endpoint.person is None else self._caches.persons
        if cache is None or lifetime is None:
            return inner
        provider, own = route.provider.key, self._own_settings(route)
        return CachedSource(
            inner,
            endpoint=route.endpoint,
            lifetime=lifetime,
            cache=cache,
            # Answers of another version, or from another address such as a sandbox, must not be used.
            namespace=f"{__version__} {own.dialect} {own.base_url or self._settings.upstream_url}",
            grace=self._settings.cache_stale_seconds,
            observe=lambda result: self._metrics.cache_lookups(provider, result.value).inc(),
        )

    def _provider(self, route: Route, observe: Observe, *, keeps: bool = True) -> Source:
        """The layer that asks the provider, in its dialect if one is set; `keeps` is whether documents are kept."""
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
            counts=pings.counts_of(route) or CallCounts(),
            metrics=self._metrics,
            recorder=self._recorder,
        )

    def _own_settings(self, route: Route) -> ProviderSettings:
        return self._settings.providers.get(route.provider.key, ProviderSettings())
