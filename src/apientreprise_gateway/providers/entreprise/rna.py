"""RNA: the national directory of associations, as the service of v2 gave it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.errors import BAD_ANSWER, SpecificError
from apientreprise_gateway.contract.lifetime import HOUR
from apientreprise_gateway.contract.parameters import SIRET_OR_RNA, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "07501": SpecificError(BAD_ANSWER, "La réponse du répertoire national des associations est illisible."),
    }
)

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
            group=JSON,
            cache=HOUR,
            codes={502: ("07501",)},
            deprecated=True,
        ),
    ),
    errors=_ERRORS,
)
