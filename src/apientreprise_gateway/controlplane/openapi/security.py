"""How a token is passed, in OpenAPI."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode
from apientreprise_gateway.contract.passing import TokenPassing
from apientreprise_gateway.controlplane.openapi.components import Json
from apientreprise_gateway.providers.product import Product

BEARER: Final = "jeton"
"""Name of the security scheme for a token in the `Authorization` header."""
OWN_HEADER: Final = "jeton_entete"
"""Name of the security scheme for a token in a header of the product's own."""
_PARAMETER: Final = "jeton_v2"
"""Name of the security scheme for a token in the query."""
FRANCE_CONNECT: Final = "france_connect"
"""Name of the security scheme for an access token of FranceConnect."""


def security_schemes(product: Product) -> Json:
    """The ways in which a token is passed in some version of the product."""
    passing, texts = [version.token for version in product.versions], product.texts
    schemes: Json = {}
    if any(each.bearer for each in passing):
        schemes[BEARER] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": texts.bearer}
    for header in dict.fromkeys(each.header for each in passing if each.header):
        schemes[OWN_HEADER] = {"type": "apiKey", "in": "header", "name": header, "description": texts.header}
    for parameter in dict.fromkeys(each.parameter for each in passing if each.parameter):
        schemes[_PARAMETER] = {"type": "apiKey", "in": "query", "name": parameter, "description": texts.parameter}
    if texts.france_connect:
        schemes[FRANCE_CONNECT] = {"type": "http", "scheme": "bearer", "description": texts.france_connect}
    return schemes


def usual(product: Product) -> list[Json]:
    """The ways that the document names once, for all operations that do not name their own."""
    return [{scheme: []} for scheme in security_schemes(product) if scheme != FRANCE_CONNECT]


def security_of(endpoint: Endpoint, product: Product) -> Json:
    """The ways in which a token opens an endpoint, where they are not the usual ones.

    Where FranceConnect may say whom a call is about, its token takes the place of the caller's.
    """
    person = endpoint.person
    own = ways(product.version_of(endpoint).token)
    if person is not None and person.france_connect:
        by_person: list[Json] = [{FRANCE_CONNECT: []}]
        own = by_person if person.mode is CallMode.FRANCE_CONNECT else own + by_person
    return unless_usual(own, product)


def unless_usual(own: list[Json], product: Product) -> Json:
    """The ways in which an operation takes a token, as a part of it; nothing if they are the usual ones."""
    return {} if own == usual(product) else {"security": own}


def ways(passing: TokenPassing) -> list[Json]:
    """The schemes by which a token may be passed, each enough by itself."""
    named = {BEARER: passing.bearer, OWN_HEADER: passing.header, _PARAMETER: passing.parameter}
    return [{scheme: []} for scheme, is_accepted in named.items() if is_accepted]
