"""The paths that belong to the control plane."""

import re
from collections.abc import Iterable
from typing import Final

from apientreprise_gateway.controlplane.pings import PING, PINGS
from apientreprise_gateway.providers.product import Product

DOCS: Final = "/docs"
METRICS: Final = "/metrics"
LIVE: Final = "/livez"
READY: Final = "/readyz"
_ALIVE: Final = "/v[1-9][0-9]{0,3}/ping"


def control_pattern(products: Iterable[Product]) -> str:
    """A regular expression that matches, from its start, each path of the control plane of these products."""
    paths = {LIVE, READY, METRICS, DOCS, PINGS}
    for product in products:
        paths |= {product.specification, product.errors, *(page.path for page in product.privileges)}
    whole = "|".join((*map(re.escape, sorted(paths)), _ALIVE))
    return rf"(?:{whole})\Z|{re.escape(DOCS)}/|{re.escape(PING)}"
