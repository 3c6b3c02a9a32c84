"""ACOSS: the Urssaf network, social security contributions of the general scheme."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.documents import DOCUMENT_V2, DOCUMENT_V3, DOCUMENT_V4
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Ping, Provider
from apientreprise_gateway.contract.errors import SpecificError
from apientreprise_gateway.contract.lifetime import DAY, UNTIL_8
from apientreprise_gateway.contract.parameters import SIREN, YEAR, Parameter
from apientreprise_gateway.providers.entreprise.groups import DOCUMENTS, EFFECTIFS
from apientreprise_gateway.providers.entreprise.parameters import CERTIFICATE_TYPE, MONTH_V2

_CERTIFICATES: Final = "Attestations sociales et fiscales"
_SCOPES: Final = ("attestations_sociales", "attestation_sociale_urssaf")

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "04501": SpecificError(
            "Analyse manuelle de la situation du compte en cours",
            "L'Urssaf examine la situation du compte. Réessayez dans deux jours.",
            MappingProxyType({"retry_in": 172_800}),
        ),
        "04502": SpecificError(
            "Demande de traitement logiciel en cours",
            "L'Urssaf traite une demande au sujet de ce compte. Réessayez plus tard.",
        ),
        "04503": SpecificError(
            "La situation du compte ne permet pas de délivrer l'attestation demandée",
            "L'Urssaf ne délivre pas d'attestation à cette entité, au vu de la situation de son compte.",
        ),
    }
)

PROVIDER: Final = Provider(
    key="urssaf",
    name="ACOSS",
    prefix="04",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v4_acoss_attestations_sociales",
            path="/v4/urssaf/unites_legales/{siren}/attestation_vigilance",
            summary="Attestation de vigilance : l'unité légale est-elle à jour de ses cotisations sociales ?",
            tag=_CERTIFICATES,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=replace(DOCUMENT_V4, optional=True),
            cache=UNTIL_8,
            codes={502: ("04501", "04502")},
        ),
        Endpoint(
            operation="api_entreprise_v3_acoss_attestations_sociales",
            path="/v3/urssaf/unites_legales/{siren}/attestation_vigilance",
            summary="Attestation de vigilance d'une unité légale à jour de ses cotisations sociales",
            tag=_CERTIFICATES,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V3,
            cache=UNTIL_8,
            codes={502: ("04501", "04502", "04503")},
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_attestations_sociales_acoss",
            path="/v2/attestations_sociales_acoss/{siren}",
            summary="Attestation de vigilance d'une entreprise à jour de ses cotisations sociales",
            tag=_CERTIFICATES,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            query=(Parameter("type_attestation", CERTIFICATE_TYPE),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V2,
            cache=DAY,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_effectifs_mensuels_entreprise_acoss_covid",
            path="/v2/effectifs_mensuels_acoss_covid/{annee}/{mois}/entreprise/{siren}",
            summary="Effectif d'une entreprise pour un mois",
            tag="Informations générales",
            # The published list has no scope for it; its tokens of the time carried this role.
            scopes=("aides_covid_effectifs",),
            parameters=(Parameter("annee", YEAR), Parameter("mois", MONTH_V2), Parameter("siren", SIREN)),
            group=EFFECTIFS,
            deprecated=True,
        ),
    ),
    errors=_ERRORS,
    pings=(
        Ping(
            key="urssaf/attestation_sociale",
            name="Urssaf - Attestation de vigilance",
            probe="api_entreprise_v4_acoss_attestations_sociales",
            cache_seconds=300,
            operations=(
                "api_entreprise_v4_acoss_attestations_sociales",
                "api_entreprise_v3_acoss_attestations_sociales",
                "api_entreprise_v2_attestations_sociales_acoss",
            ),
            probed=False,
            answers=("04501", "04502", "04503"),
        ),
    ),
)
