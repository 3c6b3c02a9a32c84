"""The use cases of API Entreprise; deprecated operations are none of theirs."""

from typing import Final

from apientreprise_gateway.providers.use_cases import UseCase

_OPEN_IDENTITY: Final = (
    "api_entreprise_v4_insee_unites_legales_diffusables",
    "api_entreprise_v4_insee_sieges_diffusables_unites_legales",
    "api_entreprise_v4_insee_etablissements_diffusables",
    "api_entreprise_v3_insee_adresses_etablissements_diffusables",
    "api_entreprise_v3_infogreffe_extraits_rcs",
    "api_entreprise_v4_mi_unites_legales_open_data",
)
_IDENTITY: Final = (
    "api_entreprise_v4_insee_unites_legales",
    "api_entreprise_v4_insee_sieges_unites_legales",
    "api_entreprise_v4_insee_etablissements",
    "api_entreprise_v3_insee_adresses_etablissements",
    "api_entreprise_v3_inpi_rne_extrait_rne",
    "api_entreprise_v4_mi_unites_legales",
)
_SUCCESSIONS: Final = "api_entreprise_v3_insee_successions"
_DIRECTORS: Final = "api_entreprise_v3_infogreffe_mandataires_sociaux"
_FILED: Final = "api_entreprise_v3_inpi_rne_actes_bilans"
_OWNERS: Final = "api_entreprise_v3_inpi_rne_beneficiaires_effectifs"
_NUMBERS: Final = ("api_entreprise_v3_dgfip_tva", "api_entreprise_v3_dgddi_eori")
_REGULARITY: Final = (
    "api_entreprise_v4_dgfip_attestations_fiscales",
    "api_entreprise_v4_acoss_attestations_sociales",
    "api_entreprise_v3_msa_conformites_cotisations",
)
_BUILDERS: Final = (
    "api_entreprise_v3_probtp_conformites_cotisations_retraite",
    "api_entreprise_v3_probtp_attestations_cotisation_retraite",
    "api_entreprise_v3_cnetp_attestation_cotisations_conges_payes_chomage_intemperies",
    "api_entreprise_v3_cibtp_attestation_cotisations_conges_payes_chomage_intemperies",
    "api_entreprise_v3_fntp_carte_professionnelle_travaux_publics",
)
_TURNOVER: Final = "api_entreprise_v3_dgfip_chiffres_affaires"
_RETURNS: Final = "api_entreprise_v4_dgfip_liasses_fiscales"
_HOLDINGS: Final = "api_entreprise_v3_dgfip_liens_capitalistiques"
_BALANCES: Final = "api_entreprise_v3_banque_de_france_bilans_entreprise"
_STAFF: Final = (
    "api_entreprise_v3_gip_mds_effectifs_mensuels_etablissement",
    "api_entreprise_v3_gip_mds_effectifs_annuels_entreprise",
)
_OPEN_CERTIFICATES: Final = (
    "api_entreprise_v3_ademe_certificats_rge",
    "api_entreprise_v4_qualibat_certifications_batiment",
    "api_entreprise_v3_qualifelec_certificats",
    "api_entreprise_v3_opqibi_certifications_ingenierie",
)
_TRAINING: Final = "api_entreprise_v3_carif_oref_certifications_qualiopi_france_competences"
_GRANTS: Final = "api_entreprise_v3_data_subvention_subventions"

