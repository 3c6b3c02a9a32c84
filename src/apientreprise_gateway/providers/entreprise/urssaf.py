"""ACOSS: the Urssaf network, social security contributions of the general scheme."""

from dataclasses import replace
from typing import Final

from apientreprise_gateway.contract.endpoint import (
    CERTIFICATE_TYPE,
    DOCUMENT_V2,
    DOCUMENT_V3,
    DOCUMENT_V4,
    DOCUMENTS,
    EFFECTIFS,
    MONTH_V2,
    SIREN,
    YEAR,
    AnswerKind,
    Endpoint,
    Parameter,
    Ping,
    Provider,
)
from apientreprise_gateway.contract.lifetime import DAY, UNTIL_8

_CERTIFICATES: Final = "Attestations sociales et fiscales"
_SCOPES: Final = ("attestations_sociales", "attestation_sociale_urssaf")

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
