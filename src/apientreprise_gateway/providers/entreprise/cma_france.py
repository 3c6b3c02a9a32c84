"""CMA France: the national directory of crafts (RNM)."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

_TAG: Final = "Informations générales"
_SCOPES: Final = ("entreprises_artisanales", "open_data")

PROVIDER: Final = Provider(
    key="cma_france",
    name="CMA France",
    prefix="15",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_rnm_entreprises_artisanales",
            path="/v3/cma_france/rnm/unites_legales/{siren}",
            summary="Entreprise artisanale au répertoire national des métiers",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_entreprises_artisanales",
            path="/v2/entreprises_artisanales_cma/{siren}",
            summary="Entreprise artisanale au répertoire national des métiers",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            gateway_error=True,
            deprecated=True,
        ),
    ),
)
