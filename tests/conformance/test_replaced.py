"""What takes the place of deprecated operations, against what is published of it."""

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS
from conformance.conftest import load_operations, load_particulier

PUBLISHED = load_operations() | {operation["uid"]: operation for operation in load_particulier()}
DEPRECATED = [
    pytest.param(product, endpoint, id=endpoint.operation)
    for product in PRODUCTS
    for endpoint in product.endpoints
    if endpoint.deprecated and endpoint.operation in PUBLISHED
]


def named(endpoint: Endpoint, product: Product) -> list[Endpoint]:
    """The endpoints that the reference names, as paths or as entries of its catalogue."""
    published = PUBLISHED[endpoint.operation]
    path = (published.get("replaced_by_path") or "").partition(" ")[0]
    entries = published.get("replaced_by") or ()
    return [
        each
        for each in product.endpoints
        if each.path == path or PUBLISHED.get(each.operation, {}).get("catalogue_uid") in entries
        if is_called_alike(endpoint, each)
    ]


def is_called_alike(older: Endpoint, newer: Endpoint) -> bool:
    """Whether a person is found by the same means; an entry of the published catalogue has all of them."""
    if older.person is None or newer.person is None or older.person.mode is CallMode.QUERY:
        return True
    return older.person.mode is newer.person.mode


@pytest.mark.parametrize(("product", "endpoint"), DEPRECATED)
def test_replaced_as_published(product: Product, endpoint: Endpoint) -> None:
    """What is published to replace an operation is what we name or, where that is deprecated too, what replaces it."""
    ours = {each.operation for each in product.newer_than(endpoint)}
    for each in named(endpoint, product):
        latest = product.newer_than(each) if each.deprecated else (each,)
        assert ours.issuperset(new.operation for new in latest)
