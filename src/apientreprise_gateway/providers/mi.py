"""MI: the ministry of the interior, which keeps the national directory of associations (RNA)."""

from typing import Final

from apientreprise_gateway.catalogue.model import SIRET_OR_RNA, Endpoint, Parameter, Provider

PROVIDER: Final = Provider(
    key="mi",
    name="MI",
    prefix="21",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_mi_associations",
            path="/v3/ministere_interieur/rna/associations/{siret_or_rna}",
            summary="Association au répertoire national des associations",
            tag="Informations générales",
            scopes=("associations", "open_data"),
            parameters=(Parameter("siret_or_rna", SIRET_OR_RNA),),
            deprecated=True,
        ),
    ),
)
