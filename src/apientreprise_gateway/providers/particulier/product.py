"""API Particulier: data of persons, given to the administration that needs them."""

from importlib.resources import files
from typing import Any, Final

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.error_forms import OBJECTS
from apientreprise_gateway.contract.passing import TokenPassing
from apientreprise_gateway.contract.traceability import TraceabilityRule
from apientreprise_gateway.providers.examples import Examples
from apientreprise_gateway.providers.particulier import (
    ants,
    cnaf,
    cnaf_msa,
    cnav,
    cnous,
    dsnj,
    france_travail,
    men,
    mesri,
    sdh,
    service_civique,
)
from apientreprise_gateway.providers.particulier.flat_errors import FLAT
from apientreprise_gateway.providers.particulier.groups import CEILING, GROUPS
from apientreprise_gateway.providers.particulier.introspection import INTROSPECTION
from apientreprise_gateway.providers.particulier.replaced import REPLACED
from apientreprise_gateway.providers.particulier.schemas import SCHEMAS
from apientreprise_gateway.providers.particulier.texts import TEXTS
from apientreprise_gateway.providers.particulier.use_cases import USE_CASES
from apientreprise_gateway.providers.product import KEY, PingPaths, PrivilegesPage, Product, Version

PROVIDERS: Final[tuple[Provider, ...]] = (
    cnaf.PROVIDER,
    france_travail.PROVIDER,
    mesri.PROVIDER,
    cnous.PROVIDER,
    men.PROVIDER,
    service_civique.PROVIDER,
    cnaf_msa.PROVIDER,
    cnav.PROVIDER,
    dsnj.PROVIDER,
    sdh.PROVIDER,
    ants.PROVIDER,
)
"""Every provider of the catalogue, by code prefix."""

_PASSING_V2: Final = TokenPassing(bearer=False, header="X-Api-Key", parameter="token")
_PASSING: Final = TokenPassing(bearer=True, header="X-Api-Key")
_TRACED_V2: Final = TraceabilityRule(required=(), siret_recipient=True, known=("recipient",))
_TRACED: Final = TraceabilityRule(required=("recipient",), siret_recipient=True, known=("recipient",))

_DETAILS: Final = {
    "00100": "Votre token est valide mais vos privilèges sont insuffisants. Listez vos privilèges sur /api/introspect"
}
"""Where the published words name a page of API Entreprise: the page that this product has instead."""
_FLAT: Final = FLAT.with_details(_DETAILS)
_OBJECTS: Final = OBJECTS.with_details(_DETAILS)

_INTROSPECT: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["_id", "name", "scopes"],
    "properties": {
        "_id": {"type": "string", "description": "Identifiant du jeton (`jti`)."},
        "name": {"type": "string", "const": "", "description": "Toujours vide."},
        "scopes": {"type": "array", "items": {"type": "string"}, "description": "Les droits, triés."},
    },
}

PARTICULIER: Final = Product(
    key="api_particulier",
    name="particulier",
    title="API Particulier",
    versions=(
        Version(number=2, prefix="/api", token=_PASSING_V2, traceability=_TRACED_V2, errors=_FLAT),
        Version(number=3, token=_PASSING, traceability=_TRACED, errors=_OBJECTS),
        Version(number=4, token=_PASSING, traceability=_TRACED, errors=_OBJECTS),
        Version(number=5, token=_PASSING, traceability=_TRACED, errors=_OBJECTS),
    ),
    groups=GROUPS,
    ceiling=CEILING,
    refusals_by_token=True,
    early_seconds=0.1,
    providers=PROVIDERS,
    introspection=INTROSPECTION,
    privileges=(
        PrivilegesPage(
            "/api/introspect",
            TokenPassing(bearer=True, header="X-Api-Key", parameter="token"),
            lambda jti, scopes: {"_id": jti, "name": "", "scopes": sorted(scopes)},
            _FLAT,
            _INTROSPECT,
        ),
    ),
    own_key="/api/france_connect_jwks",
    gone=("/api/caf/famille", "/api/impots/svair", "/api/v2/avis-imposition"),
    use_cases=USE_CASES,
    replaced=REPLACED,
    schemas=SCHEMAS,
    examples=Examples((files(__package__) / "examples.json").read_bytes),
    specification="/openapi-particulier.yaml",
    errors="/api/errors",
    pings=PingPaths(index="/api/pings", one=f"/api/{KEY}/ping", alive="/api/ping"),
    texts=TEXTS,
)
