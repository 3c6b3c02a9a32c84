"""CNAF & MSA: the family quotient, which the two family funds answer together."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.errors import SpecificError
from apientreprise_gateway.contract.lifetime import DAY
from apientreprise_gateway.providers.particulier.errors import (
    ABSENT_AT_CNAF,
    ABSENT_AT_MSA,
    BOTH_FUNDS,
    REFUSED_IDENTITY,
    UNKNOWN,
)
from apientreprise_gateway.providers.particulier.groups import PARTICULIER
from apientreprise_gateway.providers.particulier.masks import shown
from apientreprise_gateway.providers.particulier.parameters import QUOTIENT, QUOTIENT_BY_TOKEN, QUOTIENT_V2

_TAG: Final = "Quotient familial"
_SCOPES: Final = ("cnaf_quotient_familial", "cnaf_allocataires", "cnaf_enfants", "cnaf_adresse")
_CODES: Final = MappingProxyType({404: ("10003", "23003"), 422: ("00355", "00366")})

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {**ABSENT_AT_MSA, **ABSENT_AT_CNAF, **REFUSED_IDENTITY, **UNKNOWN}
)
_MASK: Final = shown(
    {
        "quotient_familial": "cnaf_quotient_familial",
        "allocataires": "cnaf_allocataires",
        "enfants": "cnaf_enfants",
        "adresse": "cnaf_adresse",
    }
)
MASK_V2: Final = shown(
    {
        "quotientFamilial": "cnaf_quotient_familial",
        "mois": "cnaf_quotient_familial",
        "annee": "cnaf_quotient_familial",
        "allocataires": "cnaf_allocataires",
        "enfants": "cnaf_enfants",
        "adresse": "cnaf_adresse",
    },
    start="",
)

PROVIDER: Final = Provider(
    key="cnaf_msa",
    name=BOTH_FUNDS,
    prefix="35",
    endpoints=(
        Endpoint(
            operation="api_particulier_v3_cnav_quotient_familial_with_civility",
            path="/v3/dss/quotient_familial/identite",
            summary="Quotient familial d'un foyer, avec sa composition et son adresse",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=QUOTIENT,
            mask=_MASK,
            cache=DAY,
            codes=_CODES,
        ),
        Endpoint(
            operation="api_particulier_v3_cnav_quotient_familial_with_france_connect",
            path="/v3/dss/quotient_familial/france_connect",
            summary="Quotient familial d'un foyer, avec sa composition et son adresse, par FranceConnect",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=QUOTIENT_BY_TOKEN,
            mask=_MASK,
            cache=DAY,
            codes=_CODES,
        ),
        Endpoint(
            operation="api_particulier_v2_cnav_quotient_familial_v2",
            path="/api/v2/composition-familiale-v2",
            summary="Quotient familial et composition d'un foyer",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=QUOTIENT_V2,
            mask=MASK_V2,
            cache=DAY,
            codes=MappingProxyType({422: ("00355",)}),
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="cnaf_msa_quotient_familial",
            name="CNAF & MSA - Quotient familial",
            probe="api_particulier_v3_cnav_quotient_familial_with_civility",
            cache_seconds=1800,
            probed=False,
        ),
    ),
    errors=_ERRORS,
)
