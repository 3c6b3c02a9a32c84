"""RNA: the national directory of associations, as the service of v2 gave it."""

from typing import Final

from apientreprise_gateway.contract.endpoint import SIRET_OR_RNA, Endpoint, Parameter, Provider
from apientreprise_gateway.contract.lifetime import HOUR

PROVIDER: Final = Provider(
    key="rna",
    name="RNA",
    prefix="07",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v2_associations",
            path="/v2/associations/{id}",
            summary="Association au répertoire national des associations",
            tag="Informations générales",
            scopes=("associations", "open_data"),
            parameters=(Parameter("id", SIRET_OR_RNA),),
            cache=HOUR,
            codes={502: ("07501",)},
            deprecated=True,
        ),
    ),
)
