"""ACOSS: the Urssaf network, social security contributions of the general scheme."""

from typing import Final

from apientreprise_gateway.catalogue.model import (
    DOCUMENTS,
    EFFECTIFS,
    MONTH_V2,
    SIREN,
    YEAR,
    Answer,
    Endpoint,
    Parameter,
    Provider,
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
            tag="Attestations sociales et fiscales",
            scopes=("attestations_sociales", "attestation_sociale_urssaf"),
            parameters=(Parameter("siren", SIREN),),
            group=DOCUMENTS,
            answer=Answer.DOCUMENT,
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
)
