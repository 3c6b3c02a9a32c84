"""A product that does not exist: it differs from API Entreprise in whatever a product may differ in.

Two versions below a prefix of their own. The first has flat errors, its status for all that is wrong with a call, and
takes tokens in a header of its own; the second is like API Entreprise from v3 on, but asks for the recipient alone.
Three calls within five seconds are all that a token may make.
"""

from pathlib import Path

import orjson

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.error_forms import OBJECTS, ErrorForm
from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.groups import Group, Limit
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.contract.passing import TokenPassing
from apientreprise_gateway.contract.traceability import TraceabilityRule
from apientreprise_gateway.providers.product import PrivilegesPage, Product, Texts, Version, Wording
from apientreprise_gateway.providers.schemas import Schemas

GROUP = Group("invented", Limit("limit_invented", 3, "Calls within five seconds and token."), seconds=5)
KEY = TokenPassing(bearer=False, header="X-Api-Key")
BEARER = TokenPassing(bearer=True, header="X-Api-Key")


def _first_alone(refusal: Refusal, _endpoint: Endpoint | None) -> tuple[int, bytes]:
    """The first error alone, in words; what is wrong with parameters is 400."""
    error = refusal.errors[0]
    status = 400 if refusal.status == 422 else refusal.status
    return status, orjson.dumps({"error": error.code, "message": error.detail})


WORDS = ErrorForm(
    render=_first_alone,
    name="Mots",
    schema={"type": "object", "required": ["error", "message"], "properties": {"error": {}, "message": {}}},
    suffix="-mots",
)

ROOMS = Endpoint(
    operation="invented_v2_rooms",
    path="/invented/v2/rooms/{siren}",
    summary="Les salles d'un musée",
    tag="Musées",
    scopes=("rooms",),
    parameters=(Parameter("siren", SIREN),),
    group=GROUP,
)
PAINTERS = Endpoint(
    operation="invented_v3_painters",
    path="/invented/v3/painters/{siren}",
    summary="Les peintres d'un musée",
    tag="Musées",
    scopes=("painters",),
    parameters=(Parameter("siren", SIREN),),
    group=GROUP,
)
MUSEUM = Provider(
    key="museum",
    name="Musée",
    prefix="98",
    endpoints=(ROOMS, PAINTERS),
    pings=(Ping(key="museum/painters", name="Musée - Peintres", probe=PAINTERS.operation, cache_seconds=60),),
)

INVENTED = Product(
    key="invented",
    name="invented",
    title="API Inventée",
    versions=(
        Version(
            number=2,
            prefix="/invented",
            token=KEY,
            traceability=TraceabilityRule(required=(), siret_recipient=False),
            errors=WORDS,
        ),
        Version(
            number=3,
            prefix="/invented",
            token=BEARER,
            traceability=TraceabilityRule(required=("recipient",), siret_recipient=True),
            errors=OBJECTS,
        ),
    ),
    groups=(GROUP,),
    providers=(MUSEUM,),
    privileges=(PrivilegesPage("/invented/privileges", KEY, lambda _, scopes: {"opens": sorted(scopes)}, WORDS),),
    schemas=Schemas(Path(__file__).parent / "schemas"),
    specification="/openapi-invented.yaml",
    errors="/errors-invented",
    texts=Texts(
        introduction="Une API inventée.\n\n",
        bearer="Le jeton.",
        header="Le jeton.",
        traceability={"recipient": Wording("SIRET du destinataire.", "13002526500013")},
    ),
)
