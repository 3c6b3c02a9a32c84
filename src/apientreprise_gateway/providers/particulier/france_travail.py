"""France Travail: what a job seeker is registered as, and what is paid."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.providers.particulier.groups import PARTICULIER
from apientreprise_gateway.providers.particulier.masks import shown
from apientreprise_gateway.providers.particulier.parameters import ACCOUNT, ACCOUNT_V2

_TAG: Final = "Demandeurs d'emploi"
_PAYMENTS: Final = ("pole_emploi_paiements",)
_STATUS: Final = tuple(f"pole_emploi_{part}" for part in ("identite", "adresse", "contact", "inscription"))
_V2_FIELDS: Final = {
    "pole_emploi_identite": ("identifiant", "civilite", "nom", "nomUsage", "prenom", "sexe", "dateNaissance"),
    "pole_emploi_inscription": (
        "codeCertificationCNAV",
        "codeCategorieInscription",
        "libelleCategorieInscription",
        "dateInscription",
        "dateCessationInscription",
    ),
    "pole_emploi_adresse": ("adresse",),
    "pole_emploi_contact": ("email", "telephone", "telephone2"),
}
"""The fields that each scope shows in v2."""

PROVIDER: Final = Provider(
    key="france_travail",
    name="France Travail",
    prefix="24",
    endpoints=(
        Endpoint(
            operation="api_particulier_v3_france_travail_indemnites_with_identifiant",
            path="/v3/france_travail/indemnites/identifiant",
            summary="Paiements de France Travail à une personne",
            tag=_TAG,
            scopes=_PAYMENTS,
            parameters=(),
            group=PARTICULIER,
            person=ACCOUNT,
            mask=shown({"paiements": "pole_emploi_paiements"}),
        ),
        Endpoint(
            operation="api_particulier_v3_france_travail_statut_with_identifiant",
            path="/v3/france_travail/statut/identifiant",
            summary="Inscription d'une personne comme demandeur d'emploi",
            tag=_TAG,
            scopes=("pole_emploi_identifiant", *_STATUS),
            parameters=(),
            group=PARTICULIER,
            person=ACCOUNT,
            mask=shown(
                {
                    part: f"pole_emploi_{part}"
                    for part in ("identifiant", "identite", "contact", "inscription", "adresse")
                }
            ),
        ),
        Endpoint(
            operation="api_particulier_v2_pole_emploi_indemnites",
            path="/api/v2/paiements-pole-emploi",
            summary="Paiements de France Travail à une personne",
            tag=_TAG,
            scopes=_PAYMENTS,
            parameters=(),
            group=PARTICULIER,
            person=ACCOUNT_V2,
            mask=shown({"paiements": "pole_emploi_paiements"}, start=""),
            deprecated=True,
        ),
        Endpoint(
            operation="api_particulier_v2_pole_emploi_statut",
            path="/api/v2/situations-pole-emploi",
            summary="Inscription d'une personne comme demandeur d'emploi",
            tag=_TAG,
            scopes=_STATUS,
            parameters=(),
            group=PARTICULIER,
            person=ACCOUNT_V2,
            mask=shown({name: scope for scope, names in _V2_FIELDS.items() for name in names}, start=""),
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="pole_emploi_status",
            name="France Travail - Statut de demandeur d'emploi",
            probe="api_particulier_v3_france_travail_statut_with_identifiant",
            cache_seconds=120,
            probed=False,
            operations=(
                "api_particulier_v3_france_travail_statut_with_identifiant",
                "api_particulier_v2_pole_emploi_statut",
            ),
        ),
        Ping(
            key="pole_emploi_indemnites",
            name="France Travail - Paiements",
            probe="api_particulier_v3_france_travail_indemnites_with_identifiant",
            cache_seconds=120,
            probed=False,
            operations=(
                "api_particulier_v3_france_travail_indemnites_with_identifiant",
                "api_particulier_v2_pole_emploi_indemnites",
            ),
        ),
    ),
)
