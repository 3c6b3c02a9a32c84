"""Attestations of a company, asked from the gateway as a software would: with a token of one minute.

The token has the scopes in force of one of the person's own, and is sent once; the calls carry who asks (`user_id`),
for whom, and why, so that the journal tells of them like of any other call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx

from apientreprise_gateway.accounts.model import Habilitation, Token
from apientreprise_gateway.auth.issue import issue
from apientreprise_gateway.portal.services import Services

LIFE: Final = timedelta(minutes=1)
TIMEOUT: Final = 15.0
"""Seconds that one call may take: a little more than the gateway gives a document."""
_OBJECT: Final = "Téléchargement d'attestations depuis le compte"
COMPANY: Final = "/v4/insee/sirene/unites_legales/{siren}"
SOCIAL: Final = "/v4/urssaf/unites_legales/{siren}/attestation_vigilance"
FISCAL: Final = "/v4/dgfip/unites_legales/{siren}/attestation_fiscale"
SCOPES: Final[Mapping[str, frozenset[str]]] = {
    COMPANY: frozenset({"entreprises", "unites_legales_etablissements_insee"}),
    SOCIAL: frozenset({"attestations_sociales", "attestation_sociale_urssaf"}),
    FISCAL: frozenset({"attestations_fiscales", "attestation_fiscale_dgfip"}),
}
"""What opens each call."""


class GatewayUnavailableError(Exception):
    """The gateway cannot be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a call has given."""

    status: int
    data: Mapping[str, Any]
    """Of a success; empty otherwise."""
    error: str | None = None
    """In French, as the gateway says it."""
    code: str | None = None
    request_id: str | None = None


def opens_attestations(token: Token) -> bool:
    """Whether a token has a scope of one of the two attestations."""
    held = set(token.scopes_in_force)
    return bool(held & SCOPES[SOCIAL] or held & SCOPES[FISCAL])


def ask(
    ours: Services, habilitation: Habilitation, token: Token, siren: str, *, user_id: str, now: datetime
) -> dict[str, Outcome]:
    """The company and its attestations, by the path of each call that the token opens.

    Raises:
        GatewayUnavailableError: it does not answer, or no address or secret is set.
    """
    base = ours.settings.gateway_url or ours.settings.api_url
    if base is None or not ours.settings.jwt_secrets:
        raise GatewayUnavailableError
    string = issue(
        secret=ours.settings.jwt_secrets[0].get_secret_value(),
        scopes=token.scopes_in_force,
        subject=habilitation.title,
        issued_at=now,
        expires_at=now + LIFE,
    )
    query = {
        "context": habilitation.title,
        "recipient": habilitation.siret or "",
        "object": _OBJECT,
        "user_id": user_id,
    }
    held = set(token.scopes_in_force)
    found = {}
    with httpx.Client(base_url=str(base), timeout=TIMEOUT, headers={"Authorization": f"Bearer {string}"}) as client:
        for path, scopes in SCOPES.items():
            if held & scopes:
                try:
                    answer = client.get(path.format(siren=siren), params=query, headers={"X-Request-Id": str(uuid4())})
                except httpx.HTTPError:
                    raise GatewayUnavailableError from None  # the chained text could show the token
                found[path] = _outcome(answer)
    return found


def _outcome(answer: httpx.Response) -> Outcome:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    data, errors = body.get("data"), body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return Outcome(
        status=answer.status_code,
        data=data if answer.is_success and isinstance(data, dict) else {},
        error=None if answer.is_success else str(first.get("detail") or "La source n’a pas répondu."),
        code=None if answer.is_success else str(first.get("code") or ""),
        request_id=answer.headers.get("X-Request-Id"),
    )
