"""Tests of exchanges over the connection of one server: a fake connection, and a clock that jumps."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

from apientreprise_gateway.net.write_batch import write_batch_of
from apientreprise_gateway.store.connection import Outcome, RedisConnection, Reply
from apientreprise_gateway.store.exchange import BATCH_BYTES, TIMEOUT_SECONDS, Exchange, ExchangeError, Replies
from apientreprise_gateway.store.faults import Faults
from apientreprise_gateway.store.link import Command, ServerLink
from apientreprise_gateway.store.outage import Pace
from support.loops import complete_at_once

PACE = Pace(0.25, 2.0)
NOT_KNOWN = NoScriptError("No matching script")
FULL = ResponseError("OOM command not allowed when used memory > 'maxmemory'")


class FakeWire(RedisConnection):
    """A connection that is answered by hand."""

    def __init__(self) -> None:
        self.sent: list[list[bytes]] = []
        self.on_end: Callable[[Outcome], object] | None = None
        self.is_open = True
        self.has_errors = False

    @property
    def closed(self) -> bool:
        """Whether it was aborted or lost."""
        return not self.is_open

    def ask(self, commands: Sequence[bytes], on_end: Callable[[Outcome], object]) -> None:
        """See `RedisConnection.ask`."""
        assert self.on_end is None, "one exchange at a time"
        self.sent.append(list(commands))
        self.on_end = on_end

    def abort(self) -> None:
        """See `RedisConnection.abort`."""
        self.is_open, self.on_end = False, None

    def end(self, *replies: Reply, error: RedisConnectionError | None = None) -> None:
        """End the exchange under way with replies, or by an error."""
        on_end, self.on_end = self.on_end, None
        assert on_end is not None, "nothing was asked"
        self.has_errors = any(isinstance(reply, ResponseError) for reply in replies)
        on_end(list(replies) if error is None else error)


class FakeServer(ServerLink):
    """A server whose connection is answered by hand, and which repeats the last word of what comes by `exchange`."""

    def __init__(self) -> None:
        self.wire: FakeWire = FakeWire()
        self.exchanged: list[list[object]] = []
        self.probes = 0
        self.hangs = False

    def open_wire(self) -> RedisConnection | None:
        """See `ServerLink.open_wire`."""
        return self.wire if self.wire.is_open else None

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """See `RedisLink.exchange`."""
        self.exchanged.append([command.words[0] for command in commands])
        await asyncio.sleep(3600 if self.hangs else 0)
        return [command.words[-1] for command in commands]

    async def probe(self) -> None:
        """See `RedisLink.probe`."""
        self.probes += 1
        self.wire = FakeWire()

    async def drop(self) -> None:
        """See `RedisLink.drop`."""

    async def close(self) -> None:
        """See `RedisLink.close`."""


class Bench:
    """An exchange with a fake server, and what it tells of."""

    def __init__(self, **options: Any) -> None:
        self.server = FakeServer()
        self.changes: list[tuple[bool, str]] = []
        self.exchange = Exchange(
            self.server,
            name="test",
            pace=PACE,
            faults=Faults("test", on_fault=lambda _about: None),
            on_change=lambda is_there, reason: self.changes.append((is_there, reason)),
            **options,
        )

    def show(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start, do what the test does, and close."""

        async def main() -> None:
            await self.exchange.start()
            await test()
            await self.exchange.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        complete_at_once(main())

    @property
    def wire(self) -> FakeWire:
        """The present connection."""
        return self.server.wire

    @property
    def sizes(self) -> list[int]:
        """The number of commands of each exchange over the present connection."""
        return [len(commands) for commands in self.wire.sent]

    def ask(self, word: object = 0, party: str | None = None) -> "asyncio.Future[Replies]":
        """Ask with one command."""
        return self.exchange.ask([command(word)], party)


def command(word: object) -> Command:
    """A command with a word."""
    return Command("key", ("ECHO", str(word)))


async def are_refused(*waiting: "asyncio.Future[Replies]") -> bool:
    """Whether all are told that there is no reply."""
    found = await asyncio.gather(*waiting, return_exceptions=True)
    return all(isinstance(one, ExchangeError) for one in found)


def test_it_is_sent_at_once_and_the_next_with_the_replies() -> None:
    """Nothing waits for a turn of the loop: neither what is asked first, nor what comes while it is under way."""
    bench = Bench()

    async def test() -> None:
        first = bench.ask(1)
        assert bench.sizes == [1]
        later = [bench.ask(2), bench.ask(3)]
        assert bench.sizes == [1]
        bench.wire.end("one")
        assert bench.sizes == [1, 2]
        assert first.result() == ["one"]
        bench.wire.end("two", "three")
        assert [each.result() for each in later] == [["two"], ["three"]]
        assert bench.ask(4)
        assert bench.sizes == [1, 2, 1]
        bench.wire.end("four")

    bench.show(test)
    assert bench.server.exchanged == []


def test_calls_in_flight_ask_together() -> None:
    """Where other calls are in flight, what all ask in one turn of the loop is one exchange."""
    bench = Bench()

    async def test() -> None:
        write_batch_of(asyncio.get_running_loop()).calls = 3
        waiting = [bench.ask(number) for number in range(3)]
        assert bench.sizes == []
        await asyncio.sleep(0)
        assert bench.sizes == [3]
        bench.wire.end("a", "b", "c")
        assert [each.result() for each in waiting] == [["a"], ["b"], ["c"]]

    bench.show(test)


