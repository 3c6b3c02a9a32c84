"""Test tokens: what is asked for is given, for an hour; nothing else is."""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
import jwt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.sandbox.app import create_app
from apientreprise_gateway.sandbox.tokens.app import MOST, WINDOW_SECONDS, TokenPages, WithPages
from apientreprise_gateway.sandbox.tokens.order import LONGEST, WrongOrderError, read_order
from apientreprise_gateway.server.application import ConnectionHooks

SECRET = "0123456789abcdef" * 4
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
TOKENS = "/sandbox/tokens"
BASE = "http://127.0.0.1:8080"


class _Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> _Clock:
    """Seconds, which stand still."""
    return _Clock()


@pytest.fixture
def client(clock: _Clock) -> httpx.AsyncClient:
    """A client of a sandbox that has the pages of test tokens."""
    tokens = TokenPages(
        PRODUCTS, secret=SECRET, base=BASE, persons={"Claire <Martin>": "abc"}, now=lambda: NOW, clock=clock
    )
    app = WithPages(create_app(products=PRODUCTS), tokens.pages)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sandbox")


def _claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})


async def test_a_token_of_chosen_scopes(client: httpx.AsyncClient) -> None:
    """The token has the scopes that are named, for an hour, and the demonstration's signature."""
    given = {"product": "api_particulier", "scopes": ["cnous_email", "cnous_ine"]}
    response = await client.post(TOKENS, json=given)
    body = response.json()
    assert response.status_code == 201
    assert (body["scopes"], body["products"]) == (given["scopes"], ["api_particulier"])
    assert (body["expires_in"], body["expires_at"]) == (3600, "2026-12-01T10:30:00+00:00")
    claims = _claims(body["token"])
    assert claims["scopes"] == given["scopes"]
    assert claims["exp"] == int((NOW + timedelta(hours=1)).timestamp())
    assert body["curl"].startswith(f"curl -H 'Authorization: Bearer {body['token']}' '{BASE}/v5/cnous/")
    assert "recipient=" in body["curl"]
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("given", "scopes"),
    [
        ({}, {scope for product in PRODUCTS for scope in product.scopes}),
        ({"product": "particulier"}, PARTICULIER.scopes),
        ({"product": "api_particulier", "scopes": []}, PARTICULIER.scopes),
        ({"scopes": "cnous_email, cnous_ine"}, {"cnous_email", "cnous_ine"}),
        ({"scopes": ["cnous_email", "cnous_email"]}, {"cnous_email"}),
    ],
)
async def test_what_is_left_out(client: httpx.AsyncClient, given: Any, scopes: set[str]) -> None:
    """Without product or scopes there are all of them; a text may list scopes."""
    response = await client.post(TOKENS, json=given)
    assert set(response.json()["scopes"]) == scopes
    assert response.status_code == 201


async def test_no_body_is_an_order(client: httpx.AsyncClient) -> None:
    """`curl -X POST` alone gets a token with every scope."""
    response = await client.post(TOKENS)
    assert set(_claims(response.json()["token"])["scopes"]) == {scope for each in PRODUCTS for scope in each.scopes}


_WRONG = [
    (b"{", "application/json"),
    (b"[]", "application/json"),
    (b"null", "application/json"),
    (b"\xff", "application/json"),
    (b"scopes=%FF", "application/x-www-form-urlencoded"),
    (b"a=b&" * 2000, "application/x-www-form-urlencoded"),
    (b'{"product": "autre-chose"}', "application/json"),
    (b'{"product": []}', "application/json"),
    (b'{"scopes": "secretissime"}', "application/json"),
    (b'{"scopes": {"secretissime": 1}}', "application/json"),
    (b'{"scopes": [1]}', "application/json"),
    (b'{"product": "api_particulier", "scopes": ["unites_legales_etablissements_insee"]}', "application/json"),
    (b"<xml>", "text/xml"),
    (b" " * LONGEST + b"{}", "application/json"),
]


@pytest.mark.parametrize(("body", "kind"), _WRONG)
async def test_a_wrong_order(client: httpx.AsyncClient, body: bytes, kind: str) -> None:
    """What cannot be met gets a coded error that repeats nothing; a browser gets the form again."""
    response = await client.post(TOKENS, content=body, headers={"content-type": kind})
    assert response.status_code == 400
    assert [error["code"] for error in response.json()["errors"]] == ["00401"]
    assert "secretissime" not in response.text
    page = await client.post(TOKENS, content=body, headers={"content-type": kind, "accept": "text/html"})
    assert page.status_code == 400
    assert 'role="alert"' in page.text


