"""The bodies of both forms, as DataPass writes them."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from apientreprise_gateway.sandbox.datapass.requests import CONTROLLER, OFFICER, FictivePerson, FictiveRequest

EVENTS: Final = {
    1: ("create", "update", "submit", "request_changes", "refuse", "validate", "revoke", "archive", "delete"),
    2: (
        "create",
        "update",
        "submit",
        "request_changes",
        "approve",
        "refuse",
        "revoke",
        "archive",
        "reopen",
        "cancel_reopening",
        "transfer",
    ),
}
"""The events of each form."""
_STATES: Final[Mapping[str, str]] = {
    "create": "draft",
    "update": "draft",
    "submit": "submitted",
    "request_changes": "changes_requested",
    "refuse": "refused",
    "validate": "validated",
    "approve": "validated",
    "revoke": "revoked",
    "archive": "archived",
    "delete": "deleted",
    "reopen": "draft",
    "cancel_reopening": "validated",
    "transfer": "validated",
}
_CASE: Final = {"entreprise": "APIEntreprise", "particulier": "APIParticulier"}


def body_v1(request: FictiveRequest, event: str, fired_at: int) -> dict[str, Any]:
    """An event in the first form."""
    team = {
        "demandeur": request.applicant,
        "contact_metier": request.business_contact,
        "responsable_technique": request.technical_contact,
        "responsable_traitement": CONTROLLER,
        "delegue_protection_donnees": OFFICER,
    }
    return {
        "event": event,
        "fired_at": fired_at,
        "model_type": f"enrollment/api_{request.product}",
        "data": {
            "pass": {
                "id": request.number,
                "intitule": request.title,
                "description": request.description,
                "demarche": request.form_uid,
                "siret": request.siret,
                "status": _STATES.get(event, "draft"),
                "copied_from_enrollment_id": request.copied_from,
                "previous_enrollment_id": None,
                "scopes": dict.fromkeys(request.asked, True),
                "team_members": [_member(kind, person) for kind, person in team.items()],
                "events": [_history(request, event, fired_at)],
            }
        },
    }


def _member(kind: str, person: FictivePerson) -> dict[str, Any]:
    return {
        "id": 10 * person.number,
        "uid": str(person.number),
        "type": kind,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "email": person.email,
        "phone_number": person.phone_number,
        "job": person.job,
    }


def _history(request: FictiveRequest, event: str, fired_at: int) -> dict[str, Any]:
    person = request.applicant
    user = {
        "id": person.number,
        "uid": str(person.number),
        "email": person.email,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "phone_number": person.phone_number,
        "job": person.job,
    }
    at = datetime.fromtimestamp(fired_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    comment = "Merci de préciser le cadre juridique." if event == "request_changes" else None
    return {"id": fired_at, "name": event, "comment": comment, "created_at": at, "user": user}


def body_v2(request: FictiveRequest, event: str, fired_at: int) -> dict[str, Any]:
    """An event in the second form."""
    at = datetime.fromtimestamp(fired_at, UTC).isoformat()
    applicant = request.applicant
    is_validated = event in ("approve", "reopen", "cancel_reopening", "revoke", "transfer")
    return {
        "event": event,
        "fired_at": fired_at,
        "model_type": f"authorization_request/api_{request.product}",
        "model_id": request.number,
        "data": {
            "id": request.number,
            "public_id": str(UUID(int=request.number)),
            "type": f"AuthorizationRequest::{_CASE[request.product]}",
            "state": _STATES.get(event, "draft"),
            "form_uid": request.form_uid,
            "created_at": at,
            "last_submitted_at": None if event == "create" else at,
            "last_validated_at": at if is_validated else None,
            "organization": {
                "id": 7,
                "name": request.organization,
                "siret": request.siret,
                "insee_payload": {},
            },
            "applicant": {
                "id": applicant.number,
                "uid": str(applicant.number),
                "email": applicant.email,
                "given_name": applicant.given_name,
                "family_name": applicant.family_name,
                "phone_number": applicant.phone_number,
                "job_title": applicant.job,
            },
            "service_provider": None,
            "authorizations": [],
            "data": _form(request),
        },
    }


def _form(request: FictiveRequest) -> dict[str, Any]:
    found: dict[str, Any] = {
        "intitule": request.title,
        "description": request.description,
        "scopes": list(request.asked),
        "destinataire_donnees_caractere_personnel": "Agents du service instructeur",
        "duree_conservation_donnees_caractere_personnel": 12,
        "cadre_juridique_nature": "Code de la commande publique, article R2143-13",
        "cadre_juridique_url": "https://www.legifrance.gouv.fr/codes/article_lc/LEGIARTI000037730589/",
    }
    people = {
        "contact_metier": request.business_contact,
        "contact_technique": request.technical_contact,
        "delegue_protection_donnees": OFFICER,
    }
    if request.product == "entreprise":
        people["responsable_traitement"] = CONTROLLER
    else:
        found["modalities"] = list(request.modalities)
    for prefix, person in people.items():
        found |= {
            f"{prefix}_type": "person",
            f"{prefix}_family_name": person.family_name,
            f"{prefix}_given_name": person.given_name,
            f"{prefix}_email": person.email,
            f"{prefix}_phone_number": person.phone_number,
            f"{prefix}_job_title": person.job,
        }
    return found


BODIES: Final[Mapping[int, Callable[[FictiveRequest, str, int], dict[str, Any]]]] = {1: body_v1, 2: body_v2}
"""What makes the bodies of each form."""


def path(version: int, product: str) -> str:
    """Where DataPass sends the events of a product."""
    return f"/api/datapass/{'v2/' if version == 2 else ''}api_{product}/webhook"


def signature(body: bytes, secret: str) -> str:
    """What stands in `X-Hub-Signature-256`."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
