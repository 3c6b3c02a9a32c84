"""The control plane: what the gateway says about itself, outside the contract and the limits.

Health, metrics, documentation, the privileges of a token. It is an ordinary application that is handed what it shows;
it reads no setting and knows neither the store nor the tokens. Nothing it serves refers to another host.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, Protocol

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apientreprise_gateway import __version__
from apientreprise_gateway.auth.token import token_reader
from apientreprise_gateway.catalogue.document import Terms
from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.query import read
from apientreprise_gateway.controlplane import nomenclature
from apientreprise_gateway.controlplane.catalogue import catalogue_answer
from apientreprise_gateway.controlplane.docs import NOT_KEPT, DemoTokens, docs_pages
from apientreprise_gateway.controlplane.errors import ErrorPages
from apientreprise_gateway.controlplane.paths import ALIVE, CATALOGUE, LIVE, METRICS, READY
from apientreprise_gateway.controlplane.pings import OriginOf, Page, Sources, pages_of
from apientreprise_gateway.providers.product import PrivilegesPage, Product

_ALIVE: Final = ALIVE.replace("{version}", "{version:int}")
"""As Starlette writes it."""


class Holder(Protocol):
    """What is known of a caller with a valid token."""

    @property
    def jti(self) -> str:
        """The id of the token."""

    @property
    def scopes(self) -> Collection[str]:
        """The scopes of the token."""


Authenticate = Callable[[str | None], Awaitable[Holder]]
"""From a token, or None where a call has none, to its holder, or a `Refusal`."""
StoreMode = Callable[[], str]
"""How limits and bans are kept at present: a mode of the metric `gateway_store_mode`, or `memory`."""
Ready = Callable[[], Mapping[str, bool]]
"""The checks that say whether calls can be answered, by name."""


def create_control(
    *,
    products: tuple[Product, ...],
    authenticate: Authenticate,
    registry: CollectorRegistry,
    ready: Ready,
    sources: Sources,
    origin_of: OriginOf,
    terms: Terms | None = None,
    store: StoreMode | None = None,
    own_key: bytes | None = None,
    demo: DemoTokens | None = None,
) -> FastAPI:
    """The control plane's application.

    Args:
        products: what the documentation describes.
        authenticate: verifies the token of a call to a page of privileges.
        registry: the metrics to expose.
        ready: asked on each call to /readyz; all checks must hold.
        sources: asked on each call to a ping.
        origin_of: the scheme and host at which a caller reaches the gateway.
        terms: what the deployment sets of the catalogue; None for the defaults.
        store: asked on each call to /readyz; shown there, without influence on the status.
        own_key: JWKS with the public key to which FranceConnect encrypts; None if it is asked nothing.
        demo: tokens that the documentation pages use by themselves.
    """
    errors = ErrorPages(products)
    app = FastAPI(
        title="apientreprise-gateway",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={Refusal: errors.refused, HTTPException: errors.not_served, Exception: errors.failed},
    )
    health = _Health(registry=registry, ready=ready, store=store)
    pages: dict[str, Page] = health.by_path() | pages_of(products, sources, origin_of=origin_of)
    pages |= {product.pings.alive: health.alive for product in products if product.pings.alive != ALIVE}
    for privileges in (each for product in products for each in product.privileges):
        pages[privileges.path] = _privileges_page(privileges, authenticate)
    for path in (product.own_key for product in products):
        if path is not None and own_key is not None:
            pages[path] = _key_page(own_key)
    for path, page in pages.items():
        app.add_route(path, page, methods=["GET"])  # Starlette adds HEAD
    answers = docs_pages(products, demo) | {each.errors: nomenclature.page(each) for each in products}
    answers[CATALOGUE] = catalogue_answer(products, terms or Terms())
    for path, answer in answers.items():
        app.router.routes.append(Route(path, answer, methods=["GET"]))
    return app


class _Health:
    """The pages for operators: health and metrics."""

    def __init__(self, *, registry: CollectorRegistry, ready: Ready, store: StoreMode | None) -> None:
        self._registry = registry
        self._ready = ready
        self._store = store

    def by_path(self) -> dict[str, Page]:
        return {LIVE: self.livez, READY: self.readyz, METRICS: self.metrics, _ALIVE: self.alive}

    # `metrics` is no coroutine, so it runs in a thread: rendering takes long enough to hold up the data plane, which
    # shares the loop. Tokens and checks are used on the loop, where they live.

    async def livez(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def alive(self, _request: Request) -> Response:
        return Response()

    async def readyz(self, _request: Request) -> Response:
        checks = dict(self._ready())
        holds = all(checks.values())
        body: dict[str, object] = {"status": "ok" if holds else "unavailable", "checks": checks}
        if self._store is not None:
            body["store"] = self._store()
        return JSONResponse(body, status_code=200 if holds else 503)

    def metrics(self, request: Request) -> Response:
        accept = request.headers.get("accept", "")
        try:
            encode, content_type = choose_encoder(accept)
        except TypeError:  # prometheus_client compares versions that are no numbers: `version=abc`
            encode, content_type = choose_encoder("")
        return Response(encode(self._registry), headers={"Content-Type": content_type})


def _key_page(jwks: bytes) -> Page:
    """The page with our public key."""

    async def keys(_request: Request) -> Response:
        return Response(jwks, media_type="application/json", headers={"Cache-Control": "public, max-age=300"})

    return keys


def _privileges_page(page: PrivilegesPage, authenticate: Authenticate) -> Page:
    """The page that tells what a token opens, as Starlette calls it."""
    token_of = token_reader(page.token)
    wanted = frozenset() if page.token.parameter is None else frozenset({page.token.parameter})

    async def privileges(request: Request) -> Response:
        # The query is not taken by way of `request.url`: that holds the `Host` as well, which may be anything.
        holder = await authenticate(
            token_of(dict(reversed(request.scope["headers"])), read(request.scope["query_string"], wanted))
        )
        return JSONResponse(page.body(holder.jti, holder.scopes), headers=NOT_KEPT)

    return privileges
