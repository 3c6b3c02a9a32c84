"""The introspection: the endpoint that tells a token's holder what the token is. Any valid token opens it.

No window counts its calls.
"""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.entreprise.groups import JSON

INTROSPECTION: Final = Endpoint(
    operation="api_entreprise_v3_introspect",
    path="/v3/token/introspect",
    summary="Ce que vaut votre jeton",
    tag="Jeton",
    scopes=(),
    parameters=(),
    group=JSON,
)
