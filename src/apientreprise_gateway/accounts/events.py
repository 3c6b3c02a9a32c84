"""What a habilitation is told of: an event, what it says of the request, and of its people.

What is said of the request is kept with the event; what is said of people goes with its body, after
`PORTAL_KEEP_WEBHOOKS_MONTHS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final

from apientreprise_gateway.accounts.model import Contact, EventName, HabilitationState, ProductKey, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an event says of the request itself; None for what it does not say."""

    state: HabilitationState | None = None
    title: str | None = None
    description: str | None = None
    siret: str | None = None
    organization: str | None = None
    """What the body with this SIRET is called."""
    public_id: str | None = None
    form_uid: str | None = None
    use_case: str | None = None
    scopes: tuple[str, ...] | None = None
    modalities: tuple[str, ...] | None = None
    created_at: datetime | None = None
    copied_from: str | None = None
    """The number of the habilitation that this one takes the place of, once it is approved."""
    replaces: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    names_people: bool = False

    def as_json(self) -> dict[str, Any]:
        """What is stored of it."""
        found: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, datetime):
                value = value.isoformat()
            if value is not None and value is not False and value != {}:
                found[each.name] = list(value) if isinstance(value, tuple) else value
        return found

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Facts":
        """What was stored; what another version stored beside it is left out."""
        known = {each.name for each in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        for name in ("scopes", "modalities"):
            if name in values:
                values[name] = tuple(values[name])
        if "state" in values:
            values["state"] = HabilitationState(values["state"])
        if "created_at" in values:
            values["created_at"] = datetime.fromisoformat(values["created_at"]).astimezone(UTC)
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who an event says has a role, and whom it names beside them."""

    contacts: Mapping[Role, Contact] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Those of a stand-alone request who have no role here: `dpo`, `controller`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event that was read, and means something here."""

    name: EventName
    external_id: str
    fired_at: datetime
    facts: Facts
    people: People = People()
    comment: str | None = None
    """What the person who examined the request wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOurs:
    """An event that means nothing here: of another kind, or about something else. It is kept, and answered well."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An event that should mean something, and cannot be read. It is kept, and answered with an error."""

    name: str
    fault: str
    """Which of its fields cannot be used."""


Reading = Told | NotOurs | Unreadable

LATEST: Final = 86_400
"""Seconds by which the clock of a sender may be ahead of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event in its place."""

    number: int
    """The order of arrival."""
    name: EventName
    fired_at: datetime
    arrived_at: datetime
    facts: Facts
    sha256: bytes = b""

    @property
    def place(self) -> tuple[datetime, int]:
        """Events are applied in the order of this."""
        return self.fired_at, self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an event is about: a number of a product."""

    product: ProductKey
    external_id: str
