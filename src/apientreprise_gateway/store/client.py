"""A client of Redis for occasional commands that no call waits for: those of the control plane and of operators.

Each command is awaited by itself and has its own time-out; what calls wait for goes through an `Exchange`.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from redis.asyncio import Redis, RedisCluster

from apientreprise_gateway.store.driver import close_client, open_client
from apientreprise_gateway.store.errors import FAILURES, About, ReplyError, own_error
from apientreprise_gateway.store.url import RedisUrl

Word = str | bytes | int | float
_T = TypeVar("_T")


class Client:
    """A client of a server or of a Cluster."""

    def __init__(self, redis: Redis | RedisCluster) -> None:
        self._redis: Any = redis  # the types of the two differ, and are vague about replies

    async def ask(self, *words: Word) -> Any:
        """The reply to a command, as redis-py reads it.

        Raises:
            ReplyError: Redis answers with an error.
            UnreachableError: Redis does not answer.
        """
        try:
            return await self._redis.execute_command(*words)
        except FAILURES as error:
            raise own_error(error) from error

    async def ask_all(self, commands: Iterable[Sequence[Word]]) -> list[Any]:
        """The replies to commands that are sent together; see `ask`."""
        pipeline = self._redis.pipeline(transaction=False)
        for words in commands:
            pipeline.execute_command(*words)
        try:
            replies: list[Any] = await pipeline.execute()
        except FAILURES as error:
            raise own_error(error) from error
        return replies

    async def ask_sentinel(self, place: int, *words: Word) -> Any:
        """The reply of one of the Sentinels of the URL, by its place there; see `ask`."""
        try:
            return await self._redis.connection_pool.sentinel_manager.sentinels[place].execute_command(*words)
        except FAILURES as error:
            raise own_error(error) from error

    async def close(self) -> None:
        """Close the connections, also those to Sentinels."""
        await close_client(self._redis)


def client(address: RedisUrl, *, timeout: float) -> Client:
    """A client of the Redis that a URL names; it opens no connection yet.

    Args:
        address: of a server, of a Cluster, or of Sentinels.
        timeout: seconds that a connection and each reply may take.
    """
    return Client(open_client(address, timeout=timeout))


async def repaired(ask: Callable[[], Awaitable[_T]], repair: Callable[[ReplyError], Awaitable[None]]) -> _T:
    """The result of a command; if its key holds a value of another type, it is repaired and the command sent again.

    Args:
        ask: sends the command.
        repair: removes the value that the error is about.

    Raises:
        StoreError: the command fails, the second time too.
    """
    try:
        return await ask()
    except ReplyError as error:
        if error.about is not About.KEY:
            raise
        await repair(error)
        return await ask()
