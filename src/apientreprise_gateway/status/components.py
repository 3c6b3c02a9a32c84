"""The components of the status page: each API, the account side, and each source of data, named as by pings.

Their ids are in addresses, feeds and the database: what they are made of never changes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from apientreprise_gateway.providers.product import Product

OURS: Final = "ours"
"""The trouble that is the gateway's own; that of a source is named by the key of its provider."""


class Kind(StrEnum):
    """What a component is."""

    API = "api"
    ACCOUNT = "account"
    SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of the service whose availability is told."""

    id: str
    """In addresses: `insee-sirene`."""
    name: str
    kind: Kind
    description: str
    group: str | None = None
    """The name of the provider, for a source."""
    provider: str | None = None
    """The key of the provider, for a source."""
    product: str | None = None
    """The key of the product, as access lines name it."""
    path: str | None = None
    """Where the gateway is asked about it."""
    operations: frozenset[str] = frozenset()
    """Of a source: the operations whose calls show it."""
    promise: float | None = None
    """The share of time that it is promised to work, of 1."""

    @property
    def trouble(self) -> str:
        """Whose trouble it is if it does not work: incidents are opened for all that is one's together."""
        return self.provider or (OURS if self.kind is Kind.API else self.kind.value)


ACCOUNT: Final = Component(
    id="compte", name="Espace compte", kind=Kind.ACCOUNT, description="Demandes, jetons et suivi des appels."
)
_PROMISES: Final = {"api_entreprise": 0.995, "api_particulier": 0.95}


def components_of(products: Iterable[Product]) -> tuple[Component, ...]:
    """All components, in the order in which pages show them.

    Raises:
        ValueError: two have the same id.
    """
    products = tuple(products)
    found = (*map(_api, products), ACCOUNT, *(each for product in products for each in _sources(product)))
    ids = [component.id for component in found]
    if len(set(ids)) < len(ids):
        raise ValueError(f"two components are called {next(each for each in ids if ids.count(each) > 1)}")
    return found


def _api(product: Product) -> Component:
    return Component(
        id=f"api-{product.name}",
        name=product.title,
        kind=Kind.API,
        description="La passerelle : elle répond, et ses propres erreurs sont rares.",
        product=product.key,
        path=product.pings.index,
        promise=_PROMISES.get(product.key),
    )


def _sources(product: Product) -> Iterator[Component]:
    for provider in product.providers:
        for ping in provider.pings:
            yield Component(
                id=ping.key.replace("/", "-").replace("_", "-"),
                name=ping.name,
                kind=Kind.SOURCE,
                description=f"Source de données d’{product.title}, tenue par {provider.name}.",
                group=provider.name,
                provider=provider.key,
                product=product.key,
                path=product.pings.of(ping),
                operations=frozenset(
                    endpoint.operation for endpoint in provider.endpoints if ping.covers(endpoint.operation)
                ),
            )