USE_CASES: Final = (
    UseCase(
        key="marches_publics",
        title="Marchés publics",
        description="Recevoir une candidature, vérifier que l'entreprise peut soumissionner, et suivre le titulaire "
        "du marché.",
        operations=(*_OPEN_IDENTITY, *_IDENTITY, _FILED, _TURNOVER, *_REGULARITY),
        optional=(
            _SUCCESSIONS,
            _DIRECTORS,
            *_NUMBERS,
            *_BUILDERS,
            _RETURNS,
            _HOLDINGS,
            _BALANCES,
            *_STAFF,
            *_OPEN_CERTIFICATES,
            _TRAINING,
            _GRANTS,
        ),
    ),
    UseCase(
        key="aides_publiques",
        title="Aides publiques",
        description="Instruire la demande d'aide d'une entreprise : son identité, sa régularité et ses comptes.",
        operations=(
            *_OPEN_IDENTITY,
            *_IDENTITY,
            _DIRECTORS,
            _FILED,
            *_REGULARITY,
            _TURNOVER,
            _RETURNS,
            _HOLDINGS,
        ),
        optional=(
            _SUCCESSIONS,
            *_NUMBERS,
            *_BUILDERS,
            _BALANCES,
            *_STAFF,
            *_OPEN_CERTIFICATES,
            _TRAINING,
            _GRANTS,
        ),
    ),
    UseCase(
        key="subventions_associations",
        title="Subventions des associations",
        description="Instruire la demande de subvention d'une association sans lui redemander ses statuts, ses comptes "
        "ni les subventions qu'elle a reçues.",
        operations=(
            "api_entreprise_v4_mi_unites_legales",
            "api_entreprise_v4_mi_unites_legales_open_data",
            "api_entreprise_v4_insee_etablissements",
            "api_entreprise_v4_insee_etablissements_diffusables",
            _GRANTS,
        ),
        optional=(
            "api_entreprise_v4_insee_unites_legales",
            "api_entreprise_v4_insee_unites_legales_diffusables",
            "api_entreprise_v4_insee_sieges_unites_legales",
            "api_entreprise_v4_insee_sieges_diffusables_unites_legales",
            _SUCCESSIONS,
            "api_entreprise_v4_acoss_attestations_sociales",
            *_STAFF,
        ),
    ),
    UseCase(
        key="preremplissage",
        title="Pré-remplissage de formulaires",
        description="Remplir d'avance un formulaire en ligne avec des données publiques, à partir d'un SIREN, d'un "
        "SIRET ou d'un numéro RNA.",
        operations=(*_OPEN_IDENTITY, *_NUMBERS),
        optional=(*_OPEN_CERTIFICATES, "api_entreprise_v3_fntp_carte_professionnelle_travaux_publics", _SUCCESSIONS),
    ),
    UseCase(
        key="instruction_demarches",
        title="Instruction de démarches",
        description="Donner à l'agent qui instruit une démarche ce que l'entreprise ou l'association n'a plus à "
        "fournir.",
        operations=(*_OPEN_IDENTITY, *_IDENTITY, _FILED, *_NUMBERS),
        optional=(
            _SUCCESSIONS,
            *_REGULARITY,
            *_BUILDERS,
            _TURNOVER,
            *_STAFF,
            *_OPEN_CERTIFICATES,
            _TRAINING,
            _GRANTS,
        ),
    ),
    UseCase(
        key="fiabilisation_tiers",
        title="Fiabilisation de tiers",
        description="Tenir à jour un référentiel de fournisseurs ou d'usagers : existence, adresse, successions et "
        "numéros de TVA.",
        operations=(*_OPEN_IDENTITY, _SUCCESSIONS, "api_entreprise_v3_dgfip_tva"),
        optional=(
            "api_entreprise_v4_insee_unites_legales",
            "api_entreprise_v4_insee_sieges_unites_legales",
            "api_entreprise_v4_insee_etablissements",
            "api_entreprise_v3_insee_adresses_etablissements",
            "api_entreprise_v3_dgddi_eori",
        ),
    ),
    UseCase(
        key="detection_fraude",
        title="Détection de la fraude",
        description="Recouper les déclarations d'une entreprise, et savoir qui la dirige, la détient ou la contrôle, "
        "là où la loi en charge l'administration.",
        operations=(*_OPEN_IDENTITY, *_IDENTITY, _SUCCESSIONS, _DIRECTORS, _OWNERS, _FILED, *_REGULARITY),
        optional=(_TURNOVER, _RETURNS, _HOLDINGS, _BALANCES, *_NUMBERS, *_STAFF, *_BUILDERS, _TRAINING, _GRANTS),
    ),
)
