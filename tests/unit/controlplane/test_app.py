"""Tests of the control plane."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import httpx
import pytest
import yaml
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter

from apientreprise_gateway.catalogue.document import Terms, catalogue
from apientreprise_gateway.contract.errors import refuse
from apientreprise_gateway.controlplane.app import create_control
from apientreprise_gateway.controlplane.docs import DemoTokens
from apientreprise_gateway.controlplane.openapi import document
from apientreprise_gateway.controlplane.paths import control_pattern
from apientreprise_gateway.documents.origin import Origin
from apientreprise_gateway.pings.board import Answer, Status
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS


@dataclass(frozen=True)
class Holder:
    scopes: frozenset[str]
    jti: str = "b5ad6c7d-1b02-4f3a-9c4f-4c2d4a1b7a01"


class Guard:
    """Accepts one token, wherever it is."""

    def __init__(self) -> None:
        self.seen: list[str | None] = []

    async def __call__(self, text: str | None) -> Holder:
        """Note what was handed over, then judge it."""
        self.seen.append(text)
        if text != "good":
            raise refuse("00101")
        return Holder(frozenset({"etablissements", "associations"}))


ORIGIN = Origin(public_url=None, is_trusted=lambda _peer: False)


class Sources:
    """A source of each product, with the answer that they are given."""

    def __init__(self, answer: Answer | None = None) -> None:
        self._answer = answer

    async def answer(self, key: str) -> Answer | None:
        """The answer, for that ping alone."""
        return self._answer if key in ("insee/sirene", "ants") else None


def control(
    *,
    guard: Guard | None = None,
    checks: Mapping[str, bool] | None = None,
    demo: DemoTokens | None = None,
    answer: Answer | None = None,
    origin: Origin = ORIGIN,
    products: tuple[Product, ...] = PRODUCTS,
    terms: Terms | None = None,
) -> FastAPI:
    """A control plane with one metric."""
    registry = CollectorRegistry()
    Counter("calls", "Calls.", registry=registry).inc()
    return create_control(
        products=products,
        authenticate=guard or Guard(),
        registry=registry,
        ready=lambda: checks or {},
        sources=Sources(answer),
        origin_of=origin.of,
        terms=terms,
        demo=demo,
    )


def call(
    path: str, *, app: FastAPI | None = None, method: str = "GET", headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """The answer to one call."""

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=app or control(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(run())


def codes(answer: httpx.Response) -> list[str]:
    """The error codes of an answer."""
    assert answer.headers["content-type"] == "application/json"
    return [error["code"] for error in answer.json()["errors"]]


def test_lives_while_it_answers() -> None:
    """/livez asks nobody: an answer is the proof."""
    answer = call("/livez")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_is_ready_when_all_checks_hold() -> None:
    """/readyz is 200 and names the checks when all of them hold."""
    answer = call("/readyz", app=control(checks={"store": True, "keys": True}))

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"store": True, "keys": True}}


def test_is_not_ready_when_one_check_fails() -> None:
    """/readyz is 503 and says which check fails."""
    answer = call("/readyz", app=control(checks={"store": False, "keys": True}))

    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "checks": {"store": False, "keys": True}}


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4"),
        ("text/plain;version=1.0.0", "text/plain; version=1.0.0"),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0"),
        ("text/plain;version=abc", "text/plain; version=0.0.4"),
    ],
)
def test_exposes_metrics_as_asked(accept: str, content_type: str) -> None:
    """/metrics speaks the format that Accept names, and the plain one when it names none that exists."""
    answer = call("/metrics", headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(content_type)
    assert "calls_total 1.0" in answer.text
    assert answer.text.endswith("# EOF\n") is ("openmetrics" in accept)


def test_shows_the_privileges_of_a_token() -> None:
    """/privileges lists the token's scopes, sorted, and no intermediary may keep them."""
    answer = call("/privileges", headers={"Authorization": "Bearer good"})

    assert answer.status_code == 200
    assert answer.json() == {"data": {"privileges": ["associations", "etablissements"]}}
    assert answer.headers["cache-control"] == "no-store"


