"""DJEPVA: the directorate for associations, with what is known of them from all sources."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.lifetime import HOUR
from apientreprise_gateway.contract.parameters import SIREN_OR_RNA, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

_TAG: Final = "Informations générales"

PROVIDER: Final = Provider(
    key="djepva",
    name="DJEPVA",
    prefix="29",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v4_mi_unites_legales",
            path="/v4/djepva/api-association/associations/{siren_or_rna}",
            aliases=("/v4/ministere_interieur/api-association/associations/{siren_or_rna}",),
            summary="Association, avec ses données protégées : dirigeants, documents, agréments",
            tag=_TAG,
            scopes=("associations_donnees_protegees", "associations_djepva"),
            parameters=(Parameter("siren_or_rna", SIREN_OR_RNA),),
            group=JSON,
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v4_mi_unites_legales_open_data",
            path="/v4/djepva/api-association/associations/open_data/{siren_or_rna}",
            aliases=("/v4/ministere_interieur/api-association/associations/open_data/{siren_or_rna}",),
            summary="Association, avec ses données publiques",
            tag=_TAG,
            scopes=("associations", "open_data"),
            parameters=(Parameter("siren_or_rna", SIREN_OR_RNA),),
            group=JSON,
            cache=HOUR,
        ),
    ),
    pings=(
        Ping(
            key="djepva/api-association",
            name="DJEPVA - API Association",
            probe="api_entreprise_v4_mi_unites_legales",
            cache_seconds=300,
        ),
    ),
)
