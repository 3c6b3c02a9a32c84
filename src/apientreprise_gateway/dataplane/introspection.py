"""The answer to an introspection: what the gateway knows of a token, in the published form."""

from datetime import UTC, datetime
from typing import Final

import orjson

from apientreprise_gateway.auth.registry import TokenRecord, TokenRegistry
from apientreprise_gateway.auth.token import Token
from apientreprise_gateway.dataplane.admission import Admission
from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.checks import authorize
from apientreprise_gateway.dataplane.plan import Plan
from apientreprise_gateway.upstream.reading import ProviderAnswer

_STANDARD: Final = "standard"
"""The type of every token here; the published service has tokens of editors as well."""


class Introspection:
    """Answers what a token is: in no window, but counted for its address as any call."""

    def __init__(self, *, admission: Admission, registry: TokenRegistry) -> None:
        self._admission = admission
        self._registry = registry

    async def answer(self, call: Call, plan: Plan, token: Token, _values: list[str]) -> ProviderAnswer:
        """What the token of a call is.

        Raises:
            ConnectionDropped, Refusal: as `Admission.count_unknown` and `authorize`.
        """
        await self._admission.count_unknown(call)
        record = self._registry.records.get(token.jti)
        authorize(call, plan, token, record)
        return ProviderAnswer(200, render(token, record))


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
