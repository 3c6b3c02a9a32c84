"""Names of the bodies that have habilitations, asked from the INSEE through the gateway.

DataPass tells a SIRET, and not always a name. Of natural persons none is kept.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from apientreprise_gateway.accounts import organizations
from apientreprise_gateway.accounts.plain_text import one_line
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.portal.gateway_calls import GatewayCalls, GatewayUnavailableError
from apientreprise_gateway.portal.jobs import Work

PATH: Final = "/v4/insee/sirene/etablissements/{siret}"
SCOPES: Final = ("etablissements", "unites_legales_etablissements_insee")
AT_ONCE: Final = 100
"""Establishments that are asked about in one run, at most."""
RUN_SECONDS: Final = 40.0
"""Seconds after which a run asks no more: its tokens, which are of its beginning, end soon."""
_SETTLED: Final = frozenset({200, 404, 422, 451})
"""Statuses that another call would have as well; after others the call is made again in a later run."""


def refresh(work: Work) -> None:
    """Ask for the names that are due; without a gateway, or a secret to sign with, nothing is asked.

    Raises:
        GatewayUnavailableError: the gateway does not answer, or does not accept our token.
    """
    if work.settings.gateway_url is None or not work.settings.jwt_secrets:
        return
    with reading(work.engine) as connection:
        due = organizations.due(connection, now=work.now, most=AT_ONCE)
    end = time.monotonic() + RUN_SECONDS
    for siret in due:
        if time.monotonic() > end:
            break
        _ask(work, siret)


def _ask(work: Work, siret: str) -> None:
    """Ask for a name and keep it; nothing of the database is held meanwhile."""
    said = {"context": "Habilitations", "recipient": siret, "object": "Nom d’un organisme habilité"}
    with GatewayCalls(work.settings, scopes=SCOPES, subject="Portail", now=work.now, said=said) as calls:
        outcome = calls.ask(PATH.format(siret=siret))
    if outcome.status in (401, 403):
        raise GatewayUnavailableError(f"the gateway answers {outcome.status} to our token")
    if outcome.status in _SETTLED:
        with writing(work.engine) as connection:
            organizations.answered(connection, siret, name_in(outcome.data), now=work.now)


def name_in(data: Mapping[str, Any]) -> str | None:
    """The name of an establishment's body, or else its sign; None for a natural person's."""
    unit = data.get("unite_legale")
    unit = unit if isinstance(unit, dict) else {}
    if unit.get("type") == "personne_physique":
        return None
    said = unit.get("personne_morale_attributs")
    found = (said if isinstance(said, dict) else {}).get("raison_sociale") or data.get("enseigne")
    return one_line(found) or None if isinstance(found, str) else None
