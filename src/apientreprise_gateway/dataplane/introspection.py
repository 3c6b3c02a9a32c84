"""The introspection endpoint: what the gateway knows about the caller's token, in the form of the published API."""

from datetime import UTC, datetime
from typing import Final

import orjson

from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.token import Token
from apientreprise_gateway.dataplane.admission import Admission
from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.checks import authorize
from apientreprise_gateway.dataplane.plan import Plan
from apientreprise_gateway.upstream.reading import ProviderAnswer

_STANDARD: Final = "standard"
"""The type of every token here; the published service also has tokens of software editors."""


class Introspection:
    """Answers introspections; they count for no token's window, but for the address like any call."""

    def __init__(self, *, admission: Admission, registry: TokenRegistry) -> None:
        self._admission = admission
        self._registry = registry

    async def answer(self, call: Call, plan: Plan, token: Token, _values: list[str]) -> ProviderAnswer:
        """The answer about the token of a call.

        Raises:
            ConnectionDropped, Refusal: as `Admission.count_unknown` and `authorize`.
        """
        await self._admission.count_unknown(call, plan.address_rule)
        record = self._registry.records.get(token.jti)
        authorize(call, plan, token, record)
        return ProviderAnswer(200, render(token, record))


def render(token: Token, record: TokenRecord | None) -> bytes:
    """The body of an introspection, in the form of v3.

    Only the issuer knows the habilitation behind a token, so the fields about it are null.
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
                "rate_limit_par_minute": None if record is None else _limit(record),
                "delegation": None,
            },
            "links": {"datapass": None},
            "meta": {},
        }
    )


def _limit(record: TokenRecord) -> int | None:
    """Calls per minute that a token may make at most for what is recorded about it; None for the usual limits."""
    return min((each for each in (record.limit_per_minute, record.cap_per_minute) if each is not None), default=None)


def _instant(seconds: float | None) -> str | None:
    """A Unix time in seconds as a date-time of RFC 3339; None without one, or if it is out of range."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None
