"""The control plane: what the gateway says about itself, outside the contract and the limits.

Health, metrics, documentation, the privileges of a token. It is an ordinary application that is handed what it shows;
it reads no setting and knows neither the store nor the tokens. Nothing it serves refers to another host.
"""

import json
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Final, Protocol

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apientreprise_gateway import __version__
from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.errors import FLAT_VERSION, Refusal, refuse, render
from apientreprise_gateway.controlplane import nomenclature, openapi
from apientreprise_gateway.controlplane.description import ERRORS
from apientreprise_gateway.controlplane.pings import PING, PINGS, OriginOf, Page, PingPages, Sources, no_such_ping
from apientreprise_gateway.controlplane.static import StaticAnswer

DOCS: Final = "/docs"
_SPECIFICATION: Final = "/openapi.yaml"
_PRIVILEGES_V2: Final = "/v2/privileges"
CONTROL_PATHS: Final = frozenset(
    {"/livez", "/readyz", "/metrics", "/privileges", _PRIVILEGES_V2, _SPECIFICATION, ERRORS, DOCS, PINGS}
)
"""The paths of the control plane; those below /docs and /ping are its as well, and /v2/ping with its successors."""
_WHOLE: Final = "|".join((*map(re.escape, sorted(CONTROL_PATHS)), "/v[1-9][0-9]{0,3}/ping"))
CONTROL: Final = rf"(?:{_WHOLE})\Z|{re.escape(DOCS)}/|{re.escape(PING)}"
"""What the paths of the control plane begin with, as a regular expression."""
_CONTROL: Final = re.compile(CONTROL)


def is_control(path: str) -> bool:
    """Whether a path belongs to the control plane."""
    return _CONTROL.match(path) is not None


class Holder(Protocol):
    """Who a valid token stands for."""

    @property
    def scopes(self) -> Collection[str]:
        """What the token opens."""


Authenticate = Callable[[Mapping[str, str], str], Awaitable[Holder]]
"""From headers (names in lower case) and query string to the token's holder, or a `Refusal`."""
StoreMode = Callable[[], str]
"""How limits and bans are held at the moment, as `gateway_store_mode` has it, or `memory`."""
Ready = Callable[[], Mapping[str, bool]]
"""The checks that say whether calls can be answered, by name."""


def create_control(
    *,
    providers: Iterable[Provider],
    authenticate: Authenticate,
    registry: CollectorRegistry,
    ready: Ready,
    sources: Sources,
    origin_of: OriginOf,
    store: StoreMode | None = None,
    demo_token: str | None = None,
) -> FastAPI:
    """The control plane's application.

    Args:
        providers: what the documentation describes.
        authenticate: finds and verifies the token of a call to /privileges.
        registry: the metrics to expose.
        ready: asked on each call to /readyz; all checks must hold.
        sources: asked on each call to a ping.
        origin_of: what a caller reaches the gateway at.
        store: asked on each call to /readyz; told there, and of no influence on the status.
        demo_token: a token that the documentation page uses by itself. It is public: for the demo only.
    """
    pages = _Pages(
        providers=tuple(providers),
        authenticate=authenticate,
        registry=registry,
        ready=ready,
        store=store,
        demo_token=demo_token,
    )
    pings = PingPages(sources, origin_of=origin_of)
    app = FastAPI(
        title="apientreprise-gateway",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={Refusal: _refused, HTTPException: _not_served, Exception: _failed},
    )
    for path, page in (pages.by_path() | pings.by_path()).items():
        app.add_route(path, page, methods=["GET"])  # and HEAD, which comes along
    for path, answer in (pages.static() | {ERRORS: nomenclature.page(pages.providers)}).items():
        app.router.routes.append(Route(path, answer, methods=["GET"]))
    return app


_specifications: Final[dict[tuple[int, ...], StaticAnswer]] = {}
"""Made once, for all gateways of a process that offer the same, as it takes seconds; each keeps what its key names."""


def _specification(providers: tuple[Provider, ...]) -> StaticAnswer:
    return _specifications.setdefault(
        tuple(map(id, providers)),
        StaticAnswer(
            lambda: openapi.to_yaml(openapi.document(providers)).encode(),
            media_type="application/yaml; charset=utf-8",
            headers=_CHECKED,
        ),
    )


@cache
def _asset(name: str, media_type: str) -> StaticAnswer:
    """A file of Swagger UI."""
    file = resources.files("fastapi_offline") / "static" / name
    return StaticAnswer(file.read_bytes, media_type=media_type, headers=_CHECKED)


