"""Connections to Sentinels, which name the master.

User, password and TLS of the URL hold for the Sentinels as for the master. A Sentinel that does not know the user is
given the password alone, and one without passwords none; TLS is never given up, as that would expose the password.
"""

from collections.abc import Iterator
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import AuthenticationError


class _SentinelConnection(Connection):
    """A connection to a Sentinel."""

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        """Authenticate, see `_introduce`."""
        await _introduce(self, super().on_connect_check_health, check_health)


class _SecureSentinelConnection(SSLConnection):
    """A connection to a Sentinel over TLS."""

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        """Authenticate, see `_introduce`."""
        await _introduce(self, super().on_connect_check_health, check_health)


def sentinel(nodes: tuple[tuple[str, int], ...], *, own: dict[str, Any], **usual: Any) -> Sentinel:
    """The Sentinels at some addresses; no connection is opened yet.

    Args:
        nodes: hosts and ports.
        own: options of redis-py for the connections to them, besides user, password and TLS.
        usual: those of the connections to the master that they name.
    """
    shared = {name: usual[name] for name in ("username", "password", "ssl") if name in usual}
    found = Sentinel(nodes, sentinel_kwargs={**shared, **own}, **usual)  # type: ignore[no-untyped-call]  # as redis-py is
    for each in found.sentinels:
        each.connection_pool.connection_class = _SecureSentinelConnection if usual.get("ssl") else _SentinelConnection
    return found


async def _introduce(connection: Any, introduce: Any, check_health: bool) -> None:
    """Authenticate in the first way that is accepted.

    Raises:
        AuthenticationError: no way is accepted; it is the error of the first.
    """
    given = connection.username, connection.password
    refusal: AuthenticationError | None = None
    try:
        for connection.username, connection.password in _ways(*given):
            try:
                await introduce(check_health)
                if refusal is not None:  # without a password, a refusal comes only with the first command
                    await connection.send_command("PING", check_health=False)
                    await connection.read_response()
            except AuthenticationError as error:
                refusal = refusal or error
            else:
                return
    finally:
        connection.username, connection.password = given
    assert refusal is not None  # noqa: S101 - there is a way at least
    raise refusal


def _ways(user: str | None, password: str | None) -> Iterator[tuple[str | None, str | None]]:
    yield user, password
    if user and password:
        yield None, password
    if user or password:
        yield None, None
