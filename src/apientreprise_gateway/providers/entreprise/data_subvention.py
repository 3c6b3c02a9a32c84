"""DataSubvention: the public grants that associations ask for and receive."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIREN_OR_SIRET_OR_RNA, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

PROVIDER: Final = Provider(
    key="data_subvention",
    name="DataSubvention",
    prefix="52",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_data_subvention_subventions",
            path="/v3/data_subvention/associations/{siren_or_siret_or_rna}/subventions",
            summary="Subventions demandées et reçues par une association",
            tag="Subventions des associations",
            scopes=("data_subvention_subventions",),
            parameters=(Parameter("siren_or_siret_or_rna", SIREN_OR_SIRET_OR_RNA),),
            group=JSON,
        ),
    ),
    pings=(
        Ping(
            key="data_subvention/subventions",
            name="Data.Subvention - Subventions",
            probe="api_entreprise_v3_data_subvention_subventions",
            cache_seconds=300,
        ),
    ),
)
