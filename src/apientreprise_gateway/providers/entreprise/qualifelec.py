"""Qualifelec: qualifications of electrical contractors."""

from typing import Final

from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

PROVIDER: Final = Provider(
    key="qualifelec",
    name="Qualifelec",
    prefix="32",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_qualifelec_certificats",
            path="/v3/qualifelec/etablissements/{siret}/certificats",
            summary="Certificats Qualifelec d'un établissement du génie électrique",
            tag="Certifications professionnelles",
            scopes=("open_data",),
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            answer=AnswerKind.DOCUMENT,
        ),
    ),
    pings=(
        Ping(
            key="qualifelec/certificats",
            name="Qualifelec - Certificats",
            probe="api_entreprise_v3_qualifelec_certificats",
            cache_seconds=60,
        ),
    ),
)
