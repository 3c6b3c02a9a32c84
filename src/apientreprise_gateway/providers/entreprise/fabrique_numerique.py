"""Fabrique numérique des Ministères Sociaux: the collective agreements that apply to an establishment."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

_TAG: Final = "Informations générales"
_SCOPES: Final = ("conventions_collectives", "open_data")

PROVIDER: Final = Provider(
    key="fabrique_numerique_ministeres_sociaux",
    name="Fabrique numérique des Ministères Sociaux",
    prefix="14",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_fabrique_numerique_ministeres_sociaux_conventions_collectives",
            path="/v3/fabrique_numerique_ministeres_sociaux/etablissements/{siret}/conventions_collectives",
            summary="Conventions collectives d'un établissement",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_conventions_collectives",
            path="/v2/conventions_collectives/{siret}",
            summary="Conventions collectives d'un établissement",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="fabrique_numerique_ministeres_sociaux/conventions_collectives",
            name="Fabrique numérique des ministères sociaux - Conventions collectives",
            probe="api_entreprise_v3_fabrique_numerique_ministeres_sociaux_conventions_collectives",
            cache_seconds=60,
        ),
    ),
)
