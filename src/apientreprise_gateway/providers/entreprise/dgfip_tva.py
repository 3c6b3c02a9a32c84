"""DGFIP: the numbers of value added tax, from a service of its own: any token opens it, and it needs no `user_id`."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.lifetime import HOUR
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

PROVIDER: Final = Provider(
    key="dgfip_tva",
    name="DGFIP - TVA",
    prefix="43",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_dgfip_tva",
            path="/v3/dgfip/unites_legales/{siren}/numero_tva",
            summary="Numéro de TVA intracommunautaire d'une unité légale",
            tag="Informations générales",
            scopes=(),
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            cache=HOUR,
        ),
    ),
    pings=(
        Ping(
            key="dgfip/numero_tva",
            name="DGFIP - Numéro de TVA",
            probe="api_entreprise_v3_dgfip_tva",
            cache_seconds=300,
        ),
    ),
)
