"""INSEE's operations, asked with answers of Sirene that are written down."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from apientreprise_gateway.upstream.response import Response
from unit.dialects.sirene_3_11.answers import SIREN, SIRET, Json, of_links, of_place, of_places, of_unit, place, unit
from unit.dialects.speaking import Provider, ask, said

UNIT_V4 = "api_entreprise_v4_insee_unites_legales"
UNIT_V3 = "api_entreprise_v3_insee_unites_legales"
PUBLIC_UNIT = "api_entreprise_v4_insee_unites_legales_diffusables"
PLACE_V4 = "api_entreprise_v4_insee_etablissements"
PLACE_V3 = "api_entreprise_v3_insee_etablissements"
PUBLIC_PLACE = "api_entreprise_v4_insee_etablissements_diffusables"
SEAT_V4 = "api_entreprise_v4_insee_sieges_unites_legales"
PUBLIC_SEAT = "api_entreprise_v4_insee_sieges_diffusables_unites_legales"
ADDRESS = "api_entreprise_v3_insee_adresses_etablissements"
PUBLIC_ADDRESS = "api_entreprise_v3_insee_adresses_etablissements_diffusables"
LINKS = "api_entreprise_v3_insee_successions"
COMPANY_V2 = "api_entreprise_v2_entreprises_restored"
PLACE_V2 = "api_entreprise_v2_etablissements_restored"
BY_SIREN = frozenset(
    {
        UNIT_V4,
        UNIT_V3,
        PUBLIC_UNIT,
        "api_entreprise_v3_insee_unites_legales_diffusables",
        SEAT_V4,
        "api_entreprise_v3_insee_sieges_unites_legales",
        PUBLIC_SEAT,
        "api_entreprise_v3_insee_sieges_diffusables_unites_legales",
        COMPANY_V2,
    }
)
"""The operations that are asked about a SIREN; the others are asked about a SIRET."""


def seat_of(siren: str) -> str:
    """The target that asks for the head office of a unit."""
    return f"/siret?q=siren%3A{siren}%20AND%20etablissementSiege%3Atrue"


def links_of(siret: str) -> str:
    """The target that asks for the links of an establishment."""
    either = f"siretEtablissementPredecesseur%3A{siret}%20OR%20siretEtablissementSuccesseur%3A{siret}"
    return f"/siret/liensSuccession?q={either}&nombre=1000"


def sirene(
    more: Mapping[str, Response] = MappingProxyType({}),
    *,
    unit_of: Json | None = None,
    places: tuple[Json, ...] | None = None,
) -> Provider:
    """A Sirene that knows one legal unit, with its establishments."""
    known = (place(),) if places is None else places
    answers = {
        f"/siren/{SIREN}": said(of_unit(unit() if unit_of is None else unit_of)),
        f"/siret/{SIRET}": said(of_place(known[0])) if known else said({}, status=404),
        seat_of(SIREN): said(of_places(*known)) if known else said({}, status=404),
        links_of(SIRET): said(of_links()),
    }
    return Provider(answers | dict(more))


def data_of(operation: str, provider: Provider, **query: str) -> Any:
    """The data of an answer."""
    return body_of(operation, provider, **query)["data"]


def body_of(operation: str, provider: Provider, **query: str) -> Any:
    """The body of an answer."""
    return orjson.loads(ask(operation, SIREN if operation in BY_SIREN else SIRET, provider, **query).body)
