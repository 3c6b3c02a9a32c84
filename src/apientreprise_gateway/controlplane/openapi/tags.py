"""The tags of an OpenAPI document: one for each provider, and those of what the gateway itself answers."""

from collections.abc import Collection, Iterator
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.controlplane.openapi import nomenclature, pings, tokens
from apientreprise_gateway.controlplane.openapi.components import Json
from apientreprise_gateway.providers.product import Product

_OF_DOSSIER: Final = "Plusieurs ressources d'une entreprise, demandées aux fournisseurs en un seul appel."
_OF_TOKENS: Final = "Ce que la passerelle sait du jeton de l'appel : ses droits, sa validité."
_OF_ERRORS: Final = "Tous les codes d'erreur et leurs textes, pour les programmes."
_OF_PINGS: Final = "Si chaque source de données répond, sans jeton."


def tags(product: Product, told: Collection[Endpoint]) -> Json:
    """The tags of the endpoints that the document tells of, and their groups (`x-tagGroups`)."""
    providers: dict[str, str] = {}
    for provider in product.providers:
        own = [endpoint for endpoint in provider.endpoints if endpoint in told]
        if own:
            providers.setdefault(provider.name, _of(provider, own))
    own_tags = dict(_own_tags(product))
    return {
        "tags": [{"name": name, "description": text} for name, text in (providers | own_tags).items()],
        "x-tagGroups": [
            {"name": "Fournisseurs", "tags": list(providers)},
            {"name": "Passerelle", "tags": list(own_tags)},
        ],
    }


def _of(provider: Provider, endpoints: list[Endpoint]) -> str:
    themes = dict.fromkeys(endpoint.tag for endpoint in endpoints)
    return f"{', '.join(themes)}. Codes d'erreur : `{provider.prefix}…`."


def _own_tags(product: Product) -> Iterator[tuple[str, str]]:
    if product.dossier is not None:
        yield product.dossier.endpoint.tag, _OF_DOSSIER
    yield tokens.TAG, _OF_TOKENS
    yield nomenclature.TAG, _OF_ERRORS
    yield pings.TAG, _OF_PINGS
