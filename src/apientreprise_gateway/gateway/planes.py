"""Makes the planes of a gateway, and finds the one that answers a call."""

import re
from collections.abc import Callable, Iterable, Mapping

from apientreprise_gateway.controlplane.app import create_control
from apientreprise_gateway.controlplane.docs import DemoTokens
from apientreprise_gateway.controlplane.errors import ErrorPages
from apientreprise_gateway.controlplane.front import ROOT, Application, Front, leads_to_docs
from apientreprise_gateway.controlplane.paths import control_pattern
from apientreprise_gateway.dataplane.access_tokens import AccessTokens
from apientreprise_gateway.dataplane.admission import Admission
from apientreprise_gateway.dataplane.persons import Persons
from apientreprise_gateway.dataplane.pipeline import Pipeline
from apientreprise_gateway.dataplane.plan import Plan, plans_of
from apientreprise_gateway.dataplane.recording import Recording
from apientreprise_gateway.dataplane.refusals import Refusals
from apientreprise_gateway.documents import links
from apientreprise_gateway.documents.origin import Origin
from apientreprise_gateway.gateway.assembly import Assembly
from apientreprise_gateway.gateway.components import calls, connections, documents, limits
from apientreprise_gateway.gateway.settings import Limits, Settings
from apientreprise_gateway.gateway.terms import terms_of
from apientreprise_gateway.net.asgi import Scope
from apientreprise_gateway.net.client_ip import ClientIp
from apientreprise_gateway.providers.product import Product, Versions


class Planes:
    """The data plane, the downloads of documents, and the control plane."""

    def __init__(
        self,
        settings: Settings,
        products: Iterable[Product],
        parts: Assembly,
        *,
        ready: Callable[[], Mapping[str, bool]],
        demo: DemoTokens | None = None,
        plans: Mapping[str, Plan] | None = None,
    ) -> None:
        """Make each plane from the components of a gateway.

        Args:
            settings: complete enough to serve.
            products: the products to serve.
            parts: the components of the gateway.
            ready: the readiness checks, by name.
            demo: tokens that `/docs` shows to everybody; for `demo` alone.
            plans: the plans of all endpoints, by operation; None to make them.
        """
        products = tuple(products)
        client_ip = connections.client_ip(settings)
        self.origin = connections.origin(settings, client_ip)
        self.plans = _plans(settings, products, parts) if plans is None else plans
        self.admission = _admission(settings, parts, client_ip)
        refusals = Refusals(Versions(products))
        self.data = _data_plane(
            settings,
            products,
            parts,
            plans=self.plans,
            admission=self.admission,
            refusals=refusals,
            origin=self.origin,
        )
        self.answer, self.on_bad_request = self.data.answer, self.data.on_bad_request
        self._downloads = documents.downloads(
            parts.documents.part,
            admission=self.admission,
            refusals=refusals,
            metrics=parts.metrics,
            access_log=parts.access_log.part,
        )
        pattern = control_pattern(products)
        self._is_control = re.compile(pattern).match
        self.takes = re.compile(rf"(?!{ROOT}\Z|{pattern}|{re.escape(links.PREFIX)})").match
        """Whether a path is for the data plane; a method of a regular expression, as it is called for each call."""
        self._control = _control_plane(
            settings,
            products,
            parts,
            client_ip=client_ip,
            origin=self.origin,
            ready=ready,
            demo=demo,
        )

    def of(self, scope: Scope) -> Application:
        """The plane that answers a call."""
        path = scope["path"]
        if path.startswith(links.PREFIX):
            return self._downloads
        return self._control if self._is_control(path) or leads_to_docs(scope) else self.data


def _control_plane(
    settings: Settings,
    products: tuple[Product, ...],
    parts: Assembly,
    *,
    client_ip: ClientIp,
    origin: Origin,
    ready: Callable[[], Mapping[str, bool]],
    demo: DemoTokens | None,
) -> Front:
    control = create_control(
        products=products,
        authenticate=parts.tokens.part.authenticate,
        registry=parts.metrics.exposed,
        own_key=None if parts.france_connect.part is None else parts.france_connect.part.own_key.jwks,
        ready=ready,
        store=lambda: limits.mode_of(parts.limiter.part),
        sources=parts.pings.part,
        origin_of=origin.of,
        terms=terms_of(settings, products),
        demo=demo,
    )
    return Front(
        control,
        errors=ErrorPages(products),
        ceiling=parts.ceiling,
        client_ip=client_ip,
        metrics=parts.metrics,
        shadow=settings.limits is Limits.SHADOW,
    )


def _admission(settings: Settings, parts: Assembly, client_ip: ClientIp) -> Admission:
    options = calls.pipeline_options(settings)
    return Admission(
        client_ip=client_ip,
        limiter=parts.limiter.part,
        metrics=parts.metrics,
        access_log=parts.access_log.part,
        recorder=parts.recorder.part,
        forbid_banned=options.forbid_banned,
        shadow=options.shadow,
    )


def _plans(settings: Settings, products: tuple[Product, ...], parts: Assembly) -> Mapping[str, Plan]:
    pings = parts.pings.part
    return plans_of(
        products,
        source_of=lambda route: parts.endpoints.answering(route, pings),
        policy=limits.policy(settings, products),
        user_id_required=calls.pipeline_options(settings).user_id_required,
    )


def _data_plane(
    settings: Settings,
    products: tuple[Product, ...],
    parts: Assembly,
    *,
    plans: Mapping[str, Plan],
    admission: Admission,
    refusals: Refusals,
    origin: Origin,
) -> Pipeline:
    tokens = parts.tokens.part
    france_connect = None if parts.france_connect.part is None else parts.france_connect.part.service
    options = calls.pipeline_options(settings)
    return Pipeline(
        products=products,
        plans=plans,
        tokens=tokens.verifier,
        renew_keys=tokens.renew_keys,
        registry=tokens.registry,
        limiter=parts.limiter.part,
        admission=admission,
        refusals=refusals,
        origin=origin,
        persons=Persons(calls.pseudonyms(settings), access_tokens=AccessTokens(france_connect, tokens=tokens.verifier)),
        options=options,
        metrics=parts.metrics,
        access_log=parts.access_log.part,
        recording=Recording(
            metrics=parts.metrics,
            access_log=parts.access_log.part,
            versions=refusals.versions,
            recorder=parts.recorder.part,
            validator=calls.answer_validator(settings, products, parts.metrics),
        ),
    )
