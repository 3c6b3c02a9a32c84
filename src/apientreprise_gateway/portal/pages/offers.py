"""What may be asked for, as a form offers it: each right once, in words, by provider.

Products accept older names of a right beside today's, for tokens that have them; a form offers today's alone.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from apientreprise_gateway.accounts.form_checks import Catalogue
from apientreprise_gateway.accounts.model import ProductKey
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.product import Product

OPEN_DATA: Final = "open_data"
_WAY: Final = re.compile(r",? par (FranceConnect|son INE|son identité|son identifiant)\b.*$")


class Offer(NamedTuple):
    """A right that may be asked for."""

    scope: str
    text: str
    """What it gives, in French."""


class Offered(NamedTuple):
    """The rights of a provider."""

    provider: str
    offers: tuple[Offer, ...]


@lru_cache(8)
def offered(product: Product) -> tuple[Offered, ...]:
    """Every right that may be asked for, provider by provider."""
    told: set[str] = set()
    found = []
    for provider in product.providers:
        offers = [each for each in _of(provider.endpoints) if each.scope not in told]
        told.update(each.scope for each in offers)
        if offers:
            found.append(Offered(provider.name, tuple(offers)))
    return tuple(found)


def _of(endpoints: Iterable[Endpoint]) -> list[Offer]:
    texts: dict[str, dict[str, None]] = {}
    parts: dict[str, str] = {}
    for endpoint in endpoints:
        if endpoint.deprecated:
            continue
        scopes = scopes_of(endpoint)
        for scope in scopes:
            texts.setdefault(scope, {})[_WAY.sub("", endpoint.summary)] = None
            if len(scopes) > 1:
                parts[scope] = _part(scope, scopes)
    return [Offer(scope, _text(scope, list(lines), parts.get(scope))) for scope, lines in texts.items()]


def scopes_of(endpoint: Endpoint) -> tuple[str, ...]:
    """The rights by which an endpoint is asked for: with masks each shows a part, else one opens it."""
    if endpoint.mask is not None:
        return endpoint.scopes
    if OPEN_DATA in endpoint.scopes:
        return (OPEN_DATA,)
    return endpoint.scopes[-1:]


def _part(scope: str, scopes: tuple[str, ...]) -> str:
    """What a right shows of an answer that several share: its name without what all begin with."""
    words = [each.split("_") for each in scopes]
    shared = 0
    while all(len(each) > shared + 1 for each in words) and len({each[shared] for each in words}) == 1:
        shared += 1
    return " ".join(scope.split("_")[shared:])


def _text(scope: str, lines: list[str], part: str | None) -> str:
    if scope == OPEN_DATA:
        return "Toutes les données ouvertes, chez tous les fournisseurs"
    text = " ; ".join(lines)
    return text if part is None else f"{text} : {part}"


def recommended(product: Product, use_case: str) -> frozenset[str]:
    """The rights that a use case needs; none for one that is unknown."""
    case = next((each for each in product.use_cases if each.key == use_case), None)
    operations = frozenset() if case is None else frozenset(case.operations)
    return frozenset(
        scope for endpoint in product.endpoints if endpoint.operation in operations for scope in scopes_of(endpoint)
    )


def catalogue_of(product: Product) -> Catalogue:
    """What a request is checked against."""
    return Catalogue(
        product=ProductKey(product.name),
        scopes=product.scopes,
        use_cases=frozenset(each.key for each in product.use_cases),
    )
