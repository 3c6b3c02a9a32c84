"""DGFIP: the tax administration.

It wants to know which agent asks, hence `user_id` on all of its endpoints. Its certificates are slow to make, hence
their strict limit.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.codes import INVALID
from apientreprise_gateway.contract.documents import DOCUMENT_V2, DOCUMENT_V3, DOCUMENT_V4
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Ping, Provider
from apientreprise_gateway.contract.errors import SpecificError
from apientreprise_gateway.contract.lifetime import HOUR, UNTIL_3, UNTIL_8
from apientreprise_gateway.contract.parameters import SIREN, SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import ATTESTATION_FISCALE, JSON
from apientreprise_gateway.providers.entreprise.parameters import (
    DICTIONARY_YEAR,
    EMAIL,
    FISCAL_YEAR,
    SIREN_IS,
    SIREN_TVA,
    YEAR_V2,
)

_CERTIFICATES: Final = "Attestations sociales et fiscales"
_FINANCES: Final = "Informations financières"
_ATTESTATION: Final = ("attestations_fiscales", "attestation_fiscale_dgfip")
_CHIFFRE_AFFAIRES: Final = ("exercices", "chiffre_affaires_dgfip")
_LIASSES: Final = ("liasse_fiscale", "liasses_fiscales_dgfip")

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "03103": SpecificError(INVALID, "La DGFIP a refusé l'un des paramètres de la demande."),
        "03501": SpecificError(
            "Potentielle ressource non trouvée",
            "La DGFIP a répondu par une erreur : il se peut qu'elle n'ait rien au sujet de cette entité.",
        ),
    }
)

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
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V4,
            user_id=True,
            cache=UNTIL_8,
        ),
        Endpoint(
            operation="api_entreprise_v3_dgfip_attestations_fiscales",
            path="/v3/dgfip/unites_legales/{siren}/attestation_fiscale",
            summary="Attestation de régularité fiscale",
            tag=_CERTIFICATES,
            scopes=_ATTESTATION,
            parameters=(Parameter("siren", SIREN),),
            group=ATTESTATION_FISCALE,
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V3,
            user_id=True,
            cache=UNTIL_8,
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
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V2,
            user_id=True,
            cache=UNTIL_3,
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
            group=JSON,
            user_id=True,
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v2_exercices",
            path="/v2/exercices/{siret}",
            summary="Chiffres d'affaires des derniers exercices déclarés",
            tag=_FINANCES,
            scopes=_CHIFFRE_AFFAIRES,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            user_id=True,
            cache=UNTIL_3,
            codes={502: ("03501",)},
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_dgfip_liasses_fiscales",
            path="/v4/dgfip/unites_legales/{siren}/liasses_fiscales/{year}",
            summary="Déclarations fiscales d'une unité légale pour un exercice",
            tag=_FINANCES,
            scopes=_LIASSES,
            parameters=(Parameter("siren", SIREN), Parameter("year", FISCAL_YEAR)),
            group=JSON,
            user_id=True,
            cache=HOUR,
            codes={502: ("03501",)},
        ),
        Endpoint(
            operation="api_entreprise_v3_dgfip_liasses_fiscales",
            path="/v3/dgfip/unites_legales/{siren}/liasses_fiscales/{year}",
            summary="Déclarations fiscales d'une unité légale pour un exercice",
            tag=_FINANCES,
            scopes=_LIASSES,
            parameters=(Parameter("siren", SIREN), Parameter("year", FISCAL_YEAR)),
            group=JSON,
            user_id=True,
            cache=HOUR,
            codes={502: ("03501",)},
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v3_dgfip_liens_capitalistiques",
            path="/v3/dgfip/unites_legales/{siren}/liens_capitalistiques/{year}",
            summary="Actionnaires et filiales déclarés par une unité légale pour un exercice",
            tag=_FINANCES,
            scopes=(*_LIASSES, "liens_capitalistiques_dgfip"),
            parameters=(Parameter("siren", SIREN), Parameter("year", FISCAL_YEAR)),
            group=JSON,
            user_id=True,
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v2_liasses_fiscales_dgfip",
            path="/v2/liasses_fiscales_dgfip/{annee}/declarations/{siren}",
            summary="Déclarations fiscales d'une entreprise pour une année",
            tag=_FINANCES,
            scopes=_LIASSES,
            parameters=(Parameter("annee", YEAR_V2), Parameter("siren", SIREN)),
            query=(Parameter("email", EMAIL),),
            group=JSON,
            user_id=True,
            cache=UNTIL_3,
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
            group=JSON,
            user_id=True,
            cache=UNTIL_3,
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
            group=JSON,
            user_id=True,
            cache=UNTIL_3,
            codes={502: ("03501",)},
            deprecated=True,
        ),
    ),
    errors=_ERRORS,
    pings=(
        Ping(
            key="dgfip/attestation_fiscale",
            name="DGFIP - Attestation fiscale",
            probe="api_entreprise_v4_dgfip_attestations_fiscales",
            cache_seconds=300,
            operations=(
                "api_entreprise_v4_dgfip_attestations_fiscales",
                "api_entreprise_v3_dgfip_attestations_fiscales",
                "api_entreprise_v2_attestations_fiscales_dgfip",
            ),
            probed=False,
            answers=("03501",),
        ),
        Ping(
            key="dgfip/chiffre_affaires",
            name="DGFIP - Chiffres d'affaires",
            probe="api_entreprise_v3_dgfip_chiffres_affaires",
            cache_seconds=300,
            operations=(
                "api_entreprise_v3_dgfip_chiffres_affaires",
                "api_entreprise_v2_exercices",
            ),
            probed=False,
            answers=("03501",),
        ),
        Ping(
            key="dgfip/liasses_fiscales",
            name="DGFIP - Liasses fiscales",
            probe="api_entreprise_v4_dgfip_liasses_fiscales",
            cache_seconds=300,
            operations=(
                "api_entreprise_v4_dgfip_liasses_fiscales",
                "api_entreprise_v3_dgfip_liasses_fiscales",
                "api_entreprise_v3_dgfip_liens_capitalistiques",
                "api_entreprise_v2_liasses_fiscales_dgfip",
                "api_entreprise_v2_liasses_fiscales_complete_dgfip",
                "api_entreprise_v2_liasses_fiscales_dictionaries_dgfip",
            ),
            probed=False,
            answers=("03501",),
        ),
    ),
)
