"""The first form of what DataPass sends: a `pass` with its team and its history."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from apientreprise_gateway.accounts.datapass import values
from apientreprise_gateway.accounts.events import Facts, NotOurs, People, Reading, Told, Unreadable
from apientreprise_gateway.accounts.model import Contact, EventName, ProductKey, Role

SOURCE: Final = "datapass-v1"

EVENTS: Final[Mapping[str, EventName]] = {
    "create": EventName.CREATE,
    "update": EventName.UPDATE,
    "submit": EventName.SUBMIT,
    "request_changes": EventName.REQUEST_CHANGES,
    "refuse": EventName.REFUSE,
    "validate": EventName.APPROVE,
    "revoke": EventName.REVOKE,
    "archive": EventName.ARCHIVE,
    "delete": EventName.DELETE,
    # Its older words.
    "created": EventName.CREATE,
    "updated": EventName.UPDATE,
    "team_member_updated": EventName.TRANSFER,
    "send_application": EventName.SUBMIT,
    "review_application": EventName.REQUEST_CHANGES,
    "refuse_application": EventName.REFUSE,
    "validate_application": EventName.APPROVE,
}
_ROLES: Final = {
    "demandeur": Role.APPLICANT,
    "contact_metier": Role.BUSINESS_CONTACT,
    "responsable_technique": Role.TECHNICAL_CONTACT,
}
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
    said = values.mapping(values.mapping(body.get("data")).get("pass"))
    external_id = values.number(said.get("id"))
    if external_id is None:
        return Unreadable(name=name, fault="data.pass.id")
    contacts = _contacts(said.get("team_members"))
    return Told(
        name=event,
        external_id=external_id,
        fired_at=fired_at,
        facts=_facts(said, names_people=bool(contacts)),
        people=People(contacts=contacts),
        comment=_comment(said.get("events")),
    )


def _is_of(model_type: object, product: ProductKey) -> bool:
    """Whether it is about a request for this product: `enrollment/…` names it, `Pass` does not."""
    if not isinstance(model_type, str):
        return False
    kind, _, rest = model_type.lower().partition("/")
    if kind == "pass" and not rest:
        return True
    named = _NO_LETTER.sub("", rest)
    return kind == "enrollment" and named in ("", f"api{product}")


def _facts(said: Mapping[str, Any], *, names_people: bool) -> Facts:
    scopes = said.get("scopes")
    return Facts(
        state=values.state(said.get("status")),
        title=values.line(said.get("intitule")),
        description=values.text(said.get("description")),
        siret=values.siret(said.get("siret")),
        form_uid=values.line(said.get("demarche"), 200),
        scopes=values.scopes(name for name, given in scopes.items() if given is True)
        if isinstance(scopes, dict)
        else None,
        created_at=_created_at(said.get("events")),
        copied_from=values.number(said.get("copied_from_enrollment_id")),
        replaces=values.number(said.get("previous_enrollment_id")),
        names_people=names_people,
    )


def _contacts(members: object) -> dict[Role, Contact]:
    """The first person of each role."""
    found: dict[Role, Contact] = {}
    for member in members if isinstance(members, list) else ():
        said = values.mapping(member)
        kind = said.get("type")
        role = _ROLES.get(kind) if isinstance(kind, str) else None
        person = values.contact(said, job=("job",))
        if role is not None and person is not None:
            found.setdefault(role, person)
    return found


def _comment(history: object) -> str | None:
    """What was written last by whoever examined the request."""
    said = [values.mapping(each) for each in history] if isinstance(history, list) else []
    written = [(each.get("id") if isinstance(each.get("id"), int) else 0, each.get("comment")) for each in said]
    return values.text(max(written, key=_by_id)[1]) if written else None


def _by_id(written: tuple[Any, object]) -> int:
    return int(written[0])


def _created_at(history: object) -> datetime | None:
    moments = (
        values.moment(values.mapping(each).get("created_at")) for each in (history if isinstance(history, list) else ())
    )
    return min((each for each in moments if each is not None), default=None)
