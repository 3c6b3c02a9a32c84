"""The introspection: the endpoint that shows a caller its own token. Any valid token opens it.

It is the same as that of API Entreprise, for deployments without it. Its calls count against no rate limit.
"""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.particulier.groups import PARTICULIER

INTROSPECTION: Final = Endpoint(
    operation="api_particulier_v3_introspect",
    path="/v3/token/introspect",
    summary="Ce que vaut votre jeton",
    tag="Jeton",
    scopes=(),
    parameters=(),
    group=PARTICULIER,
)
