"""The documentation: for each product its OpenAPI documents, and a page that lists its operations.

Each page is below `/docs`, at the name of its product; that of the first one is at `/docs` as well. Where there are
several, the choice is at the top of each page. Nothing they need is on another host.

The list is ready HTML, so that it is there at once; Swagger UI is loaded for the first operation that is opened, and is
given that operation alone (ADR 29).
"""

import json
from functools import cache, partial
from importlib import resources
from typing import Final, NamedTuple

import orjson

from apientreprise_gateway.controlplane import openapi, site
from apientreprise_gateway.controlplane.docs import operations
from apientreprise_gateway.controlplane.docs.page import html
from apientreprise_gateway.controlplane.paths import DOCS
from apientreprise_gateway.controlplane.specifications import specifications_of
from apientreprise_gateway.controlplane.static import CHECKED, StaticAnswer
from apientreprise_gateway.providers.product import Product

NOT_KEPT: Final = {"Cache-Control": "no-store"}
_SCRIPT: Final = "text/javascript; charset=utf-8"
_STYLES: Final = "text/css; charset=utf-8"
_ASSETS: Final = {
    "swagger-ui-bundle.js": ("fastapi_offline", "static/swagger-ui-bundle.js", _SCRIPT),
    "swagger-ui.css": ("fastapi_offline", "static/swagger-ui.css", _STYLES),
    "page.js": (__name__, "page.js", _SCRIPT),
    "page.css": (__name__, "page.css", _STYLES),
}
"""Package, path in it and type of each file, by name."""

_HEADERS: Final = {
    "Cache-Control": "no-cache",
    # Swagger UI draws with data: images; it needs neither inline scripts nor inline styles.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class DemoTokens(NamedTuple):
    """Tokens that pages use by themselves. They are public: for the demo only."""

    caller: str
    person: str
    """An access token of FranceConnect."""


def docs_pages(products: tuple[Product, ...], demo: DemoTokens | None) -> dict[str, StaticAnswer]:
    """The answers of the documentation, by path.

    Args:
        products: in the order in which pages offer them.
        demo: tokens that pages use by themselves; None for none.
    """
    answers = {f"{DOCS}/assets/{name}": _asset(*where) for name, where in _ASSETS.items()}
    for product in products:
        answers |= _pages_of(product, products, demo)
    first = _address(products[0])
    return answers | {path.replace(first, DOCS, 1): answers[path] for path in (first, f"{first}/", f"{first}/init.js")}


def _address(product: Product) -> str:
    return f"{DOCS}/{product.name}"


def _pages_of(product: Product, products: tuple[Product, ...], demo: DemoTokens | None) -> dict[str, StaticAnswer]:
    address = _address(product)
    text = partial(
        html, product, products, docs=DOCS, address=address, guides=None if demo is None else f"{site.PATH}/"
    )
    page = StaticAnswer(text, media_type="text/html; charset=utf-8", headers=_HEADERS)
    script = partial(_script, address, demo)
    return {
        **specifications_of(product),
        **_details_of(product),
        address: page,
        f"{address}/": page,
        f"{address}/init.js": StaticAnswer(script, media_type=_SCRIPT, headers=NOT_KEPT),
    }


@cache
def _details_of(product: Product) -> dict[str, StaticAnswer]:
    """What the page of a product asks for later: each operation alone, and the words by which they are found."""
    address = _address(product)
    found = {
        f"{address}/operations/{name}.json": partial(operations.alone, product, name)
        for name in operations.names(product)
    }
    found[f"{address}/words.json"] = partial(operations.words, product)
    return {path: _json(make) for path, make in found.items()}


def _json(make: "partial[openapi.Json]") -> StaticAnswer:
    return StaticAnswer(lambda: orjson.dumps(make()), media_type="application/json", headers=CHECKED)


@cache
def _asset(package: str, name: str, media_type: str) -> StaticAnswer:
    """A file that pages load."""
    return StaticAnswer(resources.files(package).joinpath(name).read_bytes, media_type=media_type, headers=CHECKED)


def _script(address: str, demo: DemoTokens | None) -> bytes:
    """What the script of the page is told."""
    told = {
        "address": address,
        "library": f"{DOCS}/assets/swagger-ui-bundle.js",
        "styles": f"{DOCS}/assets/swagger-ui.css",
        "personScheme": openapi.FRANCE_CONNECT,
        "token": None if demo is None else demo.caller,
        "personToken": None if demo is None else demo.person,
    }
    return f'"use strict";\nwindow.reference = {json.dumps(told)};\n'.encode()
