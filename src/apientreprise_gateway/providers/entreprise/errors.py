"""The errors of API Entreprise's v2: bare texts."""

from typing import Any, Final

import orjson

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.error_forms import ErrorForm
from apientreprise_gateway.contract.errors import GATEWAY_PREFIX, Refusal


def is_flagged(refusal: Refusal) -> bool:
    """Whether v2 says `gateway_error` with a refusal, on the endpoints that have that flag.

    As in the published v2: it does for every 5xx and for what came of asking the provider, a wrong number included; not
    for what was refused before that (token, traceability, rate limit), nor where the law forbids the answer.
    """
    if refusal.status >= 500:
        return True
    return any(_comes_of_asking(refusal.status, error.code) for error in refusal.errors)


def _comes_of_asking(status: int, code: str) -> bool:
    return code.startswith("003") or (status == 404 and not code.startswith(GATEWAY_PREFIX))


def _as_texts(refusal: Refusal, endpoint: Endpoint | None) -> tuple[int, bytes]:
    body: dict[str, Any] = {"errors": [error.detail for error in refusal.errors]}
    if endpoint is not None and endpoint.gateway_error and is_flagged(refusal):
        body["gateway_error"] = True
    return refusal.status, orjson.dumps(body)


TEXTS: Final = ErrorForm(
    render=_as_texts,
    name="ErreursV2",
    schema={
        "type": "object",
        "required": ["errors"],
        "properties": {
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string"},
                "description": "Ce qui s'est passé, une phrase par erreur.",
            },
            "gateway_error": {
                "type": "boolean",
                "description": "`true` sur trois opérations de l'INSEE et de CMA France : avec un 404, un 422 dû au "
                "numéro et tout 5xx.",
            },
        },
    },
    suffix="-v2",
)
