"""Access of commands to the Redis that the gateways share."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from apientreprise_gateway.store.client import Client

_TIMEOUT: Final = 5.0
"""Seconds that Redis may take to answer."""
_T = TypeVar("_T")


def ask_redis(ask: "Callable[[Client], Awaitable[_T]]") -> _T:
    """Call a function with a client of the Redis of GATEWAY_REDIS_URL, and return its result.

    Raises:
        SettingsError: GATEWAY_REDIS_URL is not set, or that Redis cannot be asked.
    """
    import asyncio

    from apientreprise_gateway.gateway.settings import SettingsError, load
    from apientreprise_gateway.store.client import client
    from apientreprise_gateway.store.errors import StoreError
    from apientreprise_gateway.store.url import parse_url
    from apientreprise_gateway.store.words import is_refusal, redis_words

    url = load().redis_url
    if url is None:
        raise SettingsError("GATEWAY_REDIS_URL: no Redis is named. Set it to the gateway's own.")

    async def answer() -> _T:
        connection = client(parse_url(url.get_secret_value()), timeout=_TIMEOUT)
        try:
            return await ask(connection)
        finally:
            await connection.close()

    try:
        return asyncio.run(answer())
    except StoreError as error:
        remedy = "Correct the URL, or the ACL of Redis." if is_refusal(error) else "Is it running?"
        raise SettingsError(f"GATEWAY_REDIS_URL: Redis cannot be asked ({redis_words(error)}). {remedy}") from error
