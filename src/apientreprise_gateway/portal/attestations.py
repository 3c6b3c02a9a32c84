"""Attestations of a company, asked from the gateway with the scopes in force of one of the person's own tokens.

The calls carry who asks (`user_id`), for whom, and why.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from apientreprise_gateway.accounts.model import Habilitation, Token
from apientreprise_gateway.portal.gateway_calls import GatewayCalls, Outcome
from apientreprise_gateway.portal.services import Services

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
    said = {
        "context": habilitation.title,
        "recipient": habilitation.siret or "",
        "object": _OBJECT,
        "user_id": user_id,
    }
    held = set(token.scopes_in_force)
    with GatewayCalls(
        ours.settings, scopes=token.scopes_in_force, subject=habilitation.title, now=now, said=said
    ) as calls:
        return {path: calls.ask(path.format(siren=siren)) for path, scopes in SCOPES.items() if held & scopes}
