"""Revocations in Redis: which tokens are refused before they expire, and from when on.

They are a ledger (`ledger.py`) of dates. A revocation that was lifted stays there, dated `inf`.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from apientreprise_gateway.auth.ledger import (
    Ledger,
    LedgerWatch,
    instant,
    read_all,
    script,
    set_aside,
    tell,
    tell_of_unreadable,
)
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.store.client import Client, repaired

LIFTED: Final = math.inf
"""Date of a revocation that was lifted."""


class Revocation(NamedTuple):
    """The revocation of one token, or its lifting."""

    at: float
    """Unix time in seconds from which the token is refused; `LIFTED` for never."""
    changed: float = 0.0
    """Unix time in seconds at which that date was set; 0 if unknown."""

    @property
    def in_force(self) -> bool:
        """Whether the token is revoked, now or from a date to come."""
        return self.at != LIFTED


Known = Mapping[str, Revocation]
"""Revocations, by `jti`."""


def _read(_jti: str, value: bytes, changed: float, known: Revocation | None) -> Revocation:
    read = Revocation(instant(value), changed)
    return known if known == read and known is not None else read


def _both(one: Revocation, other: Revocation) -> Revocation:
    """The earlier of two dates that one token has in different spellings."""
    return Revocation(min(one.at, other.at), max(one.changed, other.changed))


REVOCATIONS: Final[Ledger[Revocation]] = Ledger(
    key="gw:revoked",
    name="revocations",
    read=_read,
    write=lambda entry: repr(entry.at),
    both=_both,
    order=lambda entry: (entry.changed, -entry.at),
    unreadable="revocation_without_date",
    effect="that token is not revoked, unless it was before",
)


def merged(one: Known, other: Known) -> dict[str, Revocation]:
    """The entries of both sources; for a token in both, the entry changed last, else the one with the earlier date."""
    return REVOCATIONS.merged(one, other)


async def revoke(client: Client, jti: str, at: float, *, force: bool = False) -> float | None:
    """Revoke a token, for every gateway on this Redis, unless it is already revoked from that date or an earlier one.

    Args:
        client: the Redis client.
        jti: the token's.
        at: Unix time in seconds, past or future.
        force: replace an earlier date too.

    Raises:
        StoreError: Redis cannot be reached, or refuses.

    Returns:
        None if `at` was set; else the date that was kept, earlier than `at` or the same.
    """
    return await _set(client, jti, at, force=force)


async def lift(client: Client, jti: str) -> None:
    """End the revocation of a token, for every gateway on this Redis.

    Raises:
        StoreError: Redis cannot be reached, or refuses.
    """
    await _set(client, jti, LIFTED, force=True)


async def _set(client: Client, jti: str, at: float, *, force: bool) -> float | None:
    words = (script("revoke"), 2, REVOCATIONS.key, REVOCATIONS.changed_key, jti, repr(at), int(force))
    was_set, *before = await repaired(partial(client.ask, "EVAL", *words), partial(set_aside, client, REVOCATIONS))
    if not was_set:
        return float(before[0])
    if force:
        await _forget_other_spellings(client, jti)
    await tell(client, REVOCATIONS)
    return None


async def _forget_other_spellings(client: Client, jti: str) -> None:
    """Delete entries of the same `jti` with upper-case letters: written by hand, they meant the same token."""
    names = [name for name in await client.ask("HKEYS", REVOCATIONS.key) if name.lower() == jti.encode() != name]
    if names:
        await client.ask("HDEL", REVOCATIONS.key, *names)
        await client.ask("HDEL", REVOCATIONS.changed_key, *names)


async def revocations(client: Client) -> dict[str, Revocation]:
    """Every entry that Redis has, lifted revocations included, by `jti`.

    Raises:
        StoreError: Redis cannot be reached, or a key holds another type.
    """
    found = await read_all(client, REVOCATIONS)
    tell_of_unreadable(REVOCATIONS, found)
    return found.entries


class RevocationWatch(LedgerWatch[Revocation]):
    """Keeps a registry up to date with the revocations in Redis."""

    def __init__(
        self,
        client: Client,
        registry: TokenRegistry,
        *,
        known: Known | None = None,
        on_read: Callable[[float], None] = lambda _at: None,
        keep: Callable[[Known], Awaitable[None]] | None = None,
    ) -> None:
        """Configure it; `registry` is given the revocations in force. The others are those of `LedgerWatch`."""

        def use(entries: Known) -> int:
            registry.revoke({jti: entry.at for jti, entry in entries.items() if entry.in_force})
            return len(registry.revoked)

        super().__init__(client, REVOCATIONS, use=use, known=known, on_read=on_read, keep=keep)
