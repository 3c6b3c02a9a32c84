"""The webhooks as a portal serves them, beside its pages."""

import json

import httpx
import pytest
from sqlalchemy import Engine

from apientreprise_gateway.sandbox.datapass.bodies import BODIES, path, signature
from apientreprise_gateway.sandbox.datapass.requests import FictiveRequest
from support.portal import Site, make_site

SECRET = "a secret of datapass"


@pytest.fixture
def site(engine: Engine) -> Site:
    """A portal that DataPass may call."""
    return make_site(engine, settings={"datapass_secrets": f"another,{SECRET}"})


def _send(site: Site, body: bytes, secret: str, at: str) -> httpx.Response:
    return site.client.post(at, content=body, headers={"X-Hub-Signature-256": signature(body, secret)})


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("product", ["entreprise", "particulier"])
def test_a_portal_answers_datapass(site: Site, version: int, product: str) -> None:
    """Each product and form has its path, which asks for no session and no form."""
    event = "validate" if version == 1 else "approve"
    said = BODIES[version](FictiveRequest(product=product), event, int(site.clock.time.timestamp()))
    body, at = json.dumps(said).encode(), path(version, product)
    answer = _send(site, body, SECRET, at)
    assert (answer.status_code, list(answer.json())) == (200, ["token_id"])
    assert _send(site, body, SECRET, at).json() == answer.json()
    assert _send(site, body, "wrong", at).json() == {"error": "Unauthorized"}
    assert site.get(at).status_code == 405
    assert 'portal_webhooks_total{outcome="applied"} 1.0' in site.get("/metrics").text


def test_a_body_that_is_too_long_is_refused(site: Site) -> None:
    """With a status that says so, whoever sends it."""
    assert _send(site, b" " * 10_000_001, SECRET, path(2, "entreprise")).status_code == 413
    assert _send(site, b" " * 12_000_000, SECRET, path(2, "entreprise")).status_code == 413
