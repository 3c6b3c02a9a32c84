"""Records of single tokens: what narrows a token beyond its claims, and how that is written as JSON.

    {"allowed_addresses": ["192.0.2.0/24"], "limit_per_minute": 500, "cap_per_minute": 100, "scopes": ["…"]}

Every key is optional. The same form stands in the file of `GATEWAY_TOKENS` and in Redis (`record_watch.py`). A token
that has a record in both is held to the stricter of each.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

from apientreprise_gateway.net.addresses import Network, is_in, networks
from apientreprise_gateway.net.client_ip import parse

KEYS: Final = frozenset({"allowed_addresses", "limit_per_minute", "cap_per_minute", "scopes"})
"""The keys of a record as JSON."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What is recorded about one token."""

    revoked_at: float | None = None
    """Unix time in seconds from which it is refused; None if it is not revoked. Only the file has it here."""
    allowed: tuple[Network, ...] | None = None
    """Networks that it may be used from; None for any."""
    limit_per_minute: int | None = None
    """Calls per minute that its issuer allows, see `policy.own_limits`; None for the usual limits."""
    cap_per_minute: int | None = None
    """Calls per minute that its holder wants at most, in each group of endpoints; None for no cap."""
    scopes: frozenset[str] | None = None
    """The only scopes that count of those in its claims; None for all of them."""

    def is_revoked(self, now: float) -> bool:
        """Whether the token is revoked at `now`, Unix time in seconds."""
        return self.revoked_at is not None and self.revoked_at <= now

    def allows(self, client: str) -> bool:
        """Whether the token may be used from an address."""
        if self.allowed is None:
            return True
        address = parse(client)
        return address is not None and is_in(address, self.allowed)

    def narrowed(self, scopes: frozenset[str]) -> frozenset[str]:
        """The scopes that count, of those in the token's claims."""
        return scopes if self.scopes is None else _common(scopes, self.scopes)


NOTHING: Final = TokenRecord()
"""The record of a token about which nothing is recorded."""


@lru_cache(maxsize=4096)
def _common(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """The scopes in both sets; the same object each time, so that what is looked up by it is found at once."""
    return one & other


def stricter(one: TokenRecord, other: TokenRecord) -> TokenRecord:
    """The record that holds a token to both of two records."""
    return TokenRecord(
        revoked_at=_either(min, one.revoked_at, other.revoked_at),
        allowed=_either(_in_both, one.allowed, other.allowed),
        limit_per_minute=_either(min, one.limit_per_minute, other.limit_per_minute),
        cap_per_minute=_either(min, one.cap_per_minute, other.cap_per_minute),
        scopes=_either(frozenset.intersection, one.scopes, other.scopes),
    )


def _either(join: Callable[[_T, _T], _T], one: _T | None, other: _T | None) -> _T | None:
    """Both joined; where one is None, the other."""
    if one is None or other is None:
        return other if one is None else one
    return join(one, other)


def _in_both(one: tuple[Network, ...], other: tuple[Network, ...]) -> tuple[Network, ...]:
    """Networks that hold the addresses in both; of two networks, one holds the other, or they have none in common."""
    found = dict.fromkeys(net for net in one if any(_is_within(net, each) for each in other))
    found |= dict.fromkeys(net for net in other if any(_is_within(net, each) for each in one))
    return tuple(found)


def _is_within(inner: Network, outer: Network) -> bool:
    return type(inner) is type(outer) and inner.subnet_of(outer)  # type: ignore[arg-type]  # both of one family


# As JSON.


def record_of(entry: Mapping[str, Any]) -> TokenRecord:
    """The record that a JSON object means; keys other than `KEYS` are ignored.

    Raises:
        ValueError: a value is not what its key demands.
    """
    try:
        return TokenRecord(
            # An empty list is no list, as it has always been in the file.
            allowed=networks(_texts(entry, "allowed_addresses") or ()) or None,
            limit_per_minute=_calls(entry, "limit_per_minute"),
            cap_per_minute=_calls(entry, "cap_per_minute"),
            scopes=None if (scopes := _texts(entry, "scopes")) is None else frozenset(scopes),
        )
    except (TypeError, AttributeError, OverflowError) as error:
        raise ValueError(str(error)) from error


def read_record(text: str | bytes) -> tuple[TokenRecord, frozenset[str]]:
    """The record in a JSON text, and the keys in it that are not known.

    Raises:
        ValueError: it holds no such record.
    """
    try:
        entry = json.loads(text, object_pairs_hook=unique)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(entry, dict):
        raise ValueError("a record is a JSON object")
    return record_of(entry), frozenset(entry) - KEYS


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dict; ValueError for a duplicate key, since the first entry (a revocation?) would be lost."""
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} stands twice in one object")
    return entries


def shown(record: TokenRecord) -> dict[str, Any]:
    """What a record says, as JSON; without `revoked_at`."""
    says = {
        "allowed_addresses": None if record.allowed is None else [str(each) for each in record.allowed],
        "limit_per_minute": record.limit_per_minute,
        "cap_per_minute": record.cap_per_minute,
        "scopes": None if record.scopes is None else sorted(record.scopes),
    }
    return {key: value for key, value in says.items() if value is not None}


def _calls(entry: Mapping[str, Any], key: str) -> int | None:
    value = entry.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError(f"{key} must be a number of calls, at least 1")


def _texts(entry: Mapping[str, Any], key: str) -> list[str] | None:
    if key not in entry:
        return None
    value = entry[key]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise ValueError(f"{key} must be a list of texts")
