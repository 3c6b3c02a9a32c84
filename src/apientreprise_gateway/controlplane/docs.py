"""The documentation: for each product its OpenAPI document, and a page of Swagger UI that shows it.

The page of the first product is at `/docs`, those of others below it; where there are several, each page leads to all.
Nothing they need is on another host.
"""

import json
from functools import cache
from html import escape
from importlib import resources
from typing import Final

from apientreprise_gateway.controlplane import openapi
from apientreprise_gateway.controlplane.paths import DOCS
from apientreprise_gateway.controlplane.static import StaticAnswer
from apientreprise_gateway.providers.product import Product

NOT_KEPT: Final = {"Cache-Control": "no-store"}
_CHECKED: Final = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
"""Headers of answers that may be cached if each use is revalidated."""
_SCRIPT: Final = "text/javascript; charset=utf-8"
_ASSETS: Final = {"swagger-ui-bundle.js": _SCRIPT, "swagger-ui.css": "text/css; charset=utf-8"}

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

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%(title)s : documentation</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="%(docs)s/assets/swagger-ui.css">
</head>
<body>
%(choice)s<div id="swagger-ui"></div>
<noscript>Cette page a besoin de JavaScript. La description de l'API : <a href="%(specification)s">%(specification)s</a>.</noscript>
<script src="%(docs)s/assets/swagger-ui-bundle.js"></script>
<script src="%(address)s/init.js"></script>
</body>
</html>
"""  # noqa: E501 - one sentence of HTML

_SCRIPT_TEXT: Final = """\
"use strict";
const specification = %(specification)s;
const scheme = %(scheme)s;
const demoToken = %(token)s;
const ui = SwaggerUIBundle({
  url: specification,
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  onComplete: () => {
    if (demoToken !== null) {
      ui.preauthorizeApiKey(scheme, demoToken);
    }
  },
});
"""


def docs_pages(products: tuple[Product, ...], demo_token: str | None) -> dict[str, StaticAnswer]:
    """The answers of the documentation, by path.

    Args:
        products: in the order in which pages offer them.
        demo_token: a token that pages use by themselves. It is public: for the demo only.
    """
    assets = {f"{DOCS}/assets/{name}": _asset(name, media_type) for name, media_type in _ASSETS.items()}
    addresses = [DOCS, *(f"{DOCS}/{product.name}" for product in products[1:])]
    choice = _choice(products, addresses) if len(products) > 1 else ""
    answers = dict(assets)
    for product, address in zip(products, addresses, strict=True):
        answers |= _pages_of(product, address, choice, demo_token)
    return answers


def _pages_of(product: Product, address: str, choice: str, demo_token: str | None) -> dict[str, StaticAnswer]:
    values = {"docs": DOCS, "address": address, "specification": product.specification, "title": escape(product.title)}
    text = _PAGE % (values | {"choice": choice})
    page = StaticAnswer(text.encode, media_type="text/html; charset=utf-8", headers=_HEADERS)
    script = _script(product, demo_token).encode
    return {
        product.specification: _specification(product),
        address: page,
        f"{address}/": page,
        f"{address}/init.js": StaticAnswer(script, media_type=_SCRIPT, headers=NOT_KEPT),
    }


def _choice(products: tuple[Product, ...], addresses: list[str]) -> str:
    """Links to the pages of all products."""
    links = [
        f'<a href="{address}">{escape(product.title)}</a>' for product, address in zip(products, addresses, strict=True)
    ]
    return f"<nav>{' · '.join(links)}</nav>\n"


_specifications: Final[dict[int, tuple[StaticAnswer, Product]]] = {}
"""OpenAPI documents by the `id` of their product, with the product, so that no other gets its `id`. Made once for all
gateways of a process, as that takes seconds."""


def _specification(product: Product) -> StaticAnswer:
    answer = StaticAnswer(
        lambda: openapi.to_yaml(openapi.document(product)).encode(),
        media_type="application/yaml; charset=utf-8",
        headers=_CHECKED,
    )
    return _specifications.setdefault(id(product), (answer, product))[0]


@cache
def _asset(name: str, media_type: str) -> StaticAnswer:
    """A file of Swagger UI."""
    file = resources.files("fastapi_offline") / "static" / name
    return StaticAnswer(file.read_bytes, media_type=media_type, headers=_CHECKED)


def _script(product: Product, demo_token: str | None) -> str:
    # The specification comes from this same server: no validator elsewhere is asked about it (validatorUrl).
    values = {"specification": product.specification, "scheme": openapi.BEARER, "token": demo_token}
    return _SCRIPT_TEXT % {name: json.dumps(value) for name, value in values.items()}
