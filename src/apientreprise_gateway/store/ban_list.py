"""Reads the bans in Redis, all of them at once, from their index."""

import time
from typing import Final

import structlog

from apientreprise_gateway.contract.bans import Ban, index_key, read_index_entry
from apientreprise_gateway.store.client import Client

_LENIENCE: Final = 1_000_000
"""Microseconds by which this machine's clock may be ahead of the store's."""
_log = structlog.get_logger(__name__)


async def read_index(client: Client, prefix: str, *, since: int) -> list[Ban]:
    """The bans that end after `since`, oldest first, one for each address.

    Args:
        client: the Redis client.
        prefix: prefix of the keys.
        since: time on the store's clock, in microseconds.

    Raises:
        StoreError: Redis cannot be reached, or the key holds another type.
    """
    found: dict[str, Ban] = {}
    for entry in await client.ask("ZRANGEBYSCORE", index_key(prefix), since, "+inf"):
        try:
            ban = read_index_entry(entry)
        except ValueError:
            _log.error("ban_unreadable", entry=entry.decode("latin-1"), effect="it is not in force")
            continue
        found.setdefault(ban.address, ban)
    return list(found.values())


async def bans(client: Client) -> list[Ban]:
    """The bans in force, oldest first.

    Raises:
        StoreError: Redis cannot be reached, or the key holds another type.
    """
    return await read_index(client, "gw", since=time.time_ns() // 1000 - _LENIENCE)
