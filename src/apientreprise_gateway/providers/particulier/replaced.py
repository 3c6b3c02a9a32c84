"""Which operations took the place of deprecated ones, where the path says no more than the version does.

v2 finds a person by any parameters; later versions have an operation for each way of finding one.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_QUOTIENT: Final = (
    "api_particulier_v3_cnav_quotient_familial_with_civility",
    "api_particulier_v3_cnav_quotient_familial_with_france_connect",
)


def _both(benefit: str) -> tuple[str, str]:
    """The operations of a benefit: by civil status, and by FranceConnect."""
    return (
        f"api_particulier_v3_cnav_{benefit}_with_civility",
        f"api_particulier_v3_cnav_{benefit}_with_france_connect",
    )


REPLACED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "api_particulier_v2_cnaf_quotient_familial": _QUOTIENT,
        "api_particulier_v2_cnav_quotient_familial_v2": _QUOTIENT,
        "api_particulier_v2_pole_emploi_indemnites": ("api_particulier_v3_france_travail_indemnites_with_identifiant",),
        "api_particulier_v2_pole_emploi_statut": ("api_particulier_v3_france_travail_statut_with_identifiant",),
        "api_particulier_v2_mesri_student_status": (
            "api_particulier_v3_mesri_statut_etudiant_with_civility",
            "api_particulier_v3_mesri_statut_etudiant_with_ine",
            "api_particulier_v3_mesri_statut_etudiant_with_france_connect",
        ),
        "api_particulier_v2_cnous_student_scholarship": (
            "api_particulier_v5_cnous_etudiant_boursier_with_civility",
            "api_particulier_v5_cnous_etudiant_boursier_with_ine",
            "api_particulier_v5_cnous_etudiant_boursier_with_france_connect",
        ),
        "api_particulier_v2_men_scolarites": ("api_particulier_v5_men_scolarites_with_civility",),
        **{
            f"api_particulier_v2_cnav_{benefit}": _both(benefit)
            for benefit in (
                "allocation_adulte_handicape",
                "allocation_soutien_familial",
                "complementaire_sante_solidaire",
                "prime_activite",
                "revenu_solidarite_active",
            )
        },
    }
)
