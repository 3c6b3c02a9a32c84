"""A connection to Redis as the event loop sees it: a batch of commands is one write, its replies one future.

redis-py opens the connection (names, TLS, Sentinel, authentication) and hands it over. Its own way to send and to
read, with streams and a coroutine per reply, costs more than all else that a batch needs.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import hiredis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.asyncio.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

Reply = Any
"""A reply as hiredis parses it; an error reply is a `ResponseError`, not raised."""


class _Opened(Protocol):
    """The parts of an opened connection of redis-py that are used here."""

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    _parser: Any


class RedisConnection(asyncio.Protocol):
    """An opened connection, with one exchange at a time."""

    def __init__(self, connection: Connection) -> None:
        """Take an opened connection over; it remains redis-py's to close."""
        opened: _Opened = connection  # type: ignore[assignment]  # its types say that it may not be opened
        self._loop = asyncio.get_running_loop()
        self._replies: hiredis.Reader = opened._parser._reader
        self._transport = opened._writer.transport
        self._before = self._transport.get_protocol()
        self._answer: asyncio.Future[list[Reply]] | None = None
        self._found: list[Reply] = []
        self._missing = 0
        self._closed = opened._reader.at_eof()
        self._transport.set_protocol(self)

    @property
    def closed(self) -> bool:
        """Whether the server has closed it, or we have."""
        return self._closed or self._transport.is_closing()

    def ask(self, commands: Sequence[bytes]) -> "asyncio.Future[list[Reply]]":
        """Send packed commands; the future gives the replies to them, in their order.

        It raises a `RedisError` if some got no reply. A caller that stops waiting for it must close the connection.
        """
        self._found = []
        self._missing = len(commands)
        answer = self._answer = self._loop.create_future()
        self._transport.write(b"".join(commands))
        return answer

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            self._transport.abort()  # an unexpected reply: a later one could be taken for that of another command
            return
        self._replies.feed(data)
        try:
            while self._missing:
                reply = self._replies.gets()
                if reply is NOT_ENOUGH_DATA:
                    return
                if type(reply) is not list and isinstance(reply, Exception) and not isinstance(reply, ResponseError):
                    raise reply  # it is loading, or refuses this connection
                self._found.append(reply)
                self._missing -= 1
        except RedisError as error:
            self._fail(error)
            return
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._found)

    def eof_received(self) -> None:
        """Let the transport close."""
        self._closed = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the exchange under way, and tell redis-py."""
        self._closed = True
        self._fail(RedisConnectionError("the server closed the connection"))
        self._before.connection_lost(exc)

    def _fail(self, error: Exception) -> None:
        self._missing = 0
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
