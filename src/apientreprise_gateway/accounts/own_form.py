"""The request form of the portal: what it holds, and the events that are made of it.

An event of the portal has a body as one of DataPass has, so that both are kept, read and applied alike.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import orjson

from apientreprise_gateway.accounts.datapass import values
from apientreprise_gateway.accounts.events import Facts, NotOurs, People, Reading, Told, Unreadable
from apientreprise_gateway.accounts.model import Contact, EventName, ProductKey, Role

SOURCE: Final = "portal"
_CONTACTS: Final = {
    "applicant": Role.APPLICANT,
    "business_contact": Role.BUSINESS_CONTACT,
    "technical_contact": Role.TECHNICAL_CONTACT,
}
OTHERS: Final = ("dpo", "controller")
"""Whom a form names who has no role: their places in `details`."""
_DETAILS: Final = (
    "recipients",
    "retention_months",
    "retention_reason",
    "legal_basis",
    "legal_basis_url",
    "attachment_id",
    "planned_start",
    "volume",
    "eligibility",
    "controller_siret",
    "terms_accepted",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody whom a form names, as it was typed."""

    email: str = ""
    given_name: str = ""
    family_name: str = ""
    phone_number: str = ""
    job_title: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed."""
        return not any(asdict(self).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A request as it was typed, finished or not."""

    siret: str = ""
    organization: str = ""
    eligibility: str = ""
    """What kind of body it is: a key of `form_checks.ELIGIBLE`."""
    title: str = ""
    description: str = ""
    use_case: str = ""
    scopes: tuple[str, ...] = ()
    legal_basis: str = ""
    legal_basis_url: str = ""
    attachment_id: str = ""
    recipients: str = ""
    retention_months: str = ""
    retention_reason: str = ""
    planned_start: str = ""
    volume: str = ""
    applicant: Person = field(default_factory=Person)
    business_contact: Person = field(default_factory=Person)
    technical_contact: Person = field(default_factory=Person)
    dpo: Person = field(default_factory=Person)
    controller: Person = field(default_factory=Person)
    controller_siret: str = ""
    terms_accepted: bool = False

    @property
    def people(self) -> dict[Role, Contact]:
        """Those who would have a role; without those who have no mail address yet."""
        return dict(_people(self).contacts)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Form":
        """A form of what was typed; what is no field of it is left out, and nothing is longer than it may be."""
        found: dict[str, Any] = {}
        for name, default in _EMPTY.items():
            value = said.get(name)
            if isinstance(default, Person):
                found[name] = Person(**{key: values.line(values.mapping(value).get(key), 254) or "" for key in _PERSON})
            elif isinstance(default, bool):
                found[name] = value is True
            elif isinstance(default, tuple):
                found[name] = values.scopes(value if isinstance(value, list | tuple) else ())
            else:
                found[name] = values.text(value) or ""
        return cls(**found)

    def of(self, applicant: Contact) -> "Form":
        """The same form of another applicant."""
        said = {key: getattr(applicant, key) or "" for key in _PERSON}
        return replace(self, applicant=Person(**said))


_PERSON: Final = tuple(Person.__dataclass_fields__)
_EMPTY: Final = {name: getattr(Form(), name) for name in Form.__dataclass_fields__}


def body_of(
    event: EventName,
    *,
    external_id: str,
    fired_at: datetime,
    by: str | None,
    form: Form | None = None,
    contacts: Mapping[Role, Contact] | None = None,
    comment: str | None = None,
) -> bytes:
    """The body of an event of the portal; no two are the same."""
    said = {
        "event": event.value,
        "external_id": external_id,
        "fired_at": fired_at.astimezone(UTC).isoformat(),
        "by": by,
        "comment": comment,
        "form": None if form is None else asdict(form),
        "contacts": None if contacts is None else {role.value: asdict(person) for role, person in contacts.items()},
        "id": str(uuid4()),
    }
    return orjson.dumps(said)


def read(body: Mapping[str, Any], _product: ProductKey, _now: datetime) -> Reading:
    """What a body says."""
    name = values.line(body.get("event"), 64) or ""
    fired_at = values.moment(body.get("fired_at"))
    external_id = values.line(body.get("external_id"), 40)
    if name not in {each.value for each in EventName}:
        return NotOurs(name=name)
    if fired_at is None or external_id is None:
        return Unreadable(name=name, fault="fired_at" if fired_at is None else "external_id")
    said = body.get("form")
    form = Form.from_json(said) if isinstance(said, dict) else None
    contacts = _given(body.get("contacts"))
    return Told(
        name=EventName(name),
        external_id=external_id,
        fired_at=fired_at,
        facts=Facts(names_people=bool(contacts)) if form is None else _facts(form),
        people=People(contacts=contacts) if form is None else _people(form),
        comment=values.text(body.get("comment")),
    )


def _given(said: object) -> dict[Role, Contact]:
    """The people of an event that changes no more than them."""
    given = values.mapping(said)
    found = {role: values.contact(values.mapping(given.get(role.value)), job=("job_title",)) for role in Role}
    return {role: person for role, person in found.items() if person is not None}


def _facts(form: Form) -> Facts:
    details = {name: value for name in _DETAILS if (value := getattr(form, name))}
    months = values.count(form.retention_months, 1200)
    if months is not None:
        details["retention_months"] = months
    return Facts(
        title=values.line(form.title),
        description=form.description or None,
        siret=values.siret(form.siret),
        organization=values.line(form.organization, 300),
        use_case=values.line(form.use_case, 64),
        scopes=form.scopes,
        details=details,
        names_people=not form.applicant.is_empty,
    )


def _people(form: Form) -> People:
    contacts = {
        role: person
        for name, role in _CONTACTS.items()
        if (person := values.contact(asdict(getattr(form, name)), job=("job_title",))) is not None
    }
    others = {
        name: {key: value for key, value in asdict(person).items() if value}
        for name in OTHERS
        if not (person := getattr(form, name)).is_empty
    }
    return People(contacts=contacts, others=others)