def test_hands_the_token_to_the_authentication() -> None:
    """The token may be in a header, whatever its case, or in the query."""
    guard = Guard()
    app = control(guard=guard)

    assert call("/privileges?token=good", app=app).status_code == 200
    assert call("/privileges", app=app, headers={"AUTHORIZATION": "Bearer good"}).status_code == 200
    assert guard.seen == ["good", "good"]


def test_refuses_privileges_without_a_token() -> None:
    """A refused token is answered with the coded error of the data plane."""
    answer = call("/privileges")

    assert answer.status_code == 401
    assert codes(answer) == ["00101"]


def test_an_internal_error_is_coded() -> None:
    """An unexpected failure gives 00500 without its trace."""

    async def fail(_text: str | None) -> Holder:
        raise RuntimeError("secret detail")

    app = create_control(
        products=PRODUCTS,
        authenticate=fail,
        registry=CollectorRegistry(),
        ready=dict,
        sources=Sources(),
        origin_of=ORIGIN.of,
    )
    answer = call("/privileges", app=app)

    assert answer.status_code == 500
    assert codes(answer) == ["00500"]
    assert "secret" not in answer.text


def test_serves_the_specification() -> None:
    """/openapi.yaml is the document of the catalogue."""
    answer = call("/openapi.yaml")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/yaml")
    assert yaml.safe_load(answer.text) == document(ENTREPRISE)
    assert call("/openapi-current.json").json() == document(ENTREPRISE, current=True)


def test_serves_the_catalogue() -> None:
    """/catalogue.json is the catalogue of the products, on the terms of the deployment."""
    terms = Terms({"limit_json": 7})
    answer = call("/catalogue.json", app=control(terms=terms))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-encoding"] in ("br", "gzip")
    assert answer.json() == catalogue(PRODUCTS, terms)
    assert {each["limit"] for each in answer.json()["operations"] if each["group"] == "json"} == {7}


def test_the_catalogue_is_fetched_once() -> None:
    """Who has the catalogue is told so, and gets no second copy."""
    app = control(products=PRODUCTS[1:])
    first = call("/catalogue.json", app=app)
    again = call("/catalogue.json", app=app, headers={"if-none-match": first.headers["etag"]})

    assert [each["key"] for each in first.json()["products"]] == ["api_particulier"]
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_documentation_loads_from_here_only(path: str) -> None:
    """The page is in French, runs no inline script and names no other host."""
    answer = call(path)

    assert answer.status_code == 200
    assert '<html lang="fr">' in answer.text
    assert "//" not in answer.text
    assert "<script>" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy


LOADED = ("assets/page.js", "assets/page.css", "entreprise/init.js")
LATER = ("assets/swagger-ui-bundle.js", "assets/swagger-ui.css")


@pytest.mark.parametrize("name", LOADED + LATER)
def test_documentation_has_what_it_loads(name: str) -> None:
    """Each file that the page refers to is served, with the type that browsers insist on."""
    app = control()
    answer = call(f"/docs/{name}", app=app)

    assert f'"/docs/{name}"' in call("/docs" if name in LOADED else "/docs/init.js", app=app).text
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css" if name.endswith("css") else "text/javascript")


def test_documentation_uses_the_demo_token() -> None:
    """With a demo token the page authorises itself; the token is written as a JavaScript text."""
    script = call("/docs/init.js", app=control(demo=DemoTokens('a"b', "fc-d"))).text

    assert '"token": "a\\"b", "personToken": "fc-d"' in script
    assert '"address": "/docs/entreprise"' in script
    assert 'href="/documentation/"' in call("/docs", app=control(demo=DemoTokens("a", "b"))).text
    assert "/documentation" not in call("/docs").text


def test_documentation_has_no_token_of_its_own() -> None:
    """Without a demo token the reader authorises the page."""
    assert '"token": null' in call("/docs/init.js").text


