"""Whose turn it is: the requests of a connection are answered one after the other, in the order in which they came."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, cast

from apientreprise_gateway.net.write_batch import WriteBatch
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.server.application import Application
from apientreprise_gateway.server.exchanges import DirectExchange, Exchange

_faults = FaultLog()


class Turns:
    """The requests of one connection that are answered, or wait for it."""

    __slots__ = (
        "_answering",
        "_app",
        "_closed",
        "_due",
        "_loop",
        "_outbox",
        "_task",
        "_tasks",
        "_turn",
        "current",
        "last",
        "waiting",
    )

    def __init__(
        self,
        app: Application,
        loop: asyncio.AbstractEventLoop,
        *,
        tasks: set[asyncio.Task[None]],
        outbox: WriteBatch,
    ) -> None:
        """Have nothing to answer yet.

        Args:
            app: what answers.
            loop: where.
            tasks: those that answer, of all connections, for a stop to wait for.
            outbox: counts the calls in flight.
        """
        self._app = app
        self._loop = loop
        self._tasks = tasks
        self._outbox = outbox
        self.last: Exchange | None = None
        """The request that was read last."""
        self.current: Exchange | None = None
        """The one being answered; with pipelining it may be an earlier one."""
        self.waiting: deque[Exchange] = deque()
        """Those that were read after it."""
        self._task: asyncio.Task[None] | None = None
        """The task that answers it."""
        self._answering: asyncio.Task[None] | None = None
        """The one that answers all requests that are answered directly: a new task for each would cost 2 µs."""
        self._turn: asyncio.Future[DirectExchange | None] | None = None
        """What that one waits for when none is left."""
        self._due: DirectExchange | None = None
        """What it answers next, if it is not waiting."""
        self._closed = False

    @property
    def is_answering(self) -> bool:
        """Whether the request that was read last has no whole answer yet."""
        return self.last is not None and not self.last.response_complete

    def start(self, exchange: Exchange) -> None:
        """Have a request answered now; those before it have been."""
        self.current = exchange
        if not exchange.is_direct:
            self.run(exchange.run_asgi(cast(Any, self._app)))
            return
        task, turn = self._answering, self._turn
        if task is None:
            task = self._answering = self._loop.create_task(self._answer_directly(exchange))
        elif turn is None:
            self._due = exchange
        elif not turn.done():
            turn.set_result(exchange)
        self._task = task
        self._tasks.add(task)

    def run(self, answering: Coroutine[Any, Any, None]) -> None:
        """Answer in a task of its own."""
        task = self._task = self._loop.create_task(answering)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self) -> None:
        """Hold nothing of the last request."""
        self.last = self.current = None

    def drop(self) -> None:
        """Give no answer any more, neither now nor to those that wait."""
        if self.current is not None:
            self.current.disconnected = True
        self.waiting.clear()

    def close(self, *, cancel: bool) -> None:
        """End, since the client has gone; with `cancel` what answers it is cancelled."""
        self._closed = True
        for exchange in (self.current, self.last):
            if exchange is not None:
                exchange.client_gone()
        self._due = None
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)
        if cancel and self._task is not None:
            self._task.cancel()

    async def _answer_directly(self, exchange: DirectExchange | None) -> None:
        """Have requests answered, one after the other, until the connection is lost."""
        task: Any = asyncio.current_task()
        try:
            while exchange is not None:
                self._outbox.calls += 1
                try:
                    await self._app.hooks.answer(exchange.scope, exchange.respond)
                except BaseException as error:  # as uvicorn does: whatever happens, the client is answered
                    await _answer_fault(exchange, error)
                    if not isinstance(error, Exception):
                        return
                finally:
                    self._outbox.calls -= 1
                exchange, self._due = self._due, None
                if exchange is None and not self._closed:
                    self._tasks.discard(task)  # one that waits for nothing but a request holds up no stop
                    self._turn = self._loop.create_future()
                    exchange = await self._turn
                    self._turn = None
        finally:
            self._tasks.discard(task)


async def _answer_fault(exchange: DirectExchange, error: BaseException) -> None:
    _faults.tell("answer_failed", error)
    if not exchange.response_complete:
        exchange.keep_alive = False
        await exchange.respond(500, b"", b"")
