"""From where the tokens of a habilitation may be used, and how often.

The settings belong to the habilitation: they hold for all its tokens, later ones too. What its applicant sets only
lowers: the cap counts beside the usual limits. A limit above the usual one is set by an operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.publications import publish_all_later
from apientreprise_gateway.database.accounts import security_settings
from apientreprise_gateway.database.engine import is_postgresql
from apientreprise_gateway.net.addresses import network

MOST_ADDRESSES: Final = 100
HIGHEST_LIMIT: Final = 100_000
"""Calls per minute."""
_LONGEST: Final = 64
"""Signs of an address or a CIDR."""
_LONGEST_TEXT: Final = MOST_ADDRESSES * (_LONGEST + 2)


class SettingRefusedError(ValueError):
    """A setting that cannot be kept; the text says why, in French, and the field which one it is."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuritySettings:
    """What holds for all tokens of a habilitation."""

    allowed_addresses: tuple[str, ...] = ()
    """Addresses and CIDRs; empty for any."""
    cap_per_minute: int | None = None
    """Calls per minute in each group of endpoints, as its applicant wants at most."""
    limit_per_minute: int | None = None
    """Calls per minute, as an operator allows."""


def read_addresses(text: str) -> tuple[str, ...]:
    """The addresses and CIDRs in a text, one a line, each once and in its usual form.

    Raises:
        SettingRefusedError: one of them is none, or there are too many.
    """
    field = "allowed_addresses"
    lines = [line.strip() for line in text[: _LONGEST_TEXT + 1].replace(",", "\n").splitlines() if line.strip()]
    if len(text) > _LONGEST_TEXT or len(lines) > MOST_ADDRESSES:
        raise SettingRefusedError(field, f"Indiquez au plus {MOST_ADDRESSES} adresses ou plages d’adresses.")
    return tuple(dict.fromkeys(_address(field, line, number) for number, line in enumerate(lines, 1)))


def _address(field: str, line: str, number: int) -> str:
    try:
        found = network(line, strict=True) if len(line) <= _LONGEST and "%" not in line else None
    except ValueError:
        found = None
    if found is None:
        raise SettingRefusedError(
            field,
            f"Ligne {number} : ce n’est ni une adresse IP ni une plage (exemples : 192.0.2.10, 192.0.2.0/24, "
            "2001:db8::/48). Une plage commence par sa première adresse.",
        )
    if found.prefixlen == 0:
        raise SettingRefusedError(field, f"Ligne {number} : cette plage contient toutes les adresses. Retirez-la.")
    return str(found.network_address) if found.prefixlen == found.max_prefixlen else str(found)


def read_limit(field: str, text: str) -> int | None:
    """A number of calls per minute in a text; None for an empty one.

    Raises:
        SettingRefusedError: it is no such number.
    """
    digits = text.strip().replace("\u202f", "").replace("\xa0", "").replace(" ", "")
    if not digits:
        return None
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 9):
        raise SettingRefusedError(field, "Indiquez un nombre entier d’appels par minute, ou laissez vide.")
    return _limit(field, int(digits))


def _limit(field: str, calls: int | None) -> int | None:
    if calls is not None and not 1 <= calls <= HIGHEST_LIMIT:
        raise SettingRefusedError(field, f"La limite est comprise entre 1 et {HIGHEST_LIMIT} appels par minute.")
    return calls


def settings_of(connection: Connection, habilitation_id: str) -> SecuritySettings:
    """What holds for the tokens of a habilitation."""
    columns = security_settings.c
    query = select(columns.allowed_addresses, columns.cap_per_minute, columns.limit_per_minute)
    row = connection.execute(query.where(columns.habilitation_id == habilitation_id)).first()
    if row is None:
        return SecuritySettings()
    return SecuritySettings(
        allowed_addresses=tuple(row.allowed_addresses),
        cap_per_minute=row.cap_per_minute,
        limit_per_minute=row.limit_per_minute,
    )


def set_by_applicant(
    connection: Connection,
    habilitation_id: str,
    *,
    allowed_addresses: Sequence[str],
    cap_per_minute: int | None,
    now: datetime,
    by: str,
) -> bool:
    """Set the addresses and the cap; False where they are so already.

    Raises:
        SettingRefusedError: one of them cannot be kept.
    """
    addresses = read_addresses("\n".join(allowed_addresses))
    values = {"allowed_addresses": list(addresses), "cap_per_minute": _limit("limit_per_minute", cap_per_minute)}
    before = settings_of(connection, habilitation_id)
    if (before.allowed_addresses, before.cap_per_minute) == (addresses, cap_per_minute):
        return False
    _set(connection, habilitation_id, values, now=now, by=by)
    return True


def set_limit(
    connection: Connection, habilitation_id: str, limit_per_minute: int | None, *, now: datetime, by: str | None
) -> bool:
    """Set the limit that an operator allows, None for the usual one; False where it is so already.

    Raises:
        SettingRefusedError: it cannot be kept.
    """
    values = {"limit_per_minute": _limit("limit_per_minute", limit_per_minute)}
    if settings_of(connection, habilitation_id).limit_per_minute == limit_per_minute:
        return False
    _set(connection, habilitation_id, values, now=now, by=by)
    return True


def _set(
    connection: Connection, habilitation_id: str, values: dict[str, Any], *, now: datetime, by: str | None
) -> None:
    dialect = postgresql if is_postgresql(connection) else sqlite
    row = {"habilitation_id": habilitation_id, "allowed_addresses": [], "updated_at": now} | values
    statement = dialect.insert(security_settings).values(row)
    renewed = values | {"updated_at": now}
    connection.execute(statement.on_conflict_do_update(index_elements=["habilitation_id"], set_=renewed))
    publish_all_later(connection, habilitation_id, now=now)
    record(connection, "security.set", at=now, user_id=by, about=("habilitation", habilitation_id), details=values)