def test_documentation_offers_the_products() -> None:
    """Each page leads to those of all products and says which it is, that of the first at two addresses."""
    app = control()
    pages = {product: call(f"/docs/{product.name}", app=app).text for product in PRODUCTS}
    for product, page in pages.items():
        assert f"<title>{product.title} : documentation</title>" in page
        assert f'<a href="/docs/{product.name}" aria-current=page>{product.title}</a>' in page
        assert page.partition("</nav>")[0].count("<li>") == len(PRODUCTS)
        assert page.count("aria-current") == 1
        assert f'href="{product.specification}"' in page
        assert f'"address": "/docs/{product.name}"' in call(f"/docs/{product.name}/init.js", app=app).text
    assert call("/docs", app=app).text == pages[PRODUCTS[0]]
    assert call("/docs/init.js", app=app).text == call(f"/docs/{PRODUCTS[0].name}/init.js", app=app).text


def test_documentation_of_one_product() -> None:
    """Where one product is served there is nothing to choose, and its page is at both addresses."""
    app = control(products=PRODUCTS[1:])
    page = call("/docs", app=app).text
    assert "Choix de l'API" not in page
    assert page == call(f"/docs/{PRODUCTS[1].name}", app=app).text
    assert call(f"/docs/{PRODUCTS[0].name}", app=app).status_code == 404


NOON = 1_800_000_000.0
OK = Answer(status=Status.OK, at=NOON, ok_at=NOON, keep_until=NOON + 60)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (OK, 200, {"status": "ok", "last_ok_status": "2027-01-15T08:00:00+00:00"}),
        (replace(OK, status=Status.BAD, ok_at=None), 502, {"status": "bad_gateway", "last_ok_status": None}),
        (replace(OK, status=Status.UNKNOWN, ok_at=None), 200, {"status": "unknown", "last_ok_status": None}),
        (
            replace(OK, status=Status.MAINTENANCE, until=NOON + 60),
            200,
            {
                "status": "maintenance",
                "last_ok_status": "2027-01-15T08:00:00+00:00",
                "until": "2027-01-15T08:01:00+00:00",
            },
        ),
    ],
    ids=lambda value: value.status.value if isinstance(value, Answer) else "",
)
def test_a_ping(answer: Answer, status: int, body: dict[str, str | None]) -> None:
    """A ping says how a source is, since when, and when it was last well; bad_gateway is a 502 with a body."""
    found = call("/ping/insee/sirene", app=control(answer=answer))

    assert found.status_code == status
    assert found.json() == {"last_update": "2027-01-15T08:00:00+00:00"} | body
    assert found.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("ahead", "seconds"), [(300.0, "10"), (5.5, "5"), (-3.0, "0")])
def test_how_long_a_ping_may_be_kept(ahead: float, seconds: str) -> None:
    """Intermediaries keep an answer for ten seconds at most, and never longer than it stands."""
    answer = replace(OK, keep_until=time.time() + ahead)
    assert (
        call("/ping/insee/sirene", app=control(answer=answer)).headers["cache-control"] == f"public, max-age={seconds}"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/ping/a",
        "/ping/insee/sirene/",
        "/ping/ants",
        "/ping/",
        "/ping//insee/sirene",
        "/api/insee/ping",
        "/api/a%0Ab/ping",
        "/ping/%00",
        "/ping/é",
        "/ping/a%0Ab",
    ],
)
def test_no_such_ping(path: str) -> None:
    """A ping that does not exist is 404 with an empty object, as published."""
    found = call(path, app=control(answer=OK))

    assert (found.status_code, found.json()) == (404, {})
    assert found.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("public_url", "host", "base"),
    [
        (None, "gateway.exemple.fr", "http://gateway.exemple.fr"),
        (None, 'a"<script>', "http://localhost"),
        ("https://api.exemple.fr", "gateway.exemple.fr", "https://api.exemple.fr"),
    ],
)
@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_the_list_of_pings(product: Product, public_url: str | None, host: str, base: str) -> None:
    """The list of a product has absolute addresses, at the gateway's public URL or where it was called."""
    origin = Origin(public_url=public_url, is_trusted=lambda _peer: False)
    found = call(product.pings.index, app=control(origin=origin), headers={"Host": host})

    pings = [ping for provider in product.providers for ping in provider.pings]
    assert [row["name"] for row in found.json()] == [ping.name for ping in pings]
    assert all(row["url"].startswith(base) for row in found.json())
    assert [row["url"].partition(base)[2].partition(":80")[2] or row["url"][len(base) :] for row in found.json()] == [
        product.pings.of(ping) for ping in pings
    ]
    assert found.headers["cache-control"] == "private, max-age=300"


