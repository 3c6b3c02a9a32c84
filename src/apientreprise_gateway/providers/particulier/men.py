"""MEN: where a pupil goes to school, as the ministry of education knows it."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.masks import MaskRules, Needs
from apientreprise_gateway.providers.particulier.groups import PARTICULIER
from apientreprise_gateway.providers.particulier.masks import needed, shown
from apientreprise_gateway.providers.particulier.parameters import CIVILITY_MEN, PUPIL_V2

_TAG: Final = "Éducation et études"
_SUMMARY: Final = "Scolarité et bourse d'un élève"
_SCOPES: Final = (
    "men_statut_identite",
    "men_statut_scolarite",
    "men_statut_etablissement",
    "men_statut_module_elementaire_formation",
    "men_statut_boursier",
    "men_echelon_bourse",
    "men_regime_pensionnat",
)
_FIELDS: Final = {
    "identite": "men_statut_identite",
    "annee_scolaire": "men_statut_scolarite",
    "est_scolarise": "men_statut_scolarite",
    "statut_eleve": "men_statut_scolarite",
    "etablissement": "men_statut_etablissement",
    "module_elementaire_formation": "men_statut_module_elementaire_formation",
    "est_boursier": "men_statut_boursier",
    "echelon_bourse": "men_echelon_bourse",
}
"""What each scope shows from v3 on."""
_MASK: Final = shown(_FIELDS)
_MASK_V2: Final = MaskRules(
    fields={
        **dict.fromkeys(("eleve", "annee_scolaire", "est_scolarise", "status_eleve"), needed("men_statut_scolarite")),
        "est_boursier": needed("men_statut_boursier"),
        "niveau_bourse": Needs(all_of=frozenset({"men_statut_boursier", "men_echelon_bourse"})),
    }
)

PROVIDER: Final = Provider(
    key="men",
    name="MEN",
    prefix="30",
    endpoints=(
        Endpoint(
            operation="api_particulier_v5_men_scolarites_with_civility",
            path="/v5/men/scolarites/identite",
            summary="Scolarité, bourse et régime de pension d'un élève",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=CIVILITY_MEN,
            mask=shown({**_FIELDS, "regime_pensionnat": "men_regime_pensionnat"}),
        ),
        Endpoint(
            operation="api_particulier_v4_men_scolarites_with_civility",
            path="/v4/men/scolarites/identite",
            summary=_SUMMARY,
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=CIVILITY_MEN,
            mask=_MASK,
            deprecated=True,
        ),
        Endpoint(
            operation="api_particulier_v3_men_scolarites_with_civility",
            path="/v3/men/scolarites/identite",
            summary=_SUMMARY,
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=CIVILITY_MEN,
            mask=_MASK,
            deprecated=True,
        ),
        Endpoint(
            operation="api_particulier_v2_men_scolarites",
            path="/api/v2/scolarites",
            summary=_SUMMARY,
            tag=_TAG,
            scopes=("men_statut_scolarite", "men_statut_boursier", "men_echelon_bourse"),
            parameters=(),
            group=PARTICULIER,
            person=PUPIL_V2,
            mask=_MASK_V2,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="men_scolarite",
            name="MEN - Scolarité",
            probe="api_particulier_v5_men_scolarites_with_civility",
            cache_seconds=900,
            probed=False,
        ),
    ),
)
