"""Tests of the exchange with Redis: a fake connection, and a clock that jumps; no test waits, none opens a socket."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import pytest
from redis.exceptions import NoScriptError, ResponseError

from apientreprise_gateway.store.errors import About, UnreachableError
from apientreprise_gateway.store.exchange import (
    BATCH_BYTES,
    MAX_WAITING_BYTES,
    TIMEOUT_SECONDS,
    Exchange,
    ExchangeError,
    Replies,
)
from apientreprise_gateway.store.faults import Faults
from apientreprise_gateway.store.link import Command, Reply
from apientreprise_gateway.store.outage import Pace
from support.loops import complete_at_once

PACE = Pace(0.25, 2.0)
NOT_KNOWN = NoScriptError("No matching script")
SPOILT = ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
FULL = ResponseError("OOM command not allowed when used memory > 'maxmemory'")
OTHER = ResponseError("ERR something that nobody has thought of")


class FakeLink:
    """A `RedisLink` that answers each command with its last word."""

    def __init__(self) -> None:
        self.sent: list[list[Command]] = []
        self.answer: Callable[[Command], Reply] = lambda command: command.words[-1]
        self.up = True
        self.hangs = False
        self.probes = 0
        self.closed = False

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """See `RedisLink.exchange`."""
        self.sent.append(list(commands))
        await asyncio.sleep(3600 if self.hangs else 0.01)
        if not self.up:
            raise UnreachableError("the fake is down")
        return [self.answer(command) for command in commands]

    async def probe(self) -> None:
        """See `RedisLink.probe`."""
        self.probes += 1
        if self.hangs:
            await asyncio.sleep(3600)
        if not self.up:
            raise UnreachableError("the fake is down")

    async def drop(self) -> None:
        """See `RedisLink.drop`."""

    async def close(self) -> None:
        """See `RedisLink.close`."""
        self.closed = True


class Bench:
    """An exchange over a fake, and what it tells of."""

    def __init__(self, **options: Any) -> None:
        self.link = FakeLink()
        self.changes: list[tuple[bool, str]] = []
        self.faults: list[About] = []
        self.exchange = Exchange(
            self.link,
            name="test",
            pace=PACE,
            faults=Faults("test", on_fault=self.faults.append),
            on_change=lambda is_there, reason: self.changes.append((is_there, reason)),
            **options,
        )

    def show(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start, do what the test does, and close."""

        async def main() -> None:
            await self.exchange.start()
            await test()
            await self.exchange.close()
            assert self.link.closed
            assert asyncio.all_tasks() == {asyncio.current_task()}

        complete_at_once(main())

    @property
    def sent(self) -> list[list[Any]]:
        """The last words of the commands of each exchange."""
        return [[command.words[-1] for command in commands] for commands in self.link.sent]

    async def ask(self, *words: object, party: str | None = None) -> Replies:
        """Ask with a command for each word."""
        return await self.exchange.ask([command(word) for word in words], party)


def command(word: object) -> Command:
    """A command that the fake answers with a word."""
    return Command("key", ("ECHO", str(word)))


async def outcomes(*waiting: Coroutine[Any, Any, Replies]) -> list[Replies | BaseException]:
    """What each of those gets that ask together."""
    return await asyncio.gather(*waiting, return_exceptions=True)


def are_refused(found: Sequence[object]) -> bool:
    """Whether all were told that there is no reply."""
    return all(isinstance(one, ExchangeError) for one in found)


def test_what_comes_together_goes_together() -> None:
    """Commands of one moment are one exchange, in their order; each gets its own replies."""
    bench = Bench()

    async def test() -> None:
        assert await outcomes(bench.ask(1, 2), bench.ask(3), bench.ask(4, 5, 6)) == [["1", "2"], ["3"], ["4", "5", "6"]]

    bench.show(test)
    assert bench.sent == [["1", "2", "3", "4", "5", "6"]]
    assert bench.changes == [(True, "it answers")]


def test_what_comes_during_an_exchange_makes_up_the_next() -> None:
    """However many ask while one is under way, they need one more."""
    bench = Bench()

    async def test() -> None:
        first = asyncio.create_task(bench.ask("first"))
        await asyncio.sleep(0.005)
        await outcomes(*(bench.ask(number) for number in range(100)))
        await first

    bench.show(test)
    assert [len(words) for words in bench.sent] == [1, 100]


