"""The introspection: the endpoint that tells a token's holder what the token is. Any valid token opens it."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint

INTROSPECTION: Final = Endpoint(
    operation="api_entreprise_v3_introspect",
    path="/v3/token/introspect",
    summary="Ce que vaut votre jeton",
    tag="Jeton",
    scopes=(),
    parameters=(),
)
