"""Agefiph: the employment of disabled people."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.parameters import SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import AGEFIPH

PROVIDER: Final = Provider(
    key="agefiph",
    name="Agefiph",
    prefix="13",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v2_attestations_agefiph",
            path="/v2/attestations_agefiph/{siret}",
            summary="Conformité à l'obligation d'emploi de travailleurs handicapés",
            tag="Attestations sociales et fiscales",
            scopes=("attestations_agefiph",),
            parameters=(Parameter("siret", SIRET),),
            group=AGEFIPH,
            deprecated=True,
        ),
    ),
)
