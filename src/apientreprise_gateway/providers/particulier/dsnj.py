"""DSNJ: whether a young person is in order with the national service."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.errors import SpecificError
from apientreprise_gateway.providers.particulier.groups import PARTICULIER
from apientreprise_gateway.providers.particulier.masks import shown
from apientreprise_gateway.providers.particulier.parameters import CIVILITY_DSNJ, FRANCE_CONNECT

_TAG: Final = "Service national et service civique"
_SCOPE: Final = "dsnj_statut_service_national"
_MASK: Final = shown({"statut_service_national": _SCOPE, "commentaires": _SCOPE})
OTHER_AGE: Final = "39400"
"""The person is younger or older than those whom the national service concerns."""

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        OTHER_AGE: SpecificError(
            "Age non pertinent pour le Service National",
            "Le statut de service national se demande pour une personne de 16 à 25 ans.",
        ),
    }
)
_CODES: Final = MappingProxyType({422: (OTHER_AGE,)})

PROVIDER: Final = Provider(
    key="dsnj",
    name="DSNJ",
    prefix="39",
    endpoints=(
        Endpoint(
            operation="api_particulier_v3_dsnj_service_national_with_civility",
            path="/v3/dsnj/service_national/identite",
            summary="Situation d'un jeune à l'égard du service national",
            tag=_TAG,
            scopes=(_SCOPE,),
            parameters=(),
            group=PARTICULIER,
            person=CIVILITY_DSNJ,
            mask=_MASK,
            codes=_CODES,
        ),
        Endpoint(
            operation="api_particulier_v3_dsnj_service_national_with_france_connect",
            path="/v3/dsnj/service_national/france_connect",
            summary="Situation d'un jeune à l'égard du service national, par FranceConnect",
            tag=_TAG,
            scopes=(_SCOPE,),
            parameters=(),
            group=PARTICULIER,
            person=FRANCE_CONNECT,
            mask=_MASK,
            codes=_CODES,
        ),
    ),
    pings=(
        Ping(
            key="dsnj_service_national",
            name="DSNJ - Service national",
            probe="api_particulier_v3_dsnj_service_national_with_civility",
            cache_seconds=120,
            probed=False,
        ),
    ),
    errors=_ERRORS,
)
