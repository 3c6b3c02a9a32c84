"""Which operations took the place of deprecated ones, where the path says no more than the version does.

An operation whose path is there at a later version needs no line here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ASSOCIATIONS: Final = ("api_entreprise_v4_mi_unites_legales", "api_entreprise_v4_mi_unites_legales_open_data")
_REGISTERED: Final = ("api_entreprise_v3_inpi_rne_extrait_rne",)
_STAFF: Final = ("api_entreprise_v3_gip_mds_effectifs_mensuels_etablissement",)
_FILED: Final = ("api_entreprise_v3_inpi_rne_actes_bilans",)
_RETURNS: Final = ("api_entreprise_v4_dgfip_liasses_fiscales",)

REPLACED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "api_entreprise_v2_entreprises_restored": (
            "api_entreprise_v4_insee_unites_legales",
            "api_entreprise_v4_insee_sieges_unites_legales",
            "api_entreprise_v3_infogreffe_mandataires_sociaux",
        ),
        "api_entreprise_v2_etablissements_restored": ("api_entreprise_v4_insee_etablissements",),
        "api_entreprise_v2_extraits_rcs_infogreffe": ("api_entreprise_v3_infogreffe_extraits_rcs",),
        "api_entreprise_v2_associations": _ASSOCIATIONS,
        "api_entreprise_v2_documents_associations": ("api_entreprise_v4_mi_unites_legales",),
        "api_entreprise_v3_mi_associations": _ASSOCIATIONS,
        "api_entreprise_v2_entreprises_artisanales": _REGISTERED,
        "api_entreprise_v3_rnm_entreprises_artisanales": _REGISTERED,
        "api_entreprise_v3_mi_documents_associations": ("api_entreprise_v4_mi_unites_legales",),
        "api_entreprise_v2_actes_inpi": _FILED,
        "api_entreprise_v2_bilans_inpi": _FILED,
        "api_entreprise_v2_effectifs_annuels_entreprise_acoss_covid": (
            "api_entreprise_v3_gip_mds_effectifs_annuels_entreprise",
        ),
        "api_entreprise_v2_effectifs_mensuels_etablissement_acoss_covid": _STAFF,
        "api_entreprise_v2_effectifs_mensuels_entreprise_acoss_covid": _STAFF,
        "api_entreprise_v2_exercices": ("api_entreprise_v3_dgfip_chiffres_affaires",),
        "api_entreprise_v2_bilans_entreprises_bdf": ("api_entreprise_v3_banque_de_france_bilans_entreprise",),
        "api_entreprise_v2_liasses_fiscales_dgfip": _RETURNS,
        "api_entreprise_v2_liasses_fiscales_complete_dgfip": _RETURNS,
        "api_entreprise_v2_liasses_fiscales_dictionaries_dgfip": _RETURNS,
        "api_entreprise_v2_attestations_fiscales_dgfip": ("api_entreprise_v4_dgfip_attestations_fiscales",),
        "api_entreprise_v2_attestations_sociales_acoss": ("api_entreprise_v4_acoss_attestations_sociales",),
        "api_entreprise_v2_cotisations_msa": ("api_entreprise_v3_msa_conformites_cotisations",),
        "api_entreprise_v2_eligibilites_cotisation_retraite_probtp": (
            "api_entreprise_v3_probtp_conformites_cotisations_retraite",
        ),
        "api_entreprise_v2_attestations_cotisation_retraite_probtp": (
            "api_entreprise_v3_probtp_attestations_cotisation_retraite",
        ),
        "api_entreprise_v2_cartes_professionnelles_fntp": (
            "api_entreprise_v3_fntp_carte_professionnelle_travaux_publics",
        ),
        "api_entreprise_v2_certificats_cnetp": (
            "api_entreprise_v3_cnetp_attestation_cotisations_conges_payes_chomage_intemperies",
        ),
        "api_entreprise_v2_certificats_rge_ademe": ("api_entreprise_v3_ademe_certificats_rge",),
        "api_entreprise_v2_certificats_qualibat": ("api_entreprise_v4_qualibat_certifications_batiment",),
        "api_entreprise_v2_certificats_opqibi": ("api_entreprise_v3_opqibi_certifications_ingenierie",),
        "api_entreprise_v2_eori_douanes": ("api_entreprise_v3_dgddi_eori",),
        "api_entreprise_v3_european_commission_vies": ("api_entreprise_v3_dgfip_tva",),
    }
)
