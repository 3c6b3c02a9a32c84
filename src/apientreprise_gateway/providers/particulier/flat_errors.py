"""The errors of API Particulier's v2: the first error alone, as a word and a text, at statuses of its own.

What is refused before a call is known to be one of v2, such as one call too many, is a list of texts.
"""

from types import MappingProxyType
from typing import Final, NamedTuple

import orjson

from apientreprise_gateway.contract.codes import ACCESS_TOKEN_ERRORS
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.error_forms import ErrorForm
from apientreprise_gateway.contract.errors import GATEWAY_PREFIX, ApiError, Refusal
from apientreprise_gateway.providers.particulier.errors import UNKNOWN_PERSON


class _Flat(NamedTuple):
    """What v2 makes of an error."""

    word: str
    status: int | None = None
    """None if it is that of the later versions."""


_TEXTS: Final = frozenset({"00015", "00105", "00107", "00429", "00901", "00907"})
"""Errors that are a list of texts: those of who calls too often or is kept out, and of a call that is under way."""
_NETWORK: Final = _Flat("network_error")
_UNREADABLE: Final = _Flat("provider_unknown_error", 503)
_OF_CODES: Final = MappingProxyType(
    {
        UNKNOWN_PERSON: _Flat("not_found", 400),
        "00501": _NETWORK,
        **dict.fromkeys(ACCESS_TOKEN_ERRORS, _Flat("access_denied")),
    }
)
"""What one code is, whatever its status says."""
_OF_PROVIDERS: Final = MappingProxyType(
    {"002": _Flat("timeout_error"), "004": _NETWORK, "009": _UNREADABLE, "999": _UNREADABLE}
)
"""What an error of a provider is, by the last three digits of its code."""
_OF_STATUSES: Final = MappingProxyType(
    {
        400: _Flat("bad_request"),
        401: _Flat("access_denied"),
        403: _Flat("access_denied", 401),
        404: _Flat("not_found"),
        405: _Flat("bad_request"),
        409: _Flat("conflict"),
        410: _Flat("not_found"),
        414: _Flat("bad_request"),
        422: _Flat("bad_request", 400),
        431: _Flat("bad_request"),
        451: _Flat("data_provider_error"),
    }
)
"""What an error is by its status, if the provider is not in trouble."""
_TROUBLE: Final = _Flat("data_provider_error", 503)
_INTERNAL: Final = _Flat("error")

_NOT_FOUND: Final = MappingProxyType(
    {
        "api_particulier_v2_mesri_student_status": "Student not found",
        "api_particulier_v2_men_scolarites": "Student not found",
        "api_particulier_v2_cnous_student_scholarship": "Scholarship not found",
        "api_particulier_v2_pole_emploi_statut": "Situation not found",
    }
)
"""The reason that some operations give where nobody was found, for programs that compare it."""


def _flat(error: ApiError, status: int) -> _Flat:
    if error.code in _OF_CODES:
        return _OF_CODES[error.code]
    of_provider = not error.code.startswith(GATEWAY_PREFIX)
    if of_provider and error.code[2:] in _OF_PROVIDERS:
        return _OF_PROVIDERS[error.code[2:]]
    return _OF_STATUSES.get(status) or (_TROUBLE if of_provider else _INTERNAL)


def _first_alone(refusal: Refusal, endpoint: Endpoint | None) -> tuple[int, bytes]:
    error = refusal.errors[0]
    if error.code in _TEXTS:
        return refusal.status, orjson.dumps({"errors": [each.detail for each in refusal.errors]})
    flat = _flat(error, refusal.status)
    fixed = endpoint is not None and flat.word == "not_found" and not error.code.startswith(GATEWAY_PREFIX)
    reason = _NOT_FOUND.get(endpoint.operation, error.detail) if endpoint is not None and fixed else error.detail
    body = {"error": flat.word, "reason": reason, "message": error.detail}
    return flat.status or refusal.status, orjson.dumps(body)


FLAT: Final = ErrorForm(
    render=_first_alone,
    name="ErreurParticulierV2",
    schema=MappingProxyType(
        {
            "oneOf": [
                {
                    "type": "object",
                    "required": ["error", "reason", "message"],
                    "properties": {
                        "error": {"type": "string", "description": "Ce qui s'est passé, en un mot."},
                        "reason": {"type": "string", "description": "Le détail, parfois une phrase fixe en anglais."},
                        "message": {"type": "string", "description": "Le détail, en français."},
                    },
                },
                {
                    "type": "object",
                    "description": "Appels trop nombreux, appelant écarté ou même appel en cours.",
                    "required": ["errors"],
                    "properties": {
                        "errors": {
                            "type": "array",
                            "description": "Ce qui ne va pas, une phrase par erreur.",
                            "minItems": 1,
                            "items": {"type": "string"},
                        }
                    },
                },
            ]
        }
    ),
    suffix="-particulier-v2",
)
