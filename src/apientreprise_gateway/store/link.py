"""The connection to Redis: commands out in one write, replies back in one read.

One implementation for a server (alone, or found through Sentinel), one for a Cluster. Neither retries: whether a
command that got no reply was carried out is not known, and repeating it could count a call twice.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

import hiredis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection
from redis.exceptions import AskError, MovedError, ResponseError

from apientreprise_gateway.store.connection import RedisConnection, Reply
from apientreprise_gateway.store.driver import close_client, open_client
from apientreprise_gateway.store.errors import FAILURES, UnreachableError
from apientreprise_gateway.store.url import RedisUrl
from apientreprise_gateway.store.words import redis_words

__all__ = ["ClusterLink", "Command", "RedisLink", "Reply", "ServerLink", "link"]

_PROBE_KEY: Final = "gw:probe"
_MAX_REDIRECTS: Final = 3
_READ_BYTES: Final = 64 * 1024
_ASKING: Final[bytes] = hiredis.pack_command(("ASKING",))


class Command:
    """A command of Redis, packed once."""

    __slots__ = ("key", "packed", "words")

    def __init__(self, key: str, words: tuple[str | bytes | int, ...]) -> None:
        """Pack it.

        Args:
            key: the key that it is about, which decides the node of a Cluster.
            words: its name and arguments.
        """
        self.key = key
        self.words = words
        self.packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # hiredis declares a pair
        """The bytes that are sent."""


class RedisLink(Protocol):
    """A way to exchange commands for replies. One exchange at a time."""

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Send commands; return their replies, in their order. Raise `UnreachableError` if some got none."""

    async def probe(self) -> None:
        """Find the server or servers anew, and write to each. Raise `UnreachableError` if one cannot be written to."""

    async def drop(self) -> None:
        """Close the connections; the next exchange opens them anew."""

    async def close(self) -> None:
        """Close the connections for good."""


def link(address: RedisUrl) -> RedisLink:
    """The link to the Redis that a URL names; it opens no connection yet."""
    found = open_client(address)
    return ClusterLink(found) if isinstance(found, RedisCluster) else ServerLink(found)


