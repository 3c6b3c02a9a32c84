"""Tests of what a product is, and of API Entreprise as a whole."""

import json
from dataclasses import replace
from typing import Any

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import ApiError, Refusal, gateway_error, provider_error, refuse
from apientreprise_gateway.contract.groups import Group, Limit
from apientreprise_gateway.providers.entreprise.errors import TEXTS
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from apientreprise_gateway.providers.product import Versions, passing_of, providers_of
from apientreprise_gateway.providers.products import PRODUCTS

FLAGGED = next(endpoint for endpoint in ENTREPRISE.endpoints if endpoint.gateway_error)
UNFLAGGED = next(endpoint for endpoint in ENTREPRISE.endpoints if endpoint.flat and not endpoint.gateway_error)
ONE = ApiError(code="00101", title="Interdit", detail="Votre jeton…")


def texts(refusal: Refusal, endpoint: Endpoint | None = None) -> Any:
    """The body of a v2 error, read back."""
    status, body = TEXTS.render(refusal, endpoint)
    assert status == refusal.status
    return json.loads(body)


def test_names_of_products() -> None:
    """No two products share a key, a name, or the path of a page."""
    for names in (
        [product.key for product in PRODUCTS],
        [product.name for product in PRODUCTS],
        [path for product in PRODUCTS for path in (product.specification, product.errors)],
    ):
        assert len(set(names)) == len(names)


def test_texts() -> None:
    """In v2 errors are bare texts, all of them, with a flag where the endpoint has one."""
    assert texts(Refusal(401, ONE)) == {"errors": ["Votre jeton…"]}
    assert texts(Refusal(502, ONE), FLAGGED) == {"errors": ["Votre jeton…"], "gateway_error": True}
    assert texts(Refusal(502, ONE), UNFLAGGED) == {"errors": ["Votre jeton…"]}
    assert len(texts(Refusal(422, gateway_error("00201"), gateway_error("00203")))["errors"]) == 2


@pytest.mark.parametrize(
    ("refusal", "flagged"),
    [
        (refuse("00500"), True),
        (refuse("00301"), True),
        (provider_error("003", prefix="01", name="INSEE"), True),
        (provider_error("005", prefix="01", name="INSEE"), False),
        *((refuse(code), False) for code in ("00101", "00100", "00201", "00404", "00429")),
    ],
)
def test_flag(refusal: Refusal, flagged: bool) -> None:
    """The flag of v2 comes with whatever came of asking the provider, not with what was refused before."""
    assert texts(refusal, FLAGGED).get("gateway_error", False) is flagged


@pytest.mark.parametrize(
    ("path", "flat"),
    [
        ("/v2/x", True),
        ("/v2/", True),
        ("/v2", False),
        ("/v20/x", False),
        ("/v3/x", False),
        ("/v99/x", False),
        ("/v²/x", False),
        ("x/v2/x", False),
        ("", False),
    ],
)
def test_error_of_a_path_without_endpoint(path: str, flat: bool) -> None:
    """A path that leads nowhere has the errors of the version it begins with, else those of the newest one."""
    product, version = Versions(PRODUCTS).of(path.encode("latin-1", "replace"))
    assert product is ENTREPRISE
    assert (version.errors is TEXTS) is flat
    assert flat or version.number >= 3


def test_group_of_another_product() -> None:
    """An endpoint whose group is not listed is refused."""
    other = replace(FLAGGED, group=Group("other", Limit("limit_other", 1, "")))
    provider = replace(ENTREPRISE.providers[0], endpoints=(other,), pings=())
    with pytest.raises(ValueError, match="its group other is none of api_entreprise"):
        replace(ENTREPRISE, providers=(provider,))


def test_version_of_another_product() -> None:
    """An endpoint at a version that the product does not have is refused."""
    other = replace(UNFLAGGED, path=UNFLAGGED.path.replace("/v2/", "/api/v2/"))
    provider = replace(ENTREPRISE.providers[0], endpoints=(other,), pings=())
    with pytest.raises(ValueError, match="has no version /api/v2"):
        replace(ENTREPRISE, providers=(provider,))


def test_the_introspection_is_there_once() -> None:
    """What several products have at one path is the first one's, and takes tokens in the ways of all."""
    paths = [endpoint.path for provider in providers_of(PRODUCTS) for endpoint in provider.endpoints]
    assert len(paths) == len(set(paths))
    for product in PRODUCTS:
        assert product.introspection is not None
        alone = {each.path for provider in providers_of([product]) for each in provider.endpoints}
        assert product.introspection.path in alone
        found = passing_of(product.introspection, PRODUCTS)
        assert (found.bearer, found.header, found.parameter) == (True, "X-Api-Key", "token")


def test_where_pings_are() -> None:
    """A product has its pings where its paths say, with the key in its place."""
    found = {product.pings.of(ping) for product in PRODUCTS for each in product.providers for ping in each.pings}
    assert {"/ping/insee/sirene", "/api/ants/ping"} <= found
