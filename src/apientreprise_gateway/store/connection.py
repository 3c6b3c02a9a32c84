"""A connection to Redis as the event loop sees it: a batch of commands is one write, its replies one callback.

redis-py opens the connection (names, TLS, Sentinel, authentication) and hands it over. Its own way to send and to
read, with streams and a coroutine per reply, costs more than all else that a batch needs.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol

import hiredis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.asyncio.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

Reply = Any
"""A reply as hiredis parses it; an error reply is a `ResponseError`, not raised."""
Outcome = list[Reply] | RedisError
"""The replies to commands, in their order; or why some got none."""

_CLOSED: Final = "the server closed the connection"


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
        self._on_end: Callable[[Outcome], object] | None = None
        self._found: list[Reply] = []
        self._missing = 0
        self.has_errors = False
        """Whether some replies of the last exchange are errors."""
        self._closed = opened._reader.at_eof()
        self._transport.set_protocol(self)

    @property
    def closed(self) -> bool:
        """Whether the server has closed it, or we have."""
        return self._closed or self._transport.is_closing()

    def ask(self, commands: Sequence[bytes], on_end: Callable[[Outcome], object]) -> None:
        """Send packed commands, at least one; `on_end` is given the outcome, once, and may ask again at once.

        A caller that stops waiting for it must close the connection.
        """
        self._found = []
        self._missing = len(commands)
        self.has_errors = False
        self._on_end = on_end
        try:
            self._transport.write(b"".join(commands))
        except RuntimeError:  # from uvloop, if it knows already that the connection is gone and has yet to say so
            self._end(RedisConnectionError(_CLOSED))

    async def exchange(self, commands: Sequence[bytes]) -> list[Reply]:
        """Do as `ask` does, and wait; raise a `RedisError` if some commands got no reply."""
        ended: asyncio.Future[Outcome] = self._loop.create_future()
        self.ask(commands, partial(_settle, ended))
        outcome = await ended
        if isinstance(outcome, RedisError):
            raise outcome
        return outcome

    def abort(self) -> None:
        """Close at once; what was asked has no outcome."""
        self._on_end = None
        self._transport.abort()

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
                if type(reply) is not list and isinstance(reply, Exception):
                    if not isinstance(reply, ResponseError):
                        raise reply  # it is loading, or refuses this connection
                    self.has_errors = True
                self._found.append(reply)
                self._missing -= 1
        except RedisError as error:
            self._end(error)
            return
        self._end(self._found)

    def eof_received(self) -> None:
        """Let the transport close."""
        self._closed = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the exchange under way, and tell redis-py."""
        self._closed = True
        self._end(RedisConnectionError(_CLOSED))
        self._before.connection_lost(exc)

    def _end(self, outcome: Outcome) -> None:
        self._missing = 0
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(outcome)


def _settle(ended: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
    if not ended.done():
        ended.set_result(outcome)