def test_a_redis_that_hangs_costs_one_time_out() -> None:
    """Those on the wire and those behind them stop waiting together; who comes later is told at once."""
    bench = Bench()

    async def test() -> None:
        loop = asyncio.get_running_loop()
        bench.link.hangs = True
        began = loop.time()
        first = asyncio.create_task(outcomes(bench.ask(1), bench.ask(2)))
        await asyncio.sleep(TIMEOUT_SECONDS / 2)
        assert are_refused(await outcomes(bench.ask(3)))
        assert are_refused(await first)
        assert loop.time() - began == pytest.approx(TIMEOUT_SECONDS, abs=0.005)
        began = loop.time()
        assert are_refused(await outcomes(*(bench.ask(number) for number in range(50))))
        assert loop.time() == began

    bench.show(test)
    assert len(bench.link.sent) == 1
    assert bench.changes[1] == (False, "it did not answer within 0.1 s")


def test_outage_probe_back() -> None:
    """A Redis that fails is told of with its reason, looked for at its pace, and asked again once it was found."""
    bench = Bench()

    async def test() -> None:
        assert await bench.ask(1) == ["1"]
        bench.link.up = False
        assert are_refused(await outcomes(bench.ask(2)))
        probes, asked = bench.link.probes, len(bench.link.sent)
        await asyncio.sleep(1.1)
        assert bench.link.probes == probes + 4
        assert are_refused(await outcomes(bench.ask(3)))
        assert len(bench.link.sent) == asked
        bench.link.up = True
        await asyncio.sleep(PACE.first)
        assert await bench.ask(4) == ["4"]

    bench.show(test)
    assert bench.changes == [(True, "it answers"), (False, "the fake is down"), (True, "it answers again")]


def test_it_is_put_in_order_before_it_is_asked() -> None:
    """A Redis that is found but cannot be put in order is still away."""
    is_in_order = False

    async def restore() -> None:
        if not is_in_order:
            raise UnreachableError("it is not in order")

    bench = Bench(restore=restore)

    async def test() -> None:
        nonlocal is_in_order
        await asyncio.sleep(1)
        assert are_refused(await outcomes(bench.ask(1)))
        is_in_order = True
        await asyncio.sleep(1)
        assert await bench.ask(2) == ["2"]

    bench.show(test)
    assert bench.changes == [(False, "it is not in order"), (True, "it answers again")]


def test_who_has_gone_disturbs_nobody() -> None:
    """What somebody asked who does not wait any more is sent all the same, and its replies are told to the policy."""
    unheard: list[tuple[str, Replies]] = []
    bench = Bench(on_unheard=lambda party, replies: unheard.append((party, replies)))

    async def test() -> None:
        calls = [asyncio.create_task(bench.ask(number, party=f"party {number}")) for number in range(4)]
        nameless = asyncio.create_task(bench.ask("nameless"))
        await asyncio.sleep(0)
        for hasty in (calls[0], calls[2], nameless):
            hasty.cancel()
        assert (await calls[1], await calls[3]) == (["1"], ["3"])

    bench.show(test)
    assert bench.sent == [["0", "1", "2", "3", "nameless"]]
    assert unheard == [("party 0", ["0"]), ("party 2", ["2"])]


def test_closing_tells_all_that_wait() -> None:
    """Those on the wire, in the queue and later get no reply; what nobody waits for is sent first."""
    bench = Bench()

    async def main() -> None:
        await bench.exchange.start()
        bench.exchange.tell([command("told")])
        await bench.exchange.close()
        assert are_refused(await outcomes(bench.ask("late")))
        assert bench.sent == [["told"]]

        other = Bench()
        await other.exchange.start()
        other.link.hangs = True
        wire = asyncio.create_task(outcomes(other.ask(1)))
        await asyncio.sleep(0.01)
        queue = asyncio.create_task(outcomes(other.ask(2)))
        await asyncio.sleep(0)
        await other.exchange.close()
        assert are_refused(await wire + await queue)
        assert [is_there for is_there, _ in other.changes] == [True]

    complete_at_once(main())


