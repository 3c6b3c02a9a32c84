"""Tests of FranceConnect as the sandbox plays it."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from apientreprise_gateway.auth.france_connect.claims import read
from apientreprise_gateway.auth.france_connect.own_key import OwnKey
from apientreprise_gateway.auth.keys import KeyRing, read_jwks
from apientreprise_gateway.auth.token import signed_claims
from apientreprise_gateway.contract.lifetime import today
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.sandbox.app import create_app
from apientreprise_gateway.sandbox.france_connect import (
    CLIENT,
    GATEWAY_KEY,
    INTROSPECTION,
    KEYS,
    PREFIX,
    SPECIALS,
    TOKENS,
    FranceConnect,
)
from apientreprise_gateway.sandbox.particulier.persons import PERSONS

NOW = 1_795_000_000.0
PLAYED = FranceConnect(PRODUCTS, sleep=asyncio.sleep, now=lambda: NOW)


@pytest.fixture
def client() -> httpx.AsyncClient:
    """A client of the sandbox."""
    app: Any = create_app(products=PRODUCTS, pages=PLAYED.pages)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sandbox")


async def _introspect(client: httpx.AsyncClient, **changes: str) -> httpx.Response:
    form = {"client_id": CLIENT[0], "client_secret": CLIENT[1], "token": f"{PREFIX}claire-martin"} | changes
    return await client.post(INTROSPECTION, data=form)


async def _said(client: httpx.AsyncClient, token: str) -> dict[str, Any]:
    """What is said of a token, as a gateway with the keys of the pages reads it."""
    own = OwnKey((await client.get(GATEWAY_KEY)).content)
    keys = KeyRing(read_jwks((await client.get(KEYS)).content, "sandbox").keys)
    claims = signed_claims(own.decrypt((await _introspect(client, token=token)).content).decode(), keys)
    assert claims is not None
    return claims


@pytest.mark.parametrize("person", PERSONS, ids=lambda each: each.key)
async def test_each_person_has_a_token(client: httpx.AsyncClient, person: Any) -> None:
    """The token of a person gives its whole pivot identity, with every scope that FranceConnect may open."""
    found = read(await _said(client, PREFIX + person.key), now=NOW, today=today())
    assert found.person.identity.birth_name == person.birth_name
    assert found.person.identity.first_names == person.first_names
    assert found.expires_at == NOW + 60
    assert {"cnaf_quotient_familial", "mesri_admissions"} <= found.scopes


async def test_a_token_with_some_scopes(client: httpx.AsyncClient) -> None:
    """Scopes may be named in the token."""
    found = read(await _said(client, f"{PREFIX}claire-martin~cnaf_enfants~cnous_email"), now=NOW, today=today())
    assert found.scopes == {"openid", "identite_pivot", "cnaf_enfants", "cnous_email"}


async def test_who_asks_is_known(client: httpx.AsyncClient) -> None:
    """Another client id or secret is 401, nothing asked about is 400, as FranceConnect answers."""
    assert (await _introspect(client, client_id="another")).status_code == 401
    wrong = await _introspect(client, client_secret="another")
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
    assert (await _introspect(client, token="")).status_code == 400
    assert (await client.get(INTROSPECTION)).status_code == 405
    assert (await client.post(KEYS)).status_code == 405


async def test_tokens_are_listed(client: httpx.AsyncClient) -> None:
    """All tokens and scopes are on one page."""
    listed = orjson.loads((await client.get(TOKENS)).content)
    assert {each["cle"] for each in listed["jetons"]} == {person.key for person in PERSONS}
    assert {each["jeton"] for each in listed["jetons_speciaux"]} == {PREFIX + name for name in SPECIALS}
    assert set(PLAYED.tokens.values()) == {each["jeton"] for each in listed["jetons"]}
    assert "cnous_email" in listed["droits"]


@pytest.mark.parametrize("name", SPECIALS)
def test_special_tokens_are_documented(name: str) -> None:
    """The page about the sandbox has each special token, with what comes of it."""
    page = (Path(__file__).parents[3] / "docs" / "bac-a-sable.md").read_text()
    assert f"| `{PREFIX}{name}` | {SPECIALS[name]} |" in page
