"""European Commission: VIES, the numbers of value added tax."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.lifetime import DAY
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

PROVIDER: Final = Provider(
    key="european_commission",
    name="Commission Européenne",
    prefix="28",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_european_commission_vies",
            path="/v3/european_commission/unites_legales/{siren}/numero_tva",
            summary="Numéro de TVA intracommunautaire d'une unité légale",
            tag="Informations générales",
            # The published list has no scope for it; its data is public, and this scope opens what is.
            scopes=("open_data",),
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            cache=DAY,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="european_commission/numero_tva",
            name="Commission européenne - Numéro de TVA",
            probe="api_entreprise_v3_european_commission_vies",
            cache_seconds=600,
        ),
    ),
)
