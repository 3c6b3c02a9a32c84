"""A call to paste, that a token opens."""

import shlex
from collections.abc import Collection, Iterator
from urllib.parse import quote, urlencode

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode
from apientreprise_gateway.contract.traceability import required_of
from apientreprise_gateway.providers.product import Product


def curl_for(token: str, scopes: Collection[str], products: tuple[Product, ...], base: str) -> str:
    """A line of shell that calls the newest operation that a token opens; empty if it opens none.

    Args:
        token: the token.
        scopes: those of the token.
        products: where to look for an operation, in this order.
        base: URL of the gateway.
    """
    opened = [
        (product, endpoint)
        for product in products
        for endpoint in product.endpoints
        if _is_plain(endpoint) and not set(scopes).isdisjoint(endpoint.scopes)
    ]
    if not opened:
        return ""
    product, endpoint = max(opened, key=lambda each: (not each[1].deprecated, each[1].version))
    passing = product.version_of(endpoint).token
    header = f"Authorization: Bearer {token}" if passing.bearer else f"{passing.header}: {token}"
    return f"curl -H {shlex.quote(header)} {shlex.quote(base + _target(product, endpoint))}"


def _is_plain(endpoint: Endpoint) -> bool:
    return endpoint.person is None or endpoint.person.mode is not CallMode.FRANCE_CONNECT


def _target(product: Product, endpoint: Endpoint) -> str:
    path = endpoint.path
    for parameter in endpoint.parameters:
        path = path.replace("{" + parameter.name + "}", quote(parameter.kind.example, safe=""))
    query = list(_query(product, endpoint))
    return f"{path}?{urlencode(query)}" if query else path


def _query(product: Product, endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """The parameters that a call needs, with their examples."""
    if endpoint.person is not None:
        yield from ((each.name, each.example) for each in endpoint.person.parameters if each.example)
    for name in required_of(endpoint, product.version_of(endpoint).traceability, user_id_required=True):
        yield name, product.texts.traceability[name].example
