"""CARIF-OREF: training bodies, their Qualiopi certificates and the qualifications they prepare for."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

PROVIDER: Final = Provider(
    key="carif_oref",
    name="CARIF-OREF",
    prefix="33",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_carif_oref_certifications_qualiopi_france_competences",
            path="/v3/carif_oref/etablissements/{siret}/certifications_qualiopi_france_competences",
            summary="Certification Qualiopi d'un organisme de formation, et ses habilitations de France compétences",
            tag="Certifications professionnelles",
            scopes=("certifications_qualiopi_france_competences",),
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
        ),
    ),
    pings=(
        Ping(
            key="carif_oref/qualiopi",
            name="CARIF-OREF - Qualiopi",
            probe="api_entreprise_v3_carif_oref_certifications_qualiopi_france_competences",
            cache_seconds=300,
        ),
    ),
)