class _Pages:
    def __init__(
        self,
        *,
        providers: tuple[Provider, ...],
        authenticate: Authenticate,
        registry: CollectorRegistry,
        ready: Ready,
        store: StoreMode | None,
        demo_token: str | None,
    ) -> None:
        self.providers = providers
        self._authenticate = authenticate
        self._registry = registry
        self._ready = ready
        self._store = store
        self._demo_token = demo_token

    def by_path(self) -> dict[str, Page]:
        return {
            "/livez": self.livez,
            "/readyz": self.readyz,
            "/metrics": self.metrics,
            "/privileges": self.privileges,
            _PRIVILEGES_V2: self.privileges_v2,
            "/v{version:int}/ping": self.alive,
        }

    def static(self) -> dict[str, StaticAnswer]:
        page = StaticAnswer(_DOCS_PAGE.encode, media_type="text/html; charset=utf-8", headers=_DOCS_HEADERS)
        script = _docs_script(self._demo_token).encode
        assets = {f"{DOCS}/assets/{name}": _asset(name, media_type) for name, media_type in _ASSETS.items()}
        return assets | {
            _SPECIFICATION: _specification(self.providers),
            DOCS: page,
            f"{DOCS}/": page,
            f"{DOCS}/init.js": StaticAnswer(script, media_type=_SCRIPT, headers=_NOT_KEPT),
        }

    # Metrics are no coroutine, so they run in a thread: rendering them takes long enough to hold up the data plane,
    # which shares the loop. What is handed to us (tokens, checks) is asked on the loop, where it lives.

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

    async def privileges(self, request: Request) -> Response:
        holder = await self._authenticate(dict(request.headers), _query_of(request))
        return JSONResponse({"data": {"privileges": sorted(holder.scopes)}}, headers=_NOT_KEPT)

    async def privileges_v2(self, request: Request) -> Response:
        holder = await self._authenticate(dict(request.headers), _query_of(request))
        return JSONResponse({"privileges": sorted(holder.scopes)}, headers=_NOT_KEPT)


# Errors, as the data plane gives them


async def _refused(request: Request, refusal: Refusal) -> Response:
    return refused_page(request.scope["path"], refusal)


def refused_page(path: str, refusal: Refusal) -> Response:
    """The answer to a call of a page that is refused."""
    return _error(refusal, version=FLAT_VERSION if path == _PRIVILEGES_V2 else 3)


def _query_of(request: Request) -> str:
    # Not by way of `request.url`: it holds the `Host` as well, which may be anything.
    return str(request.scope["query_string"], "latin-1")


async def _not_served(request: Request, error: HTTPException) -> Response:
    if error.status_code == 404 and request.scope["path"].startswith(PING):
        return no_such_ping()  # a key that not even a route of Starlette's matches: it has a line feed
    # Routing raises 404 and 405 only; the rest is a file that cannot be served, which is no one's business to know.
    return _error(refuse("00405", headers=_ALLOW) if error.status_code == 405 else refuse("00404"))


async def _failed(_request: Request, _error_raised: Exception) -> Response:
    return _error(refuse("00500"))


def _error(refusal: Refusal, *, version: int = 3) -> Response:
    response = Response(render(refusal.errors, version=version), refusal.status, media_type="application/json")
    response.raw_headers.extend(refusal.headers)
    return response


_ALLOW: Final = ((b"allow", b"GET, HEAD"),)


# The documentation page

_NOT_KEPT: Final = {"Cache-Control": "no-store"}
_CHECKED: Final = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
"""Of what may be kept, if each use asks whether it is still good."""
_SCRIPT: Final = "text/javascript; charset=utf-8"
_ASSETS: Final = {"swagger-ui-bundle.js": _SCRIPT, "swagger-ui.css": "text/css; charset=utf-8"}

_DOCS_HEADERS: Final = {
    "Cache-Control": "no-cache",
    # Swagger UI draws with data: images; it needs neither inline scripts nor inline styles.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_DOCS_PAGE: Final = f"""\
<!DOCTYPE html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API Entreprise : documentation</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{DOCS}/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>Cette page a besoin de JavaScript. La description de l'API : <a href="{_SPECIFICATION}">{_SPECIFICATION}</a>.</noscript>
<script src="{DOCS}/assets/swagger-ui-bundle.js"></script>
<script src="{DOCS}/init.js"></script>
</body>
</html>
"""  # noqa: E501 - one sentence of HTML

_DOCS_SCRIPT: Final = """\
"use strict";
const specification = %(specification)s;
const scheme = %(scheme)s;
const demoToken = %(token)s;
const ui = SwaggerUIBundle({
  url: specification,
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  onComplete: () => {
    if (demoToken !== null) {
      ui.preauthorizeApiKey(scheme, demoToken);
    }
  },
});
"""


def _docs_script(demo_token: str | None) -> str:
    # The specification comes from this same server: no validator elsewhere is asked about it (validatorUrl).
    values = {"specification": _SPECIFICATION, "scheme": openapi.BEARER, "token": demo_token}
    return _DOCS_SCRIPT % {name: json.dumps(value) for name, value in values.items()}
