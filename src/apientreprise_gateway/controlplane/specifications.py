"""The OpenAPI documents of a product as pages: in YAML and in JSON, with what is deprecated and without."""

from functools import partial
from typing import Final

import orjson

from apientreprise_gateway.controlplane import openapi
from apientreprise_gateway.controlplane.static import CHECKED, StaticAnswer
from apientreprise_gateway.providers.product import Product, Specification

_kept: Final[dict[int, tuple[dict[str, StaticAnswer], Product]]] = {}
"""The pages by the `id` of their product, with the product, so that no other gets its `id`. Made once for all gateways
of a process, as that takes seconds."""


def specifications_of(product: Product) -> dict[str, StaticAnswer]:
    """The pages, by path; each is made when it is first asked for."""
    pages = {each.path: _page(each, product) for each in product.specifications}
    return _kept.setdefault(id(product), (pages, product))[0]


def _page(specification: Specification, product: Product) -> StaticAnswer:
    media_type = "application/json" if specification.is_json else "application/yaml; charset=utf-8"
    return StaticAnswer(partial(_body, specification, product), media_type=media_type, headers=CHECKED)


def _body(specification: Specification, product: Product) -> bytes:
    document = openapi.document(product, current=specification.is_current)
    return orjson.dumps(document) if specification.is_json else openapi.to_yaml(document).encode()
