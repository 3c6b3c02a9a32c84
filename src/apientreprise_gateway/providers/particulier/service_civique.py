"""GIP-MDS: contracts of civic service, from the monthly social declarations (DSN)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.codes import INVALID
from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.errors import SpecificError
from apientreprise_gateway.providers.particulier.groups import PARTICULIER
from apientreprise_gateway.providers.particulier.masks import shown
from apientreprise_gateway.providers.particulier.parameters import CIVILITY_GIP_MDS, FRANCE_CONNECT

_TAG: Final = "Service national et service civique"
_SCOPE: Final = "gip_mds_service_civique_"
_SCOPES: Final = tuple(_SCOPE + part for part in ("statut_actuel", "statut_passe", "organisme_accueil", "dates"))
_CONTRACTS: Final = ("statut_actuel", "statut_passe")
_MASK: Final = shown(
    {
        **{contract: _SCOPE + contract for contract in _CONTRACTS},
        **{f"{contract}.organisme_accueil": f"{_SCOPE}organisme_accueil" for contract in _CONTRACTS},
        **{f"{contract}.date_debut_contrat": f"{_SCOPE}dates" for contract in _CONTRACTS},
        **{f"{contract}.date_fin_contrat": f"{_SCOPE}dates" for contract in _CONTRACTS},
    }
)
_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "00391": SpecificError(INVALID, "Plusieurs personnes répondent à l'identité donnée : elle ne suffit pas."),
    }
)

PROVIDER: Final = Provider(
    key="service_civique",
    name="GIP-MDS",
    prefix="31",
    endpoints=(
        Endpoint(
            operation="api_particulier_v3_gip_mds_service_civique_with_civility",
            path="/v3/gip_mds/service_civique/identite",
            summary="Service civique d'une personne, en cours ou passé",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=CIVILITY_GIP_MDS,
            mask=_MASK,
            codes=MappingProxyType({422: ("00391",)}),
        ),
        Endpoint(
            operation="api_particulier_v3_gip_mds_service_civique_with_france_connect",
            path="/v3/gip_mds/service_civique/france_connect",
            summary="Service civique d'une personne, en cours ou passé, par FranceConnect",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=FRANCE_CONNECT,
            mask=_MASK,
            codes=MappingProxyType({422: ("00391",)}),
        ),
    ),
    errors=_ERRORS,
)
