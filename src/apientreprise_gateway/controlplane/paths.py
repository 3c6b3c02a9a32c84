"""The paths that belong to the control plane."""

import re
from collections.abc import Iterable
from typing import Final

from apientreprise_gateway.providers.product import KEY, PingPaths, Product

CATALOGUE: Final = "/catalogue.json"
DOCS: Final = "/docs"
METRICS: Final = "/metrics"
LIVE: Final = "/livez"
READY: Final = "/readyz"
ALIVE: Final = PingPaths().alive
"""The page that says that the gateway answers, which is there whatever is served."""
_ALIVE: Final = "/v[1-9][0-9]{0,3}/ping"


def control_pattern(products: Iterable[Product]) -> str:
    """A regular expression that matches, from its start, each path of the control plane of these products."""
    products = tuple(products)
    paths = {LIVE, READY, METRICS, DOCS, CATALOGUE}
    for product in products:
        paths |= {product.errors, product.pings.index, *(each.path for each in product.specifications)}
        paths |= {page.path for page in product.privileges}
        paths |= {product.pings.alive} - {ALIVE}
        paths |= set() if product.own_key is None else {product.own_key}
    whole = "|".join((*map(re.escape, sorted(paths)), _ALIVE))
    pings = sorted({_ping_pattern(product.pings) for product in products})
    return rf"(?:{whole})\Z|{re.escape(DOCS)}/|" + "|".join(pings)


def _ping_pattern(paths: PingPaths) -> str:
    """A regular expression that matches the path of any ping, even of a key that no ping has."""
    start, _, end = map(re.escape, paths.one.partition(KEY))
    return rf"{start}[^/]+{end}\Z" if end else start
