"""The headers of responses in OpenAPI."""

from typing import Final

from apientreprise_gateway.controlplane.openapi.components import Components, Json

_HEADERS: Final[dict[str, Json]] = {
    "X-Request-Id": {"description": "Identifiant de l'appel.", "schema": {"type": "string"}},
    "RateLimit-Remaining": {
        "description": "Nombre d'appels qui restent.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit-Reset": {
        "description": "Moment, en secondes depuis le 1er janvier 1970 UTC, où le compteur se libère.",
        "schema": {"type": "integer"},
    },
    "Retry-After": {
        "description": "Secondes à attendre avant le prochain appel.",
        "schema": {"type": "integer", "minimum": 1},
    },
}

_CACHE_HEADERS: Final[dict[str, Json]] = {
    "X-Response-Cached": {
        "description": "La réponse a-t-elle été conservée d'un appel antérieur ? Absent si cette passerelle ne "
        "conserve rien.",
        "schema": {"type": "boolean"},
    },
    "X-Cache-Expires-in": {
        "description": "Secondes pendant lesquelles la réponse est conservée ; 0 si elle ne l'est pas.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-Cache-Stale": {
        "description": "Présent, et `true`, quand le fournisseur est en panne et que la réponse est la dernière qu'il "
        "ait donnée, périmée depuis. `Age` dit alors depuis combien de secondes elle est conservée.",
        "schema": {"type": "boolean"},
    },
}
"""The headers of a success that may come from the cache."""

_LIMIT: Final = "RateLimit-Limit"
_WINDOW_HEADERS: Final = (_LIMIT, "RateLimit-Remaining", "RateLimit-Reset", "X-Request-Id")
_HEADERS_OF: Final = {401: ("X-Request-Id",), 429: ("Retry-After", *_WINDOW_HEADERS)}
"""Names of headers by status, where they are not `_WINDOW_HEADERS` alone: a call without a valid token is not
counted."""


def headers_of(status: int, components: Components) -> Json:
    """The headers of an operation's response with a status."""
    names = _HEADERS_OF.get(status, _WINDOW_HEADERS)
    known = _HEADERS | {_LIMIT: {"description": components.calls, "schema": {"type": "integer"}}}
    return {name: components.refer("headers", name, known[name]) for name in names}


def cache_headers(components: Components) -> Json:
    """The headers of a success that may come from the cache."""
    return {name: components.refer("headers", name, header) for name, header in _CACHE_HEADERS.items()}
