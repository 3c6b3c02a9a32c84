"""MESRI: at which institutions a student is admitted, as the ministry of higher education knows it."""

from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.masks import MaskRules
from apientreprise_gateway.providers.particulier.groups import PARTICULIER
from apientreprise_gateway.providers.particulier.masks import needed, shown
from apientreprise_gateway.providers.particulier.parameters import CIVILITY_MESRI, FRANCE_CONNECT, INE, STUDENT_V2

_TAG: Final = "Éducation et études"
_SCOPES: Final = (
    "mesri_identite",
    "mesri_admissions",
    "mesri_admission_inscrit",
    "mesri_admission_regime_formation",
    "mesri_admission_commune_etudes",
    "mesri_admission_etablissement_etudes",
)
_MASK: Final = shown(
    {
        "identite": "mesri_identite",
        "admissions": "mesri_admissions",
        "admissions[].est_inscrit": "mesri_admission_inscrit",
        "admissions[].code_cog_insee_commune": "mesri_admission_commune_etudes",
        "admissions[].regime_formation": "mesri_admission_regime_formation",
        "admissions[].etablissement_etudes": "mesri_admission_etablissement_etudes",
    }
)

_POPULATIONS_V2: Final = MappingProxyType(
    {
        "mesri_inscription_etudiant": {"statut": "inscrit", "regime": "formation initiale"},
        "mesri_inscription_autre": {"statut": "inscrit", "regime": "formation continue"},
        "mesri_admission": {"statut": "admis"},
    }
)
"""The entries that each scope opens in v2."""
_SCOPES_V2: Final = ("mesri_identifiant", "mesri_identite", *_POPULATIONS_V2, "mesri_etablissements")
_MASK_V2: Final = MaskRules(
    fields={
        "ine": needed("mesri_identifiant"),
        **dict.fromkeys(("nom", "prenom", "dateNaissance"), needed("mesri_identite")),
        "inscriptions": needed(*_POPULATIONS_V2, "mesri_etablissements"),
        "inscriptions[].etablissement": needed("mesri_etablissements"),
        "inscriptions[].codeCommune": needed("mesri_etablissements"),
    },
    populations={"inscriptions": _POPULATIONS_V2},
)

PROVIDER: Final = Provider(
    key="mesri",
    name="MESRI",
    prefix="25",
    endpoints=(
        Endpoint(
            operation="api_particulier_v3_mesri_statut_etudiant_with_civility",
            path="/v3/mesri/statut_etudiant/identite",
            summary="Admissions et inscriptions d'un étudiant, par son identité",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=CIVILITY_MESRI,
            mask=_MASK,
        ),
        Endpoint(
            operation="api_particulier_v3_mesri_statut_etudiant_with_france_connect",
            path="/v3/mesri/statut_etudiant/france_connect",
            summary="Admissions et inscriptions d'un étudiant, par FranceConnect",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=FRANCE_CONNECT,
            mask=_MASK,
        ),
        Endpoint(
            operation="api_particulier_v3_mesri_statut_etudiant_with_ine",
            path="/v3/mesri/statut_etudiant/ine",
            summary="Admissions et inscriptions d'un étudiant, par son INE",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=INE,
            mask=_MASK,
        ),
        Endpoint(
            operation="api_particulier_v2_mesri_student_status",
            path="/api/v2/etudiants",
            summary="Inscriptions et admissions d'un étudiant",
            tag=_TAG,
            scopes=_SCOPES_V2,
            parameters=(),
            group=PARTICULIER,
            person=STUDENT_V2,
            mask=_MASK_V2,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="mesri_statut_etudiant_ine",
            name="MESRI - Statut étudiant, par l'INE",
            probe="api_particulier_v3_mesri_statut_etudiant_with_ine",
            cache_seconds=120,
            probed=False,
            operations=(
                "api_particulier_v3_mesri_statut_etudiant_with_ine",
                "api_particulier_v3_mesri_statut_etudiant_with_france_connect",
                "api_particulier_v2_mesri_student_status",
            ),
        ),
        Ping(
            key="mesri_statut_etudiant_identite",
            name="MESRI - Statut étudiant, par l'identité",
            probe="api_particulier_v3_mesri_statut_etudiant_with_civility",
            cache_seconds=120,
            probed=False,
            operations=("api_particulier_v3_mesri_statut_etudiant_with_civility",),
        ),
    ),
)
