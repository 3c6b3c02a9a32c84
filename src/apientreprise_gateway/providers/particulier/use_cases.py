"""The use cases of API Particulier; deprecated operations are none of theirs."""

from typing import Final

from apientreprise_gateway.providers.use_cases import UseCase

_V3: Final = "api_particulier_v3_"


def _both(name: str) -> tuple[str, str]:
    """The operations that find a person by civil status, and by FranceConnect."""
    return (f"{name}_with_civility", f"{name}_with_france_connect")


_QUOTIENT: Final = _both(f"{_V3}cnav_quotient_familial")
_CHILD_CARE: Final = _both(f"{_V3}cnav_participation_familiale_eaje")
_INCOME: Final = _both(f"{_V3}cnav_revenu_solidarite_active")
_BENEFITS: Final = (
    *_INCOME,
    *_both(f"{_V3}cnav_prime_activite"),
    *_both(f"{_V3}cnav_allocation_adulte_handicape"),
    *_both(f"{_V3}cnav_allocation_soutien_familial"),
    *_both(f"{_V3}cnav_complementaire_sante_solidaire"),
)
_CHILDREN: Final = (
    *_both(f"{_V3}cnav_allocation_rentree_scolaire"),
    *_both(f"{_V3}cnav_allocation_enfant_handicape"),
)
_PUPIL: Final = ("api_particulier_v5_men_scolarites_with_civility",)
_STUDENT: Final = (f"{_V3}mesri_statut_etudiant_with_ine", *_both(f"{_V3}mesri_statut_etudiant"))
_GRANT: Final = (
    "api_particulier_v5_cnous_etudiant_boursier_with_ine",
    *_both("api_particulier_v5_cnous_etudiant_boursier"),
)
_JOB_SEEKER: Final = (f"{_V3}france_travail_statut_with_identifiant",)
_PAYMENTS: Final = (f"{_V3}france_travail_indemnites_with_identifiant",)
_ATHLETE: Final = (f"{_V3}sdh_statut_sportif_with_identifiant",)
_NATIONAL_SERVICE: Final = _both(f"{_V3}dsnj_service_national")
_CIVIC_SERVICE: Final = _both(f"{_V3}gip_mds_service_civique")
_VEHICLE: Final = (f"{_V3}ants_extrait_immatriculation_vehicule_with_france_connect",)

USE_CASES: Final = (
    UseCase(
        key="tarification_municipale_enfance",
        title="Tarification des services municipaux à l'enfance",
        description="Calculer le tarif de la cantine, du périscolaire ou des loisirs d'une commune d'après le quotient "
        "familial.",
        operations=_QUOTIENT,
        optional=_INCOME,
    ),
    UseCase(
        key="restauration_scolaire",
        title="Restauration scolaire des collèges et lycées",
        description="Calculer le tarif de la demi-pension d'un élève d'après le quotient familial de son foyer.",
        operations=_QUOTIENT,
        optional=_PUPIL,
    ),
    UseCase(
        key="tarification_creche",
        title="Tarification de la crèche",
        description="Calculer la participation d'une famille à l'accueil de son enfant dans un établissement du jeune "
        "enfant.",
        operations=_CHILD_CARE,
        optional=_QUOTIENT,
    ),
    UseCase(
        key="petite_enfance",
        title="Inscription à la petite enfance",
        description="Instruire une demande de place d'accueil sans demander d'attestation de la CAF ou de la MSA.",
        operations=(*_QUOTIENT, *_CHILD_CARE),
        optional=(
            *_INCOME,
            *_both(f"{_V3}cnav_allocation_soutien_familial"),
            *_both(f"{_V3}cnav_allocation_enfant_handicape"),
            *_JOB_SEEKER,
        ),
    ),
    UseCase(
        key="transport_scolaire",
        title="Transport scolaire",
        description="Inscrire un élève ou un étudiant au transport scolaire et calculer son tarif.",
        operations=(*_PUPIL, *_QUOTIENT),
        optional=(*_STUDENT, *_GRANT),
    ),
    UseCase(
        key="tarification_transports",
        title="Tarification solidaire des transports",
        description="Accorder un tarif réduit de transport d'après la situation de la personne.",
        operations=(*_QUOTIENT, *_BENEFITS, *_STUDENT, *_GRANT, *_JOB_SEEKER),
        optional=(*_PUPIL, *_CIVIC_SERVICE),
    ),
    UseCase(
        key="stationnement_residentiel",
        title="Stationnement résidentiel",
        description="Instruire une demande d'abonnement de stationnement sans demander la carte grise.",
        operations=_VEHICLE,
        optional=(*_STUDENT, *_QUOTIENT),
    ),
    UseCase(
        key="action_sociale",
        title="Action sociale",
        description="Instruire les aides d'un centre communal d'action sociale d'après les prestations et les statuts "
        "de la personne.",
        operations=_QUOTIENT,
        optional=(*_BENEFITS, *_CHILDREN, *_PUPIL, *_STUDENT, *_GRANT, *_JOB_SEEKER, *_PAYMENTS),
    ),
    UseCase(
        key="aides_facultatives",
        title="Aides facultatives des départements et des régions",
        description="Attribuer une aide à la scolarité, à la culture ou au sport sous conditions de ressources ou de "
        "statut.",
        operations=_QUOTIENT,
        optional=(
            *_BENEFITS,
            *_CHILDREN,
            *_PUPIL,
            *_STUDENT,
            *_GRANT,
            *_JOB_SEEKER,
            *_PAYMENTS,
            *_ATHLETE,
            *_CIVIC_SERVICE,
        ),
    ),
    UseCase(
        key="bourses",
        title="Bourses et prêts d'études",
        description="Vérifier la scolarité ou les études de la personne, et la bourse qu'elle reçoit déjà.",
        operations=(*_PUPIL, *_STUDENT, *_GRANT),
        optional=_QUOTIENT,
    ),
    UseCase(
        key="gestion_rh_secteur_public",
        title="Recrutement et gestion des agents publics",
        description="Vérifier les études ou la situation au regard du service national d'un candidat ou d'un agent.",
        operations=(*_STUDENT, *_NATIONAL_SERVICE),
        optional=_CIVIC_SERVICE,
    ),
)
