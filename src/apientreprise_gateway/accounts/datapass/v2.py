"""The second form of what DataPass sends: an authorization request with its own data."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from apientreprise_gateway.accounts.datapass import values
from apientreprise_gateway.accounts.events import Facts, NotOurs, People, Reading, Told, Unreadable
from apientreprise_gateway.accounts.model import Contact, EventName, ProductKey, Role

SOURCE: Final = "datapass-v2"

EVENTS: Final[Mapping[str, EventName]] = {
    **{name.value: name for name in EventName if name is not EventName.DELETE},
    "create_by_api": EventName.CREATE,
    "update_by_api": EventName.UPDATE,
}
_CONTACTS: Final = {"contact_metier_": Role.BUSINESS_CONTACT, "contact_technique_": Role.TECHNICAL_CONTACT}
_JOBS: Final = ("job_title", "job")
_MOST_MONTHS: Final = 1200
_NO_LETTER: Final = re.compile(r"[^a-z0-9]+")


def read(body: Mapping[str, Any], product: ProductKey, now: datetime) -> Reading:
    """What a body says."""
    name = values.line(body.get("event"), 64) or ""
    event = EVENTS.get(name)
    if event is None or not _is_of(body.get("model_type"), product):
        return NotOurs(name=name)
    fired_at = values.fired_at(body.get("fired_at"), now)
    if fired_at is None:
        return Unreadable(name=name, fault="fired_at")
    said = values.mapping(body.get("data"))
    external_id = values.number(said.get("id")) or values.number(body.get("model_id"))
    if external_id is None:
        return Unreadable(name=name, fault="data.id")
    contacts = _contacts(said)
    return Told(
        name=event,
        external_id=external_id,
        fired_at=fired_at,
        facts=_facts(said, names_people=bool(contacts)),
        people=People(contacts=contacts),
    )


def _is_of(model_type: object, product: ProductKey) -> bool:
    """Whether it is about a request for this product, as `authorization_request/api_…` names it."""
    if not isinstance(model_type, str):
        return False
    kind, _, named = model_type.lower().partition("/")
    return _NO_LETTER.sub("", kind) == "authorizationrequest" and _NO_LETTER.sub("", named) == f"api{product}"


def _facts(said: Mapping[str, Any], *, names_people: bool) -> Facts:
    form = values.mapping(said.get("data"))
    organization = values.mapping(said.get("organization"))
    scopes = form.get("scopes")
    return Facts(
        state=values.state(said.get("state")),
        title=values.line(form.get("intitule")),
        description=values.text(form.get("description")),
        siret=values.siret(organization.get("siret")),
        organization=values.line(organization.get("name"), 300),
        public_id=values.line(said.get("public_id"), 64),
        form_uid=values.line(said.get("form_uid"), 200),
        scopes=values.scopes(scopes) if isinstance(scopes, list) else None,
        modalities=values.words(form.get("modalities")),
        created_at=values.moment(said.get("created_at")),
        details=_details(form),
        names_people=names_people,
    )


def _details(form: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "recipients": values.text(form.get("destinataire_donnees_caractere_personnel")),
        "retention_months": values.count(form.get("duree_conservation_donnees_caractere_personnel"), _MOST_MONTHS),
        "retention_reason": values.text(form.get("duree_conservation_donnees_caractere_personnel_justification")),
        "legal_basis": values.text(form.get("cadre_juridique_nature")),
        "legal_basis_url": values.line(form.get("cadre_juridique_url"), 2000),
        "planned_start": values.line(form.get("date_prevue_mise_en_production"), 40),
        "volume": values.figure(form.get("volumetrie_approximative")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _contacts(said: Mapping[str, Any]) -> dict[Role, Contact]:
    form = values.mapping(said.get("data"))
    found = {Role.APPLICANT: values.contact(values.mapping(said.get("applicant")), job=_JOBS)}
    found |= {role: values.contact(form, prefix=prefix, job=_JOBS) for prefix, role in _CONTACTS.items()}
    return {role: person for role, person in found.items() if person is not None}
