"""Tests of a connection to Redis, over a transport that goes nowhere."""

import asyncio
from typing import Any

import hiredis
import pytest
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.exceptions import BusyLoadingError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from apientreprise_gateway.store.connection import Outcome, RedisConnection

PING = hiredis.pack_command(("PING",))


class Transport:
    """Writes down what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_gone = False
        self.aborted = False
        self.before = asyncio.Protocol()
        self.protocol: asyncio.BaseProtocol = self.before

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who is told."""
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have another told."""
        self.protocol = protocol

    def is_closing(self) -> bool:
        """Whether it was aborted."""
        return self.aborted

    def write(self, data: bytes) -> None:
        """Send; as uvloop does, refuse what can no longer be sent."""
        if self.is_gone:
            raise RuntimeError("the handler is closed")
        self.sent.append(data)

    def abort(self) -> None:
        """Close."""
        self.aborted = True


class Opened:
    """What redis-py hands over."""

    def __init__(self) -> None:
        self.transport = Transport()
        self._writer = self
        self._reader = self
        self._parser = self._Parser()

    class _Parser:
        def __init__(self) -> None:
            self._reader = hiredis.Reader(replyError=_error, notEnoughData=NOT_ENOUGH_DATA)

    def at_eof(self) -> bool:
        """Whether the other side has closed it already."""
        return False


def _error(text: str) -> RedisError:
    return BusyLoadingError(text) if text.startswith("LOADING") else ResponseError(text)


class Bench:
    """A connection, its transport, and the outcomes that it has told."""

    def __init__(self) -> None:
        opened: Any = Opened()
        self.transport: Transport = opened.transport
        self.wire = RedisConnection(opened)
        self.outcomes: list[Outcome] = []

    def ask(self, commands: int) -> None:
        """Send so many commands."""
        self.wire.ask([PING] * commands, self.outcomes.append)


async def test_commands_are_one_write_and_replies_one_call() -> None:
    """However replies are cut into pieces, they are told once, in their order, when the last is there."""
    bench = Bench()
    bench.ask(3)
    assert bench.transport.sent == [PING * 3]
    for byte in b"+one\r\n:2\r\n*1\r\n:3\r":
        bench.wire.data_received(bytes([byte]))
    assert bench.outcomes == []
    bench.wire.data_received(b"\n")
    assert bench.outcomes == [[b"one", 2, [3]]]
    assert not bench.wire.has_errors


async def test_an_error_among_replies_is_marked() -> None:
    """An error is a reply like another, and the next exchange begins without one."""
    bench = Bench()
    bench.ask(2)
    bench.wire.data_received(b"-ERR no\r\n+yes\r\n")
    (found,) = bench.outcomes
    assert isinstance(found, list)
    assert isinstance(found[0], ResponseError)
    assert bench.wire.has_errors
    bench.ask(1)
    assert not bench.wire.has_errors


async def test_whoever_is_told_may_ask_again() -> None:
    """The next exchange is begun by the call that ends the one before, and has its own replies."""
    bench = Bench()
    later: list[Outcome] = []
    bench.wire.ask([PING], lambda _outcome: bench.wire.ask([PING], later.append))
    bench.wire.data_received(b"+first\r\n")
    bench.wire.data_received(b"+second\r\n")
    assert later == [[b"second"]]


@pytest.mark.parametrize("ending", ["lost", "loading", "gone"])
async def test_an_exchange_that_fails_is_told_once(ending: str) -> None:
    """Commands without replies have one outcome, an error, whatever happens to the connection afterwards."""
    bench = Bench()
    bench.transport.is_gone = ending == "gone"
    bench.ask(2)
    if ending == "loading":
        bench.wire.data_received(b"-LOADING it is\r\n")
    bench.wire.connection_lost(None)
    (found,) = bench.outcomes
    assert isinstance(found, BusyLoadingError if ending == "loading" else RedisConnectionError)
    assert bench.wire.closed


async def test_who_waits_gets_replies_or_the_error() -> None:
    """A coroutine gets what a callback does; if it is cancelled, late replies are nobody's."""
    bench = Bench()
    waiting = asyncio.ensure_future(bench.wire.exchange([PING]))
    await asyncio.sleep(0)
    bench.wire.data_received(b"+it\r\n")
    assert await waiting == [b"it"]
    waiting = asyncio.ensure_future(bench.wire.exchange([PING]))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    bench.wire.data_received(b"+late\r\n")
    waiting = asyncio.ensure_future(bench.wire.exchange([PING]))
    await asyncio.sleep(0)
    bench.wire.connection_lost(None)
    with pytest.raises(RedisConnectionError):
        await waiting


async def test_what_was_aborted_has_no_outcome() -> None:
    """Who has given an exchange up is not told of its end."""
    bench = Bench()
    bench.ask(1)
    bench.wire.abort()
    assert bench.transport.aborted
    assert bench.wire.closed
    bench.wire.connection_lost(None)
    assert bench.outcomes == []


async def test_a_reply_that_nobody_asked_for_closes() -> None:
    """It could be taken for that to another command."""
    bench = Bench()
    bench.wire.data_received(b"+what\r\n")
    assert bench.transport.aborted
