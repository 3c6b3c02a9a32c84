"""MI: the ministry of the interior, which keeps the national directory of associations (RNA)."""

from typing import Final

from apientreprise_gateway.contract.documents import EACH, Document, FileKind
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Provider
from apientreprise_gateway.contract.lifetime import HOUR
from apientreprise_gateway.contract.parameters import SIRET_OR_RNA, Parameter
from apientreprise_gateway.providers.entreprise.groups import DOCUMENTS, JSON

_TAG: Final = "Informations générales"
_ASSOCIATIONS: Final = ("associations", "open_data")

_DOCUMENTS_V3: Final = Document(
    address=("data", EACH, "data", "url"),
    expires_in="expires_in",
    kinds=(FileKind.PDF, FileKind.ZIP),
    optional=True,
    faulty=("meta", "nombre_documents_deficients"),
)
_DOCUMENTS_V2: Final = Document(
    address=("documents", EACH, "url"),
    kinds=(FileKind.PDF, FileKind.ZIP),
    optional=True,
    faulty=("nombre_documents_deficients",),
)

PROVIDER: Final = Provider(
    key="mi",
    name="MI",
    prefix="21",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_mi_associations",
            path="/v3/ministere_interieur/rna/associations/{siret_or_rna}",
            summary="Association au répertoire national des associations",
            tag=_TAG,
            scopes=_ASSOCIATIONS,
            parameters=(Parameter("siret_or_rna", SIRET_OR_RNA),),
            group=JSON,
            cache=HOUR,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v3_mi_documents_associations",
            path="/v3/ministere_interieur/rna/associations/{siret_or_rna}/documents",
            summary="Documents déposés par une association",
            tag=_TAG,
            scopes=_ASSOCIATIONS,
            parameters=(Parameter("siret_or_rna", SIRET_OR_RNA),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=_DOCUMENTS_V3,
            cache=HOUR,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_documents_associations",
            path="/v2/documents_associations/{id}",
            summary="Documents déposés par une association",
            tag=_TAG,
            scopes=("documents_association", "open_data"),
            parameters=(Parameter("id", SIRET_OR_RNA),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=_DOCUMENTS_V2,
            cache=HOUR,
            deprecated=True,
        ),
    ),
)
