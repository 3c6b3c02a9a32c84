"""MSA: social security of agriculture."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

_TAG: Final = "Attestations sociales et fiscales"
_SCOPES: Final = ("msa_cotisations", "cotisations_msa")

PROVIDER: Final = Provider(
    key="msa",
    name="MSA",
    prefix="10",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_msa_conformites_cotisations",
            path="/v3/msa/etablissements/{siret}/conformite_cotisations",
            summary="L'établissement est-il à jour de ses cotisations sociales agricoles ?",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
        ),
        Endpoint(
            operation="api_entreprise_v2_cotisations_msa",
            path="/v2/cotisations_msa/{siret}",
            summary="L'établissement est-il à jour de ses cotisations sociales agricoles ?",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="msa/conformite_cotisations",
            name="MSA - Conformité des cotisations",
            probe="api_entreprise_v3_msa_conformites_cotisations",
            cache_seconds=120,
        ),
    ),
)
