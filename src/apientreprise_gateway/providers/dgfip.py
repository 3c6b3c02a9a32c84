"""DGFIP: the tax administration.

It wants to know which agent asks, hence `user_id` on all of its endpoints. Its certificates are slow to make, hence
their strict limit.
"""

from typing import Final

from apientreprise_gateway.catalogue.model import (
    ATTESTATION_FISCALE,
    DICTIONARY_YEAR,
    EMAIL,
    FISCAL_YEAR,
    SIREN,
    SIREN_IS,
    SIREN_TVA,
    SIRET,
    YEAR_V2,
    Answer,
    Endpoint,
    Parameter,
    Provider,
)

_CERTIFICATES: Final = "Attestations sociales et fiscales"
_FINANCES: Final = "Informations financières"
_ATTESTATION: Final = ("attestations_fiscales", "attestation_fiscale_dgfip")
_CHIFFRE_AFFAIRES: Final = ("exercices", "chiffre_affaires_dgfip")
_LIASSES: Final = ("liasse_fiscale", "liasses_fiscales_dgfip")

PROVIDER: Final = Provider(
    key="dgfip",
    name="DGFIP - Adélie",
    prefix="03",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v4_dgfip_attestations_fiscales",
            path="/v4/dgfip/unites_legales/{siren}/attestation_fiscale",
            summary="Attestation de régularité fiscale",
            tag=_CERTIFICATES,
            scopes=_ATTESTATION,
            parameters=(Parameter("siren", SIREN),),
            group=ATTESTATION_FISCALE,
            answer=Answer.DOCUMENT,
            user_id=True,
        ),
        Endpoint(
            operation="api_entreprise_v3_dgfip_attestations_fiscales",
            path="/v3/dgfip/unites_legales/{siren}/attestation_fiscale",
            summary="Attestation de régularité fiscale",
            tag=_CERTIFICATES,
            scopes=_ATTESTATION,
            parameters=(Parameter("siren", SIREN),),
            group=ATTESTATION_FISCALE,
            answer=Answer.DOCUMENT,
            user_id=True,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_attestations_fiscales_dgfip",
            path="/v2/attestations_fiscales_dgfip/{siren}",
            summary="Attestation de régularité fiscale",
            tag=_CERTIFICATES,
            scopes=_ATTESTATION,
            parameters=(Parameter("siren", SIREN),),
            query=(Parameter("siren_is", SIREN_IS), Parameter("siren_tva", SIREN_TVA)),
            group=ATTESTATION_FISCALE,
            answer=Answer.DOCUMENT,
            user_id=True,
            codes={422: ("03103",), 502: ("03501",)},
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v3_dgfip_chiffres_affaires",
            path="/v3/dgfip/etablissements/{siret}/chiffres_affaires",
            summary="Chiffres d'affaires des derniers exercices déclarés",
            tag=_FINANCES,
            scopes=_CHIFFRE_AFFAIRES,
            parameters=(Parameter("siret", SIRET),),
            user_id=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_exercices",
            path="/v2/exercices/{siret}",
            summary="Chiffres d'affaires des derniers exercices déclarés",
            tag=_FINANCES,
            scopes=_CHIFFRE_AFFAIRES,
            parameters=(Parameter("siret", SIRET),),
            user_id=True,
            codes={502: ("03501",)},
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v3_dgfip_liasses_fiscales",
            path="/v3/dgfip/unites_legales/{siren}/liasses_fiscales/{year}",
            summary="Déclarations fiscales d'une unité légale pour un exercice",
            tag=_FINANCES,
            scopes=_LIASSES,
            parameters=(Parameter("siren", SIREN), Parameter("year", FISCAL_YEAR)),
            user_id=True,
            codes={502: ("03501",)},
        ),
        Endpoint(
            operation="api_entreprise_v3_dgfip_liens_capitalistiques",
            path="/v3/dgfip/unites_legales/{siren}/liens_capitalistiques/{year}",
            summary="Actionnaires et filiales déclarés par une unité légale pour un exercice",
            tag=_FINANCES,
            scopes=(*_LIASSES, "liens_capitalistiques_dgfip"),
            parameters=(Parameter("siren", SIREN), Parameter("year", FISCAL_YEAR)),
            user_id=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_liasses_fiscales_dgfip",
            path="/v2/liasses_fiscales_dgfip/{annee}/declarations/{siren}",
            summary="Déclarations fiscales d'une entreprise pour une année",
            tag=_FINANCES,
            scopes=_LIASSES,
            parameters=(Parameter("annee", YEAR_V2), Parameter("siren", SIREN)),
            query=(Parameter("email", EMAIL),),
            user_id=True,
            codes={502: ("03501",)},
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_liasses_fiscales_complete_dgfip",
            path="/v2/liasses_fiscales_dgfip/{annee}/complete/{siren}",
            summary="Déclarations fiscales d'une entreprise pour une année, avec leur dictionnaire",
            tag=_FINANCES,
            scopes=_LIASSES,
            parameters=(Parameter("annee", YEAR_V2), Parameter("siren", SIREN)),
            query=(Parameter("email", EMAIL),),
            user_id=True,
            codes={502: ("03501",)},
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_liasses_fiscales_dictionaries_dgfip",
            path="/v2/liasses_fiscales_dgfip/{annee}/dictionnaire",
            summary="Dictionnaire des rubriques des déclarations fiscales d'une année",
            tag=_FINANCES,
            scopes=_LIASSES,
            parameters=(Parameter("annee", DICTIONARY_YEAR),),
            query=(Parameter("email", EMAIL),),
            user_id=True,
            codes={502: ("03501",)},
            deprecated=True,
        ),
    ),
)
