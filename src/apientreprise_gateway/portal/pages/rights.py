"""What scopes open, in words: the data of each provider, as the products declare them."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

from apientreprise_gateway.providers.product import Product


class Right(NamedTuple):
    """The data of a provider that some scopes open."""

    provider: str
    resources: tuple[str, ...]
    """What it gives, in French, the newest version of each alone."""


def product_named(products: Sequence[Product], name: str) -> Product | None:
    """The product that a habilitation is for."""
    return next((each for each in products if each.name == name), None)


def rights(product: Product | None, scopes: Collection[str]) -> list[Right]:
    """What scopes open, provider by provider."""
    return [] if product is None else list(_rights(product, frozenset(scopes)))


@lru_cache(256)
def _rights(product: Product, scopes: frozenset[str]) -> tuple[Right, ...]:
    found = []
    for provider in product.providers:
        opened = (each for each in provider.endpoints if not each.deprecated and scopes.intersection(each.scopes))
        names = tuple(dict.fromkeys(each.summary for each in opened))
        if names:
            found.append(Right(provider.name, names))
    return tuple(found)


def unknown_scopes(product: Product | None, scopes: Collection[str]) -> list[str]:
    """Scopes that open nothing here, such as those of data that is not served yet."""
    known = frozenset() if product is None else product.scopes
    return [scope for scope in scopes if scope not in known]
