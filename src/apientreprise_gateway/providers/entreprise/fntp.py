"""FNTP: the federation of public works companies."""

from typing import Final

from apientreprise_gateway.contract.documents import DOCUMENT_V2, DOCUMENT_V3
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.providers.entreprise.groups import DOCUMENTS

_TAG: Final = "Attestations sociales et fiscales"
_SCOPES: Final = ("fntp_carte_pro", "open_data")

PROVIDER: Final = Provider(
    key="fntp",
    name="FNTP",
    prefix="12",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_fntp_carte_professionnelle_travaux_publics",
            path="/v3/fntp/unites_legales/{siren}/carte_professionnelle_travaux_publics",
            summary="Carte professionnelle d'une entreprise de travaux publics",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V3,
        ),
        Endpoint(
            operation="api_entreprise_v2_cartes_professionnelles_fntp",
            path="/v2/cartes_professionnelles_fntp/{siren}",
            summary="Carte professionnelle d'une entreprise de travaux publics",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V2,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="fntp/carte_professionnelle_travaux_publics",
            name="FNTP - Carte professionnelle de travaux publics",
            probe="api_entreprise_v3_fntp_carte_professionnelle_travaux_publics",
            cache_seconds=600,
        ),
    ),
)
