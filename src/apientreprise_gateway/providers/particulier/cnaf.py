"""CNAF: the family quotient of v2, by allowance number and postcode."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.errors import SpecificError
from apientreprise_gateway.providers.particulier.cnaf_msa import MASK_V2
from apientreprise_gateway.providers.particulier.groups import PARTICULIER
from apientreprise_gateway.providers.particulier.parameters import ALLOWANCE_V2

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "23502": SpecificError(
            "Quotient familial manquant", "La CNAF connaît ce foyer, mais n'a pas calculé son quotient familial."
        ),
    }
)

PROVIDER: Final = Provider(
    key="cnaf",
    name="CNAF",
    prefix="23",
    endpoints=(
        Endpoint(
            operation="api_particulier_v2_cnaf_quotient_familial",
            path="/api/v2/composition-familiale",
            summary="Quotient familial et composition d'un foyer, par numéro d'allocataire",
            tag="Quotient familial",
            scopes=("cnaf_quotient_familial", "cnaf_allocataires", "cnaf_enfants", "cnaf_adresse"),
            parameters=(),
            group=PARTICULIER,
            person=ALLOWANCE_V2,
            mask=MASK_V2,
            codes=MappingProxyType({404: ("23502",)}),
            deprecated=True,
        ),
    ),
    errors=_ERRORS,
)
