"""OPQIBI: qualifications of engineering companies."""

from typing import Final

from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.providers.entreprise.groups import DOCUMENTS, JSON

_TAG: Final = "Certifications professionnelles"

PROVIDER: Final = Provider(
    key="opqibi",
    name="OPQIBI",
    prefix="11",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_opqibi_certifications_ingenierie",
            path="/v3/opqibi/unites_legales/{siren}/certification_ingenierie",
            summary="Qualifications d'une entreprise d'ingénierie",
            tag=_TAG,
            scopes=("certificat_opqibi", "certification_opqibi", "open_data"),
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
        ),
        Endpoint(
            operation="api_entreprise_v2_certificats_opqibi",
            path="/v2/certificats_opqibi/{siren}",
            summary="Certificat de qualification d'une entreprise d'ingénierie",
            tag=_TAG,
            scopes=("certificat_opqibi", "open_data"),
            parameters=(Parameter("siren", SIREN),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="opqibi/certification_ingenierie",
            name="OPQIBI - Certification d'ingénierie",
            probe="api_entreprise_v3_opqibi_certifications_ingenierie",
            cache_seconds=300,
        ),
    ),
)