@pytest.mark.parametrize("path", ["/v2/ping", "/v3/ping", "/v4/ping", "/v99/ping", "/api/ping"])
def test_lives_in_every_version(path: str) -> None:
    """The liveness of each version is an empty 200."""
    found = call(path)

    assert (found.status_code, found.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/livez",
        "/readyz",
        "/metrics",
        "/openapi.yaml",
        "/docs",
        "/docs/init.js",
        "/docs/assets/swagger-ui.css",
        "/pings",
    ],
)
def test_answers_head(path: str) -> None:
    """HEAD has the status and type of GET."""
    app = control()
    head, get = call(path, app=app, method="HEAD"), call(path, app=app)

    assert head.status_code == get.status_code == 200
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("status", [Status.OK, Status.BAD])
def test_a_ping_answers_head(status: Status) -> None:
    """HEAD tells a source by its status alone."""
    app = control(answer=replace(OK, status=status))
    head, get = call("/ping/insee/sirene", app=app, method="HEAD"), call("/ping/insee/sirene", app=app)

    assert head.status_code == get.status_code


@pytest.mark.parametrize(
    "path",
    [
        "/livez",
        "/privileges",
        "/docs/init.js",
        "/docs/assets/swagger-ui.css",
        "/pings",
        "/ping/insee/sirene",
        "/v2/ping",
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_refuses_other_methods(path: str, method: str) -> None:
    """Other methods get 405 with Allow and no CORS header, a preflight included."""
    answer = call(path, method=method, headers={"Origin": "http://elsewhere", "Access-Control-Request-Method": "GET"})

    assert answer.status_code == 405
    assert codes(answer) == ["00405"]
    assert answer.headers["allow"] == "GET, HEAD"
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    ["/nope", "/livez/", "/openapi.yml", "/redoc", "/docs/oauth2-redirect", "/docs/assets", "/docs/assets/nope"],
)
def test_unknown_paths_are_coded(path: str) -> None:
    """What is not served is 404 00404, the usual pages of the framework included."""
    answer = call(path)

    assert answer.status_code == 404
    assert codes(answer) == ["00404"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *((path, True) for path in ("/livez", "/readyz", "/metrics", "/privileges", "/openapi.yaml", "/docs")),
        *((path, True) for path in ("/docs/", "/docs/init.js", "/docs/assets/swagger-ui.css")),
        *((path, True) for path in ("/catalogue.json", "/openapi.json", "/openapi-particulier-current.yaml")),
        ("/openapi-current", False),
        *((path, True) for path in ("/pings", "/ping/", "/ping/a", "/ping/a/b/c", "/v2/ping", "/v12/ping")),
        *(
            (path, False)
            for path in ("/ping", "/pings/", "/v0/ping", "/v01/ping", "/v2/a/ping", "/v²/ping", "/vx/ping")
        ),
        *((path, False) for path in ("/", "", "/livez/", "/docsx", "/v2/docs", "/v3/privileges", "/metrics2")),
    ],
)
def test_knows_its_paths(path: str, expected: bool) -> None:
    """The control plane claims its own paths and leaves the others to the catalogue."""
    assert (re.match(control_pattern(PRODUCTS), path) is not None) is expected
