"""The documentation: for each product its OpenAPI document, and a page of Swagger UI that shows it.

Each page is below `/docs`, at the name of its product; that of the first one is at `/docs` as well. Where there are
several, the choice is at the top of each page. Nothing they need is on another host.
"""

import json
from functools import cache
from html import escape
from importlib import resources
from typing import Final

from apientreprise_gateway.controlplane import openapi
from apientreprise_gateway.controlplane.paths import DOCS
from apientreprise_gateway.controlplane.specifications import specifications_of
from apientreprise_gateway.controlplane.static import CHECKED, StaticAnswer
from apientreprise_gateway.providers.product import Product

NOT_KEPT: Final = {"Cache-Control": "no-store"}
_SCRIPT: Final = "text/javascript; charset=utf-8"
_STYLES: Final = "text/css; charset=utf-8"
_ASSETS: Final = {"swagger-ui-bundle.js": _SCRIPT, "swagger-ui.css": _STYLES}

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
<link rel="stylesheet" href="%(docs)s/assets/page.css">
</head>
<body>
%(choice)s<div id="swagger-ui"></div>
<noscript>Cette page a besoin de JavaScript. La description de l'API : <a href="%(specification)s">%(specification)s</a>.</noscript>
<script src="%(docs)s/assets/swagger-ui-bundle.js"></script>
<script src="%(address)s/init.js"></script>
</body>
</html>
"""  # noqa: E501 - one sentence of HTML

_OWN_STYLES: Final = """\
body { margin: 0; }
#products { background: #fff; border-bottom: 1px solid #d8dde7; font-family: sans-serif; }
#products ul { display: flex; flex-wrap: wrap; gap: 0 8px; list-style: none; margin: 0 auto; max-width: 1460px;
  padding: 0 20px; }
#products a { border-bottom: 4px solid transparent; color: #3b4151; display: block; font-size: 16px; line-height: 24px;
  padding: 12px 8px 8px; text-decoration: none; }
#products a:hover, #products a:focus-visible { border-color: #8a94a8; }
#products a[aria-current] { border-color: #000091; color: #000091; font-weight: bold; }
/* Long paths and texts break, so that no page is wider than a telephone. */
.swagger-ui .opblock-summary-path, .swagger-ui .markdown code, .swagger-ui .markdown p, .swagger-ui .renderedMarkdown p
  { overflow-wrap: anywhere; word-break: break-word; }
@media (max-width: 640px) {
  .swagger-ui .wrapper, .swagger-ui .responses-inner { padding: 0 10px; }
  .swagger-ui .opblock .opblock-summary { flex-wrap: wrap; }
  .swagger-ui .opblock .opblock-summary-path { max-width: 100%; }
  .swagger-ui table.parameters, .swagger-ui table.parameters tbody, .swagger-ui table.parameters tr,
  .swagger-ui table.parameters td, .swagger-ui table.responses-table, .swagger-ui table.responses-table tbody,
  .swagger-ui table.responses-table tr, .swagger-ui table.responses-table td { display: block; width: auto; }
  .swagger-ui table.parameters thead, .swagger-ui table.responses-table thead,
  .swagger-ui table.responses-table td.response-col_links { display: none; }
  .swagger-ui .parameters-col_description input, .swagger-ui .parameters-col_description select { max-width: 100%; }
  .swagger-ui .responses-table select { max-width: calc(100vw - 60px); }
  .swagger-ui .highlight-code { max-width: calc(100vw - 60px); overflow-x: auto; }
}
"""

_SCRIPT_TEXT: Final = """\
"use strict";
const specification = %(specification)s;
const schemes = %(schemes)s;
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
      for (const scheme of schemes) {
        ui.preauthorizeApiKey(scheme, demoToken);
      }
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
    answers = {f"{DOCS}/assets/{name}": _asset(name, media_type) for name, media_type in _ASSETS.items()}
    answers[f"{DOCS}/assets/page.css"] = StaticAnswer(_OWN_STYLES.encode, media_type=_STYLES, headers=CHECKED)
    for product in products:
        answers |= _pages_of(product, products, demo_token)
    first = _address(products[0])
    return answers | {path.replace(first, DOCS, 1): answers[path] for path in (first, f"{first}/", f"{first}/init.js")}


def _address(product: Product) -> str:
    return f"{DOCS}/{product.name}"


def _pages_of(product: Product, products: tuple[Product, ...], demo_token: str | None) -> dict[str, StaticAnswer]:
    address = _address(product)
    values = {"docs": DOCS, "address": address, "specification": product.specification, "title": escape(product.title)}
    text = _PAGE % (values | {"choice": _choice(product, products) if len(products) > 1 else ""})
    page = StaticAnswer(text.encode, media_type="text/html; charset=utf-8", headers=_HEADERS)
    script = _script(product, demo_token).encode
    return {
        **specifications_of(product),
        address: page,
        f"{address}/": page,
        f"{address}/init.js": StaticAnswer(script, media_type=_SCRIPT, headers=NOT_KEPT),
    }


def _choice(shown: Product, products: tuple[Product, ...]) -> str:
    """Links to the pages of all products, on the page of one."""
    items = [
        f'<li><a href="{_address(each)}"{" aria-current=page" if each is shown else ""}>{escape(each.title)}</a></li>'
        for each in products
    ]
    return f'<nav id="products" aria-label="Choix de l\'API"><ul>{"".join(items)}</ul></nav>\n'


@cache
def _asset(name: str, media_type: str) -> StaticAnswer:
    """A file of Swagger UI."""
    file = resources.files("fastapi_offline") / "static" / name
    return StaticAnswer(file.read_bytes, media_type=media_type, headers=CHECKED)


def _script(product: Product, demo_token: str | None) -> str:
    # The specification comes from this same server: no validator elsewhere is asked about it (validatorUrl).
    schemes = [openapi.BEARER, openapi.OWN_HEADER]
    values = {"specification": product.specification, "schemes": schemes, "token": demo_token}
    return _SCRIPT_TEXT % {name: json.dumps(value) for name, value in values.items()}
