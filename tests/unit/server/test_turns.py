"""Tests of the turns of requests on one connection, without a socket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.net.write_batch import WriteBatch
from apientreprise_gateway.server.application import ConnectionHooks, Respond
from apientreprise_gateway.server.exchanges import DirectExchange, Turns
from apientreprise_gateway.server.gate import BEGUN_PER_TURN, Gate


class App:
    """Answers in whatever way it is told."""

    def __init__(self, answer: Callable[[Scope, Respond], Awaitable[None]]) -> None:
        self._answer = answer
        self.hooks = ConnectionHooks(takes=lambda _path: True, answer=self.answer)

    async def answer(self, scope: Scope, respond: Respond) -> None:
        """Answer."""
        await self._answer(scope, respond)

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Not called."""


class Asked(DirectExchange):
    """A request whose answers are noted."""

    def __init__(self, name: str) -> None:
        line: Any = None
        super().__init__(line, {"name": name}, keep_alive=True)
        self.given: list[int] = []

    async def respond(self, status: int, _lines: bytes, _body: bytes) -> None:
        """Note an answer."""
        self.given.append(status)
        self.response_complete = True


class Lab:
    """Turns, and what they have been told."""

    def __init__(self, answer: Callable[[Scope, Respond], Awaitable[None]], *, gate: Gate | None = None) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.write_batch = WriteBatch()
        self.turns = Turns(
            App(answer), asyncio.get_running_loop(), tasks=self.tasks, write_batch=self.write_batch, gate=gate or Gate()
        )

    def start(self, exchange: Asked) -> None:
        """Have a request answered."""
        self.turns.last = exchange
        self.turns.start(exchange)


async def settle() -> None:
    """Let tasks go on as far as they can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_requests_are_answered_by_one_task() -> None:
    """Those that follow each other share a task, which holds up no stop while there is none."""
    by: list[Any] = []

    async def answer(_scope: Scope, respond: Respond) -> None:
        by.append(asyncio.current_task())
        await respond(200, b"", b"")

    lab = Lab(answer)
    for name in "abc":
        lab.start(Asked(name))
        assert len(lab.tasks) == 1
        await settle()
        assert not lab.tasks
    assert len(by) == 3
    assert len(set(by)) == 1
    lab.turns.close(cancel=False)
    await settle()
    assert by[0].done()


async def test_calls_in_flight_are_counted() -> None:
    """A call counts from its beginning to its end."""
    gate = asyncio.Event()

    async def answer(_scope: Scope, respond: Respond) -> None:
        await gate.wait()
        await respond(200, b"", b"")

    lab = Lab(answer)
    lab.start(Asked("a"))
    await settle()
    assert (lab.write_batch.calls, lab.turns.is_answering) == (1, True)
    gate.set()
    await settle()
    assert (lab.write_batch.calls, lab.turns.is_answering) == (0, False)
    lab.turns.close(cancel=False)
    await settle()


async def test_a_failure_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    """A call whose application raises gets 500, its connection is to be closed, and the next call has its turn."""

    async def answer(scope: Scope, respond: Respond) -> None:
        if scope["name"] == "bad":
            raise ValueError("a mistake")
        await respond(200, b"", b"")

    lab = Lab(answer)
    bad, good = Asked("bad"), Asked("good")
    for each in (bad, good):
        lab.start(each)
        await settle()
    assert (bad.given, bad.keep_alive, good.given) == ([500], False, [200])
    lab.turns.close(cancel=False)
    await settle()


@pytest.mark.parametrize("cancel", [False, True])
async def test_a_client_that_goes(cancel: bool) -> None:
    """Its request is marked; what answers it is cancelled if that is wanted, else it comes to its end."""
    gate = asyncio.Event()
    ended: list[str] = []

    async def answer(_scope: Scope, _respond: Respond) -> None:
        try:
            await gate.wait()
            ended.append("ended")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    lab = Lab(answer)
    one = Asked("a")
    lab.start(one)
    await settle()
    lab.turns.close(cancel=cancel)
    gate.set()
    await settle()
    assert one.disconnected
    assert ended == ["cancelled" if cancel else "ended"]
    assert not lab.tasks


async def test_a_connection_that_is_dropped() -> None:
    """The call in flight is to write nothing more, and those that wait have no turn."""

    async def answer(_scope: Scope, _respond: Respond) -> None:
        await asyncio.Event().wait()

    lab = Lab(answer)
    one = Asked("a")
    lab.start(one)
    lab.turns.waiting.append(Asked("b"))
    lab.turns.drop()
    assert one.disconnected
    assert not lab.turns.waiting
    lab.turns.close(cancel=True)
    await settle()


async def test_what_is_run_besides_is_waited_for() -> None:
    """An answer of the server's own is a task that a stop waits for, until it is done."""

    async def answer(_scope: Scope, _respond: Respond) -> None:
        raise AssertionError("not called")

    lab = Lab(answer)
    lab.turns.run(asyncio.sleep(0))
    assert len(lab.tasks) == 1
    await settle()
    assert not lab.tasks


class Closed(Gate):
    """A gate that nobody passes yet."""

    def __init__(self) -> None:
        super().__init__(soon=lambda _call: None)
        self.unwatched = 0
        self._begun = BEGUN_PER_TURN

    def pass_all(self) -> None:
        """Have those that wait begin."""
        self._next_turn()


async def test_a_call_that_waits_is_answered_when_it_begins() -> None:
    """It is the current one meanwhile, and no task holds up a stop for it."""

    async def answer(_scope: Scope, respond: Respond) -> None:
        await respond(200, b"", b"")

    gate = Closed()
    lab = Lab(answer, gate=gate)
    asked = Asked("a")
    lab.start(asked)
    await settle()
    assert (asked.given, lab.turns.is_answering, lab.tasks) == ([], True, set())
    gate.pass_all()
    await settle()
    assert asked.given == [200]
    lab.turns.close(cancel=False)
    await settle()


async def test_a_client_that_leaves_while_it_waits() -> None:
    """Its call is left out."""

    async def answer(_scope: Scope, _respond: Respond) -> None:
        raise AssertionError("it is not begun")

    gate = Closed()
    lab = Lab(answer, gate=gate)
    lab.start(Asked("a"))
    lab.turns.close(cancel=True)
    gate.pass_all()
    await settle()


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_client_that_goes_as_its_call_is_begun(is_first: bool) -> None:
    """Nothing is done for it: it could not be cancelled any more."""
    begun: list[Scope] = []

    async def answer(scope: Scope, respond: Respond) -> None:
        begun.append(scope)
        await respond(200, b"", b"")

    lab = Lab(answer)
    if not is_first:
        lab.start(Asked("before"))
        await settle()
        begun.clear()
    lab.start(Asked("gone"))
    lab.turns.close(cancel=False)
    await settle()
    assert not begun
    assert (lab.write_batch.calls, lab.tasks) == (0, set())


async def test_a_client_that_goes_leaves_the_gate() -> None:
    """Its call is not counted among those that wait."""
    gate = Gate()
    gate.unwatched = 0

    async def answer(_scope: Scope, respond: Respond) -> None:
        await respond(200, b"", b"")

    labs = [Lab(answer, gate=gate) for _ in range(BEGUN_PER_TURN + 3)]
    for number, lab in enumerate(labs):
        lab.start(Asked(str(number)))
    assert gate.waiting == 3
    for lab in labs:
        lab.turns.close(cancel=False)
    assert gate.waiting == 0
    await settle()