class ServerLink:
    """A `RedisLink` to one server."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._pool = redis.connection_pool
        self._connection: Connection | None = None
        self._wire: RedisConnection | None = None

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        try:
            wire = self.open_wire() or await self._open()
            return await wire.exchange([command.packed for command in commands])
        except FAILURES as error:
            await self.drop()
            raise UnreachableError(redis_words(error)) from error
        except BaseException:
            # Cancelled in the middle: replies still to come must not be read as those of the next exchange.
            await self.drop()
            raise

    def open_wire(self) -> RedisConnection | None:
        """The connection, to be asked in place of `exchange`; None if there is none that is open."""
        wire = self._wire
        return None if wire is None or wire.closed else wire

    async def probe(self) -> None:
        await self.drop()
        await _check_writable(self, [_PROBE_KEY])

    async def drop(self) -> None:
        connection, self._connection, self._wire = self._connection, None, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)
        # With Sentinel, a connection taken anew asks who the master is.
        await self._pool.disconnect()

    async def close(self) -> None:
        await self.drop()
        await close_client(self._redis)

    async def _open(self) -> RedisConnection:
        if self._connection is not None:
            # It was closed while idle (by the server's `timeout`, or a firewall): what is sent over a new one cannot
            # have been carried out before.
            await self.drop()
        self._connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        wire = self._wire = RedisConnection(self._connection)
        return wire


class ClusterLink:
    """A `RedisLink` to a Cluster: each command goes to the node that holds its key."""

    def __init__(self, cluster: RedisCluster) -> None:
        self._cluster = cluster

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """See `RedisLink.exchange`; a command that its node redirects has not been carried out, and is sent on."""
        try:
            await self._cluster.initialize()
            replies = await self._to_nodes(commands)
            for place, reply in enumerate(replies):
                if isinstance(reply, AskError | MovedError):
                    replies[place] = await self._follow(reply, commands[place])
        except FAILURES as error:
            await self.drop()
            raise UnreachableError(redis_words(error)) from error
        except BaseException:
            await self.drop()
            raise
        return replies

    async def probe(self) -> None:
        await self.drop()
        try:
            await self._cluster.initialize()
            keys = self._keys_for_primaries()
        except FAILURES as error:
            raise UnreachableError(redis_words(error)) from error
        await _check_writable(self, keys)

    async def drop(self) -> None:
        await self._cluster.aclose()

    async def close(self) -> None:
        await self.drop()

    def _keys_for_primaries(self) -> list[str]:
        """A key on each primary."""
        missing, keys = set(self._cluster.get_primaries()), []
        for number in range(10_000):
            if not missing:
                break
            key = f"{_PROBE_KEY}:{number}"
            node = self._node_of(key)
            if node in missing:
                missing.discard(node)
                keys.append(key)
        return keys

    def _node_of(self, key: str) -> ClusterNode:
        return self._cluster.nodes_manager.get_node_from_slot(self._cluster.keyslot(key))

    async def _to_nodes(self, commands: Sequence[Command]) -> list[Reply]:
        places: dict[ClusterNode, list[int]] = {}
        for place, command in enumerate(commands):
            places.setdefault(self._node_of(command.key), []).append(place)
        answers = await asyncio.gather(
            *(_to_node(node, [commands[place].packed for place in own]) for node, own in places.items()),
            return_exceptions=True,  # so that none is still reading when the connections are dropped
        )
        replies: list[Reply] = [None] * len(commands)
        for own, answer in zip(places.values(), answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            for place, reply in zip(own, answer, strict=True):
                replies[place] = reply
        return replies

    async def _follow(self, reply: Reply, command: Command) -> Reply:
        """The reply of the node to which a command is redirected; the last redirection if there are too many."""
        for _ in range(_MAX_REDIRECTS):
            if isinstance(reply, MovedError):  # which redis-py makes a kind of AskError
                await self._cluster.nodes_manager.move_slot(reply)
                (reply,) = await self._to_nodes([command])
            elif isinstance(reply, AskError):
                node = self._cluster.get_node(host=reply.host, port=reply.port)
                if node is None:
                    await self.drop()  # the next exchange asks for the nodes anew
                    return reply
                reply = (await _to_node(node, [_ASKING, command.packed]))[1]
            else:
                break
        return reply


async def _to_node(node: ClusterNode, commands: Sequence[bytes]) -> list[Reply]:
    connection = node.acquire_connection()
    try:
        if _is_closed(connection):
            await connection.disconnect(nowait=True)  # sending connects it anew
        return await _exchange(connection, commands)
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    finally:
        node.release(connection)


def _is_closed(connection: Connection) -> bool:
    """Whether an idle connection was closed (by the server's `timeout`, or a firewall).

    Nothing is lost then: what is sent over a new one cannot have been carried out before.
    """
    reader: asyncio.StreamReader | None = connection._reader
    return reader is not None and reader.at_eof()


async def _exchange(connection: Connection, commands: Sequence[bytes]) -> list[Reply]:
    await connection.send_packed_command(b"".join(commands), check_health=False)
    # redis-py's own reading costs more for one reply than all else here for a batch: only its parts are used.
    stream: Any = connection._reader
    replies: hiredis.Reader = connection._parser._reader  # type: ignore[attr-defined]  # hiredis is installed
    found: list[Reply] = []
    while len(found) < len(commands):
        reply = replies.gets()
        if reply is NOT_ENOUGH_DATA:
            data = await stream.read(_READ_BYTES)
            if not data:
                raise ConnectionError("the server closed the connection")
            replies.feed(data)
            continue
        if isinstance(reply, Exception) and not isinstance(reply, ResponseError):
            raise reply  # the server is loading, or refuses this connection
        found.append(reply)
    return found


async def _check_writable(to: RedisLink, keys: Iterable[str]) -> None:
    replies = await to.exchange([Command(key, ("SET", key, "1", "PX", 1000)) for key in keys])
    for reply in replies:
        if isinstance(reply, ResponseError):
            await to.drop()
            raise UnreachableError(redis_words(reply))
