"""DGDDI: the customs, which register economic operators (EORI)."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIRET_OR_EORI, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

_TAG: Final = "Informations générales"
_SCOPES: Final = ("eori_douanes", "open_data")

PROVIDER: Final = Provider(
    key="dgddi",
    name="DGDDI",
    prefix="16",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_dgddi_eori",
            path="/v3/douanes/etablissements/{siret_or_eori}/immatriculations_eori",
            summary="Immatriculation EORI d'un opérateur économique auprès des douanes",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret_or_eori", SIRET_OR_EORI),),
            group=JSON,
        ),
        Endpoint(
            operation="api_entreprise_v2_eori_douanes",
            path="/v2/eori_douanes/{siret_or_eori}",
            summary="Immatriculation EORI d'un opérateur économique auprès des douanes",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret_or_eori", SIRET_OR_EORI),),
            group=JSON,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="douanes/immatriculations_eori",
            name="Douanes - Immatriculations EORI",
            probe="api_entreprise_v3_dgddi_eori",
            cache_seconds=300,
        ),
    ),
)
