"""ADEME: the agency for ecological transition, which lists the certificates of energy renovation (RGE)."""

from typing import Final

from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import DOCUMENTS, JSON
from apientreprise_gateway.providers.entreprise.parameters import PAGE_SIZE, SKIP_PDF

_TAG: Final = "Certifications professionnelles"
_SCOPES: Final = ("certificat_rge_ademe", "open_data")

PROVIDER: Final = Provider(
    key="ademe",
    name="ADEME",
    prefix="19",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_ademe_certificats_rge",
            path="/v3/ademe/etablissements/{siret}/certification_rge",
            summary="Certificats RGE d'un établissement",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            query=(Parameter("limit", PAGE_SIZE),),
            group=JSON,
            answer=AnswerKind.DOCUMENT,
        ),
        Endpoint(
            operation="api_entreprise_v2_certificats_rge_ademe",
            path="/v2/certificats_rge_ademe/{siret}",
            summary="Certificats RGE d'un établissement",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            query=(Parameter("skip_pdf", SKIP_PDF),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="ademe/certification_rge",
            name="ADEME - Certification RGE",
            probe="api_entreprise_v3_ademe_certificats_rge",
            cache_seconds=120,
        ),
    ),
)