def test_writes_go_first_and_are_bounded() -> None:
    """Writes take their turns over the connection too, before what was asked, each exchange a part of them."""
    bench = Bench()

    async def test() -> None:
        first = bench.ask()
        writes = [bench.exchange.write(command(number), BATCH_BYTES // 2) for number in range(3)]
        read = bench.ask("read")
        bench.wire.end("first")
        assert bench.sizes == [1, 3]
        assert bench.wire.sent[1][-1] == command("read").packed
        bench.wire.end("w0", "w1", "read")
        bench.wire.end("w2")
        assert [each.result() for each in (first, *writes, read)] == [["first"], ["w0"], ["w1"], ["w2"], ["read"]]

    bench.show(test)


def test_a_server_that_hangs_costs_one_time_out() -> None:
    """Those on the wire and behind them stop waiting together, and late replies reach nobody: the wire is closed."""
    bench = Bench()

    async def test() -> None:
        began = asyncio.get_running_loop().time()
        wire, first, second = bench.wire, bench.ask(1), bench.ask(2)
        assert await are_refused(first, second)
        assert asyncio.get_running_loop().time() - began < TIMEOUT_SECONDS * 1.1
        assert not wire.is_open
        await asyncio.sleep(PACE.first * 1.5)
        third = bench.ask(3)
        bench.wire.end("three")
        assert third.result() == ["three"]

    bench.show(test)
    assert bench.changes[1:] == [(False, "it did not answer within 0.1 s"), (True, "it answers again")]


def test_a_connection_that_is_lost_is_an_outage() -> None:
    """Whoever waits is told, with the reason; what is told meanwhile goes by the task, not over the wire of probes."""
    bench = Bench()

    async def test() -> None:
        first, second = bench.ask(1), bench.ask(2)
        bench.wire.end(error=RedisConnectionError("it is gone"))
        assert await are_refused(first, second)
        bench.server.wire = FakeWire()
        bench.exchange.tell([command("told")])
        await asyncio.sleep(0.01)

    bench.show(test)
    assert bench.changes[1] == (False, "it is gone")
    assert bench.server.exchanged == [["ECHO"]]
    assert bench.sizes == []


def test_a_closed_connection_is_opened_by_the_task() -> None:
    """A server that has closed an idle connection is asked over another, and nobody is told of an outage."""
    bench = Bench()

    async def test() -> None:
        bench.wire.is_open = False
        first, second = bench.ask("first"), bench.ask("second")
        assert (await first, await second) == (["first"], ["second"])

    bench.show(test)
    assert bench.server.exchanged == [["ECHO", "ECHO"]]
    assert [is_there for is_there, _ in bench.changes] == [True]


def test_what_failed_is_sent_again_before_the_next() -> None:
    """A script that is not known goes again with its text; what comes meanwhile waits for that, and for no more."""
    bench = Bench(scripts={"its hash": "its text"})

    async def test() -> None:
        script = Command("key", ("EVALSHA", "its hash", 1, "key", "argument"))
        first = bench.exchange.ask([command(1), script])
        later = bench.ask(2)
        bench.wire.end("one", NOT_KNOWN)
        assert bench.sizes == [2]
        assert await first == ["one", "argument"]
        assert bench.sizes == [2, 1]
        bench.wire.end("two")
        assert await later == ["two"]

    bench.show(test)
    assert bench.server.exchanged == [["EVAL"]]


def test_sending_again_has_what_is_left_of_the_time() -> None:
    """An exchange and what is sent again because of it take no longer together than one exchange may."""
    bench = Bench(scripts={"its hash": "its text"})

    async def test() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        waiting = bench.exchange.ask([Command("key", ("EVALSHA", "its hash", 0))])
        await asyncio.sleep(TIMEOUT_SECONDS * 0.7)
        bench.server.hangs = True
        bench.wire.end(NOT_KNOWN)
        assert await are_refused(waiting)
        assert loop.time() - began < TIMEOUT_SECONDS * 1.2

    bench.show(test)
    assert bench.changes[1] == (False, "it did not answer within 0.1 s")


def test_an_error_of_the_store_is_an_outage() -> None:
    """A server that says that nothing can be written is away for whoever waits behind."""
    bench = Bench()

    async def test() -> None:
        first, second = bench.ask(1), bench.ask(2)
        bench.wire.end(FULL)
        assert await are_refused(first, second)

    bench.show(test)
    assert bench.changes[1] == (False, str(FULL))


def test_a_fault_of_ours_keeps_nobody_waiting() -> None:
    """If what learns of unheard replies fails, those of the same exchange and behind it are told, and it goes on."""

    def fail(_party: str, _replies: Replies) -> None:
        raise KeyError("nobody thought of it")

    bench = Bench(on_unheard=fail)

    async def test() -> None:
        gone, second = bench.ask(1, "party"), bench.ask(2)
        gone.cancel()
        bench.wire.end("one")
        assert await are_refused(second)
        await asyncio.sleep(PACE.first * 1.5)
        third = bench.ask(3)
        bench.wire.end("three")
        assert await third == ["three"]

    bench.show(test)
    assert [is_there for is_there, _ in bench.changes] == [True, False, True]


@pytest.mark.parametrize("is_in_task", [False, True])
def test_closing_tells_all_that_wait(is_in_task: bool) -> None:
    """Those on the way and behind them get no reply, and what waited is not sent any more."""
    bench = Bench(scripts={"its hash": "its text"})

    async def test() -> None:
        wire, waiting = bench.wire, [bench.exchange.ask([Command("key", ("EVALSHA", "its hash", 0))])]
        if is_in_task:
            bench.server.hangs = True
            wire.end(NOT_KNOWN)
            await asyncio.sleep(0.01)
        waiting.append(bench.ask(2))
        await bench.exchange.close()
        assert await are_refused(*waiting)
        assert bench.sizes == [1]
        assert wire.is_open == is_in_task

    bench.show(test)
    assert bench.server.exchanged == ([["EVAL"]] if is_in_task else [])
    assert [is_there for is_there, _ in bench.changes] == [True]
