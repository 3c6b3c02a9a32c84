"""The body of an introspection: what the gateway knows of a token, in the published form."""

from datetime import UTC, datetime
from typing import Final

import orjson

from apientreprise_gateway.auth.registry import TokenRecord
from apientreprise_gateway.auth.token import Token

_STANDARD: Final = "standard"
"""The type of every token here; the published service has tokens of editors as well."""


def render(token: Token, record: TokenRecord | None) -> bytes:
    """The document of a token, in the form of v3.

    The habilitation behind a token is known to who issued it, not to the gateway: what is to be said of it is null.
    """
    return orjson.dumps(
        {
            "data": {
                "id": token.jti,
                "type": _STANDARD,
                "scopes": sorted(token.scopes),
                "datapass_id": None,
                "siret_souscripteur": None,
                "date_emission": _instant(token.issued_at),
                "date_expiration": _instant(token.expires_at),
                "rate_limit_par_minute": None if record is None else record.limit_per_minute,
                "delegation": None,
            },
            "links": {"datapass": None},
            "meta": {},
        }
    )


def _instant(seconds: float | None) -> str | None:
    """A Unix time as a date-time of RFC 3339; null where it is none that a calendar has."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None
