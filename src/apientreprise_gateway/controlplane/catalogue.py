"""The catalogue as a page: the same for everybody, made when it is first asked for."""

import orjson

from apientreprise_gateway.catalogue.document import Terms, catalogue
from apientreprise_gateway.controlplane.static import CHECKED, StaticAnswer
from apientreprise_gateway.providers.product import Product


def catalogue_answer(products: tuple[Product, ...], terms: Terms) -> StaticAnswer:
    """The catalogue of these products in JSON."""
    return StaticAnswer(
        lambda: orjson.dumps(catalogue(products, terms)), media_type="application/json", headers=CHECKED
    )
