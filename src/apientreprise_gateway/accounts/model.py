"""The vocabulary of accounts: roles, states, and what is known of a habilitation and of a token.

Times are aware `datetime`s in UTC; those that are signed in a token are Unix times in seconds, as in the token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

DATAPASS_URL: Final = "https://datapass.api.gouv.fr/demandes/"
"""Where DataPass shows a request, before its number."""


class ProductKey(StrEnum):
    """The products that a habilitation may be for."""

    ENTREPRISE = "entreprise"
    PARTICULIER = "particulier"


class Role(StrEnum):
    """What a person is to a habilitation."""

    APPLICANT = "applicant"  # demandeur
    BUSINESS_CONTACT = "business_contact"  # contact métier
    TECHNICAL_CONTACT = "technical_contact"  # contact technique


class HabilitationState(StrEnum):
    """Where a request for access stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    CHANGES_REQUESTED = "changes_requested"
    VALIDATED = "validated"
    REFUSED = "refused"
    REVOKED = "revoked"
    ARCHIVED = "archived"


OVER: Final = (HabilitationState.REFUSED, HabilitationState.REVOKED, HabilitationState.ARCHIVED)
"""States in which nothing goes on."""


class TokenState(StrEnum):
    """What can be done with a token, the first that applies in this order."""

    EXPIRED = "expired"
    REVOKED = "revoked"
    REVOKED_LATER = "revoked_later"
    NEW = "new"  # no call was made with it yet
    ACTIVE = "active"


class EventName(StrEnum):
    """What happens to a habilitation, in the words of DataPass v2; those of v1 are translated when they are read."""

    CREATE = "create"
    UPDATE = "update"
    SUBMIT = "submit"
    REQUEST_CHANGES = "request_changes"
    APPROVE = "approve"
    REFUSE = "refuse"
    REVOKE = "revoke"
    ARCHIVE = "archive"
    REOPEN = "reopen"
    CANCEL_REOPENING = "cancel_reopening"
    TRANSFER = "transfer"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person as a request names them."""

    email: str
    """In lower case."""
    given_name: str | None = None
    family_name: str | None = None
    phone_number: str | None = None
    job_title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Habilitation:
    """A request for access and what became of it: a row of `habilitations`."""

    id: str
    product: ProductKey
    source: str
    external_id: str
    public_id: str | None
    siret: str | None
    title: str
    description: str | None
    form_uid: str | None
    use_case: str | None
    state: HabilitationState
    scopes: tuple[str, ...]
    modalities: tuple[str, ...]
    reopened: bool
    details: Mapping[str, Any]
    created_at: datetime
    first_submitted_at: datetime | None
    submitted_at: datetime | None
    validated_at: datetime | None
    ended_at: datetime | None
    updated_at: datetime
    replaces: str | None

    @property
    def in_datapass(self) -> str | None:
        """The page of DataPass where it is changed; None for one that is changed here."""
        is_there = self.source == "datapass" and self.external_id.isdecimal()
        return DATAPASS_URL + self.external_id if is_there else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A row of `tokens`; its string is signed when somebody may see it."""

    id: str
    """The `jti`."""
    habilitation_id: str
    subject: str
    scopes: tuple[str, ...]
    """As signed."""
    narrowed_scopes: tuple[str, ...] | None
    iat: int
    exp: int
    revoked_at: datetime | None
    revoked_by: str | None
    revocation_reason: str | None
    replaces: str | None
    first_call_at: datetime | None
    last_call_at: datetime | None
    seen_at: datetime | None

    @property
    def ends_at(self) -> datetime:
        """When it expires."""
        return datetime.fromtimestamp(self.exp, UTC)

    @property
    def scopes_in_force(self) -> tuple[str, ...]:
        """Those that are signed and were not withdrawn."""
        if self.narrowed_scopes is None:
            return self.scopes
        return tuple(scope for scope in self.scopes if scope in self.narrowed_scopes)

    def state(self, now: datetime) -> TokenState:
        """What can be done with it now."""
        if self.ends_at <= now:
            return TokenState.EXPIRED
        if self.revoked_at is not None:
            return TokenState.REVOKED if self.revoked_at <= now else TokenState.REVOKED_LATER
        return TokenState.NEW if self.first_call_at is None else TokenState.ACTIVE

    def works(self, now: datetime) -> bool:
        """Whether the gateway accepts it now."""
        return self.state(now) not in (TokenState.EXPIRED, TokenState.REVOKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who is known: a row of `users`."""

    id: str
    email: str
    given_name: str | None
    family_name: str | None
    phone_number: str | None
    job_title: str | None
    editor_id: str | None
    created_at: datetime
    last_login_at: datetime | None
    last_used_at: datetime

    @property
    def name(self) -> str:
        """How a page or a mail calls this person."""
        return " ".join(filter(None, (self.given_name, self.family_name))) or self.email

    @property
    def contact(self) -> Contact:
        """This person as a request names them."""
        return Contact(
            email=self.email,
            given_name=self.given_name,
            family_name=self.family_name,
            phone_number=self.phone_number,
            job_title=self.job_title,
        )
