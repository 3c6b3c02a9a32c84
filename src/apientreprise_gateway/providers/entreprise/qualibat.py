"""Qualibat: qualifications of building companies."""

from typing import Final

from apientreprise_gateway.contract.documents import DOCUMENT_V2, DOCUMENT_V3, DOCUMENT_V4
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Ping, Provider
from apientreprise_gateway.contract.lifetime import END_OF_DAY
from apientreprise_gateway.contract.parameters import SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import DOCUMENTS

_TAG: Final = "Certifications professionnelles"
_SCOPES: Final = ("qualibat", "open_data")

PROVIDER: Final = Provider(
    key="qualibat",
    name="Qualibat",
    prefix="06",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v4_qualibat_certifications_batiment",
            path="/v4/qualibat/etablissements/{siret}/certification_batiment",
            summary="Certificat Qualibat d'un établissement du bâtiment, avec ses qualifications",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V4,
            cache=END_OF_DAY,
        ),
        Endpoint(
            operation="api_entreprise_v3_qualibat_certifications_batiment",
            path="/v3/qualibat/etablissements/{siret}/certification_batiment",
            summary="Certificat Qualibat d'un établissement du bâtiment",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V3,
            cache=END_OF_DAY,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_certificats_qualibat",
            path="/v2/certificats_qualibat/{siret}",
            summary="Certificat Qualibat d'un établissement du bâtiment",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V2,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="qualibat/certifications",
            name="Qualibat - Certifications",
            probe="api_entreprise_v4_qualibat_certifications_batiment",
            cache_seconds=600,
            probed=False,
        ),
    ),
)
