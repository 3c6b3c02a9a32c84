"""Single values of what was sent, of which nothing is trusted: each function gives what it can use, or None."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from apientreprise_gateway.accounts.events import LATEST
from apientreprise_gateway.accounts.model import Contact, HabilitationState
from apientreprise_gateway.accounts.tokens import granted
from apientreprise_gateway.contract.identifiers import is_siret

LONGEST_LINE: Final = 500
LONGEST_TEXT: Final = 20_000
MOST_SCOPES: Final = 500
_LARGEST_ID: Final = 2**63 - 1
_MAIL: Final = re.compile(r"[^@\s,;:<>()\[\]\\\"]+@[^@\s,;:<>()\[\]\\\"]+\.[^@\s,;:<>()\[\]\\\".]+")
_LONGEST_MAIL: Final = 254
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]+")
_SCOPE: Final = re.compile(r"[!-~]{1,128}")  # what a scope may hold in a token
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

STATES: Final[Mapping[str, HabilitationState]] = {
    **{state.value: state for state in HabilitationState},
    "deleted": HabilitationState.ARCHIVED,
    "pending": HabilitationState.DRAFT,
    "modification_pending": HabilitationState.CHANGES_REQUESTED,
    "sent": HabilitationState.SUBMITTED,
}
"""The states of DataPass; the last three are its oldest words."""


def mapping(value: object) -> Mapping[str, Any]:
    """An object of JSON; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def line(value: object, longest: int = LONGEST_LINE) -> str | None:
    """A text in one line, without control characters."""
    if not isinstance(value, str):
        return None
    return _UNPRINTABLE.sub(" ", value[: 2 * longest]).strip()[:longest] or None


def figure(value: object) -> str | None:
    """A number of something in words or digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) <= _LARGEST_ID else None
    return line(value, 200)


def text(value: object, longest: int = LONGEST_TEXT) -> str | None:
    """A text that may have several lines."""
    if not isinstance(value, str):
        return None
    return _NO_TEXT.sub(" ", value[: 2 * longest]).strip()[:longest] or None


def number(value: object) -> str | None:
    """An id of DataPass, as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LARGEST_ID:
        return None
    return str(value)


def count(value: object, largest: int) -> int | None:
    """A number of something, also written as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
        return None
    return value


def siret(value: object) -> str | None:
    """The SIRET of an establishment."""
    return value if isinstance(value, str) and is_siret(value) else None


def email(value: object) -> str | None:
    """A mail address, in lower case."""
    if not isinstance(value, str) or len(value) > 2 * _LONGEST_MAIL:
        return None
    found = value.strip().lower()
    if len(found) > _LONGEST_MAIL or _UNPRINTABLE.search(found) or not _MAIL.fullmatch(found):
        return None
    return found


def fired_at(value: object, now: datetime) -> datetime | None:
    """When something happened: Unix seconds, not in the time to come."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    if value > now.timestamp() + LATEST:
        return None
    return _NEVER + timedelta(seconds=value)


def moment(value: object) -> datetime | None:
    """A date-time of ISO 8601; in UTC if it has no time zone."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = datetime.fromisoformat(value.removesuffix(" UTC"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def scopes(values: Iterable[object]) -> tuple[str, ...]:
    """The scopes of a request, as a token names them."""
    named = (value for value in values if isinstance(value, str) and _SCOPE.fullmatch(value))
    return granted(list(named)[:MOST_SCOPES])


def words(values: object) -> tuple[str, ...] | None:
    """A list of short words, each once; None for no list."""
    if not isinstance(values, list):
        return None
    return tuple(dict.fromkeys(value for value in values[:MOST_SCOPES] if line(value, 64) == value))


def state(value: object) -> HabilitationState | None:
    """Where DataPass says that a request stands."""
    return STATES.get(value) if isinstance(value, str) else None


def contact(said: Mapping[str, Any], *, prefix: str = "", job: tuple[str, ...] = ()) -> Contact | None:
    """A person, whose fields have names that begin alike; None without a mail address.

    Args:
        said: what was sent.
        prefix: of each field.
        job: the fields that may hold the title of a job, the first that is there counts.
    """
    address = email(said.get(f"{prefix}email"))
    if address is None:
        return None
    return Contact(
        email=address,
        given_name=line(said.get(f"{prefix}given_name"), 100),
        family_name=line(said.get(f"{prefix}family_name"), 100),
        phone_number=line(said.get(f"{prefix}phone_number"), 40) or line(said.get(f"{prefix}phone"), 40),
        job_title=next((title for name in job if (title := line(said.get(f"{prefix}{name}"), 200))), None),
    )