def test_writes_are_bounded() -> None:
    """Writes wait up to a bound of bytes, each exchange brings a part of them, and reads wait for no more than that."""
    bench = Bench()
    size = BATCH_BYTES // 4

    async def test() -> None:
        async def write(number: int) -> Replies:
            return await bench.exchange.write(command(number), size)

        found = await asyncio.gather(
            *(write(number) for number in range(MAX_WAITING_BYTES // size + 3)),
            bench.ask("read"),
            return_exceptions=True,
        )
        assert are_refused(found[-4:-1])
        assert not any(isinstance(one, BaseException) for one in found[:-4])
        assert found[-1] == ["read"]

    bench.show(test)
    assert [len(words) for words in bench.sent] == [5] + [4] * 15
    assert bench.sent[0] == ["0", "1", "2", "3", "read"]
    assert [is_there for is_there, _ in bench.changes] == [True]


def test_a_script_that_is_not_known_goes_with_its_text() -> None:
    """It has not been run, so it is sent again; what went with it is not."""
    bench = Bench(scripts={"its hash": "its text"})
    bench.link.answer = lambda sent: NOT_KNOWN if sent.words[0] == "EVALSHA" else sent.words[-1]

    async def test() -> None:
        script = Command("key", ("EVALSHA", "its hash", 1, "key", "argument"))
        assert await bench.exchange.ask([command(1), script]) == ["1", "argument"]

    bench.show(test)
    assert [sent.words for sent in bench.link.sent[1]] == [("EVAL", "its text", 1, "key", "argument")]
    assert bench.faults == []


def test_what_is_spoilt_is_repaired() -> None:
    """A command that met something else under its key is sent again once that is removed; it is told of once."""
    bench = Bench(repair=lambda spoilt: Command(spoilt.key, ("DEL", spoilt.key)))
    repaired: list[bool] = []

    def answer(sent: Command) -> Reply:
        if sent.words[0] == "DEL":
            repaired.append(True)
        return SPOILT if sent.words[-1] == "spoilt" and not repaired else sent.words[-1]

    bench.link.answer = answer

    async def test() -> None:
        assert await outcomes(bench.ask(1), bench.ask("spoilt"), bench.ask(2)) == [["1"], ["spoilt"], ["2"]]

    bench.show(test)
    assert bench.sent == [["1", "spoilt", "2"], ["key"], ["spoilt"]]
    assert bench.faults == [About.KEY]


@pytest.mark.parametrize(("error", "faults"), [(SPOILT, [About.KEY]), (OTHER, [About.COMMAND])])
def test_an_error_that_stays_is_its_callers(error: ResponseError, faults: list[About]) -> None:
    """Of those that asked together only the one whose command fails for good gets no reply."""
    bench = Bench()
    bench.link.answer = lambda sent: error if sent.words[-1] == "bad" else sent.words[-1]

    async def test() -> None:
        good, bad, also_good = await outcomes(bench.ask(1), bench.ask(2, "bad"), bench.ask(3))
        assert (good, also_good) == (["1"], ["3"])
        assert are_refused([bad])

    bench.show(test)
    assert bench.faults == faults
    assert [is_there for is_there, _ in bench.changes] == [True]


def test_an_error_of_the_store_is_an_outage() -> None:
    """A Redis that says that nothing can be written is away for whoever asks next; those that it answered have it."""
    bench = Bench()
    bench.link.answer = lambda sent: FULL if sent.words[-1] == "write" else sent.words[-1]

    async def test() -> None:
        read, write = await outcomes(bench.ask("read"), bench.ask("write"))
        assert read == ["read"]
        assert are_refused([write, *await outcomes(bench.ask("next"))])

    bench.show(test)
    assert bench.changes[1] == (False, str(FULL))
    assert bench.faults == []


def test_a_fault_of_a_library_keeps_nobody_waiting() -> None:
    """What no link should raise is an outage like another, and does not end the exchange."""
    bench = Bench()

    async def test() -> None:
        def answer(_sent: Command) -> Reply:
            raise KeyError("nobody thought of it")

        before, bench.link.answer = bench.link.answer, answer
        assert are_refused(await outcomes(bench.ask(1), bench.ask(2)))
        bench.link.answer = before
        await asyncio.sleep(PACE.first * 2)
        with suppress(ExchangeError):
            assert await bench.ask(3) == ["3"]
            return
        raise AssertionError("it was not found again")

    bench.show(test)
    assert [is_there for is_there, _ in bench.changes] == [True, False, True]
