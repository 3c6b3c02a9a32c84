"""SDH: athletes of the national lists."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.providers.particulier.groups import PARTICULIER
from apientreprise_gateway.providers.particulier.masks import shown
from apientreprise_gateway.providers.particulier.parameters import SPORT_NUMBER

_SCOPE: Final = "sdh_statut_sportif_"
_FIELDS: Final = (
    "identite",
    "est_sportif_de_haut_niveau",
    "a_ete_sportif_de_haut_niveau",
    "informations_statut",
    "informations_statuts_precedents",
)
_MASK_FIELDS: Final[Mapping[str, str]] = MappingProxyType({field: _SCOPE + field for field in _FIELDS})

PROVIDER: Final = Provider(
    key="sdh",
    name="SDH",
    prefix="41",
    endpoints=(
        Endpoint(
            operation="api_particulier_v3_sdh_statut_sportif_with_identifiant",
            path="/v3/sdh/statut_sportif/identifiant",
            summary="Inscription d'un sportif sur les listes ministérielles, actuelle et passées",
            tag="Sport",
            scopes=tuple(_MASK_FIELDS.values()),
            parameters=(),
            group=PARTICULIER,
            person=SPORT_NUMBER,
            mask=shown(_MASK_FIELDS),
        ),
    ),
    pings=(
        Ping(
            key="sdh_statut_sportif",
            name="SDH - Statut de sportif",
            probe="api_particulier_v3_sdh_statut_sportif_with_identifiant",
            cache_seconds=120,
            probed=False,
        ),
    ),
)
