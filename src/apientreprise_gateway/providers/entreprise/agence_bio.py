"""Agence BIO: certificates of organic farming and trade."""

from typing import Final

from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Provider
from apientreprise_gateway.contract.parameters import SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

PROVIDER: Final = Provider(
    key="agence_bio",
    name="Agence BIO",
    prefix="18",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v2_certificats_agence_bio",
            path="/v2/certificats_agence_bio/{siret}",
            summary="Certificats d'agriculture biologique d'un établissement",
            tag="Certifications professionnelles",
            scopes=("certificat_agence_bio", "open_data"),
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            answer=AnswerKind.DOCUMENT,
            array=True,
            deprecated=True,
        ),
    ),
)