@given(st.binary(max_size=200), st.sampled_from(["application/json", "application/x-www-form-urlencoded", "", "x"]))
def test_any_bytes_are_an_order_or_wrong(body: bytes, kind: str) -> None:
    """Nothing that is sent breaks the reading."""
    with contextlib.suppress(WrongOrderError):
        assert read_order(body, kind, PRODUCTS).scopes


async def test_other_methods(client: httpx.AsyncClient) -> None:
    """Tokens are posted for, pages are read."""
    for method, path, allowed in (("GET", TOKENS, "POST"), ("PUT", TOKENS, "POST"), ("POST", "/sandbox", "GET, HEAD")):
        response = await client.request(method, path)
        assert (response.status_code, response.headers["allow"]) == (405, allowed)
        assert response.json()["errors"][0]["code"] == "00405"


async def test_the_rate_is_bounded(client: httpx.AsyncClient, clock: _Clock) -> None:
    """So many tokens a minute, then 429 until the first is a minute old."""
    order = {"scopes": "cnous_ine"}
    for _ in range(MOST):
        assert (await client.post(TOKENS, json=order)).status_code == 201
    clock.seconds = WINDOW_SECONDS - 2.5
    response = await client.post(TOKENS, json=order)
    assert (response.status_code, response.headers["retry-after"]) == (429, "3")
    clock.seconds = WINDOW_SECONDS
    assert (await client.post(TOKENS, json=order)).status_code == 201


class _Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.tags if name == tag)


async def test_the_page_offers_every_scope(client: httpx.AsyncClient) -> None:
    """A form for each product, a box for each scope; nothing of another host, and no script."""
    response = await client.get("/sandbox")
    page = _Page(response.text)
    boxes = [box["value"] for box in page.all("input") if box["type"] == "checkbox"]
    assert boxes == [scope for product in PRODUCTS for scope in sorted(product.scopes)]
    assert len(list(page.all("form"))) == len(PRODUCTS)
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {str(link["href"])[1:] for link in page.all("a") if str(link["href"]).startswith("#")} == ids
    assert "width=device-width" in response.text
    assert not list(page.all("script"))
    assert not re.search(r'(?:src|href|action)="(?!/|#|data:)', response.text)
    assert "'unsafe" not in response.headers["content-security-policy"]
    assert "Claire &lt;Martin&gt;" in response.text
    (style,) = (link["href"] for link in page.all("link") if link["rel"] == "stylesheet")
    assert (await client.get(str(style))).headers["content-type"].startswith("text/css")


async def test_the_form_shows_a_token(client: httpx.AsyncClient) -> None:
    """What the form sends gets a page with the token, its rights and a call to paste."""
    order = {"product": "api_particulier", "scopes": ["cnaf_enfants", "cnaf_adresse"]}
    response = await client.post(TOKENS, data=order, headers={"accept": "text/html,*/*"})
    assert response.status_code == 201
    found = re.search(r'<textarea id="token"[^>]*>([^<]+)<', response.text)
    assert found
    assert _claims(found[1])["scopes"] == ["cnaf_adresse", "cnaf_enfants"]
    assert "curl -H" in response.text
    assert "01/12/2026 à 11 h 30" in response.text


def test_the_server_leaves_pages_to_asgi() -> None:
    """What the application answers without ASGI's messages is not what the pages are at, whatever its hooks are."""
    app = create_app(products=PRODUCTS)
    app.hooks = ConnectionHooks(takes=lambda _path: True)
    beside = WithPages(app, TokenPages(PRODUCTS, secret=SECRET, base=BASE).pages)
    assert (bool(beside.hooks.takes(TOKENS)), bool(beside.hooks.takes("/v3"))) == (False, True)
    assert beside.hooks is beside.hooks
    app.hooks = ConnectionHooks()
    assert not beside.hooks.takes("/v3")


async def test_the_rest_is_the_application_s(client: httpx.AsyncClient) -> None:
    """Other paths are answered as without the pages."""
    assert (await client.get("/livez")).json() == {"status": "ok"}
    assert orjson.loads((await client.get("/sandbox/autre")).content) == {"message": "Service inconnu"}
