"""The exchange of commands with a Redis that may be slow or away, for any number of callers at the same time.

Commands that come while an exchange is under way are sent together in the next one. `ask` thus takes no longer than two
exchanges may: when Redis does not answer in time, all that wait fail, and later ones fail at once, until a probe finds
Redis again. What an outage means for calls is decided by the owner of the exchange.

With one server, an exchange is begun by whoever asks while none is under way, and ended by the callback that reads its
last reply, which begins the next: two turns of the event loop less than if a task did it. A task does what waits for
more than replies: connections that must be opened, a Cluster, commands that are sent again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from redis.exceptions import RedisError, ResponseError

from apientreprise_gateway.net.deadline import Countdown, Deadline
from apientreprise_gateway.net.write_batch import write_batch_of
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.faults import words
from apientreprise_gateway.store.connection import Outcome, RedisConnection
from apientreprise_gateway.store.errors import About, UnreachableError, about
from apientreprise_gateway.store.faults import Faults
from apientreprise_gateway.store.link import Command, RedisLink, ServerLink
from apientreprise_gateway.store.outage import Outage, Pace
from apientreprise_gateway.store.queue import (
    BATCH_BYTES,
    MAX_WAITING_BYTES,
    ExchangeError,
    Queue,
    Replies,
    Request,
    give_up,
)
from apientreprise_gateway.store.resending import Resending
from apientreprise_gateway.store.words import redis_words

__all__ = ["BATCH_BYTES", "MAX_WAITING_BYTES", "TIMEOUT_SECONDS", "Exchange", "ExchangeError", "Replies"]

TIMEOUT_SECONDS: Final = 0.1
"""Seconds that an exchange may take; a probe of a Redis that is away may take five times as long."""


class Exchange:
    """Sends commands of many callers in batches, and gives each caller its replies."""

    def __init__(
        self,
        link: RedisLink,
        *,
        name: str,
        pace: Pace,
        faults: Faults,
        on_change: Callable[[bool, str], None],
        scripts: Mapping[str, str] | None = None,
        repair: Callable[[Command], Command] | None = None,
        restore: Callable[[], Awaitable[None]] | None = None,
        on_unheard: Callable[[str, Replies], object] = lambda _party, _replies: None,
        background: Background | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            link: the way to Redis; nobody else uses it but `restore`.
            name: what the names of the background tasks begin with.
            pace: how often a Redis that is away is probed.
            faults: told of each error that is about one key or one command.
            on_change: told whether Redis can be used, and why, each time that this changes.
            scripts: the texts of the scripts that commands name, by their hashes.
            repair: from a command to one that removes the wrong value of its key; the first is then sent again.
            restore: prepares a Redis that was found again, before any other command is sent.
            on_unheard: given a party and the replies about it that nobody waits for any more.
            background: keeps the exchange and the probes going.
        """
        self._link = link
        self._server = link if isinstance(link, ServerLink) else None
        """The link, if it has one connection, which can be asked without a task."""
        self._name = name
        self._pace = pace
        self._on_change = on_change
        self._resending = Resending(link, faults=faults, scripts=scripts or {}, repair=repair)
        self._restore = restore
        self._on_unheard = on_unheard
        self._background = background or Background()
        self._outage = Outage(on_change)
        self._queue = Queue()
        self._told: set[asyncio.Future[Replies]] = set()
        """The replies to what was sent with `tell`."""
        self._is_busy = False
        """Whether an exchange is under way or about to begin: over `_wire`, in the task, or with the next turn."""
        self._wire: RedisConnection | None = None
        """The connection of the exchange under way that no task waits for."""
        self._sent: Sequence[Request] = ()
        """The requests of that exchange."""
        self._wake = asyncio.Event()
        """Set for the task to do what is next."""
        self._not_found = ""
        """Why the last probe failed; empty if there was no reason given."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Probe Redis, and go on without it if it is away."""
        self._loop = asyncio.get_running_loop()
        self._write_batch = write_batch_of(self._loop)
        self._countdown = Countdown(self._loop, lambda: self._leave(_lateness()))
        if await self._find():
            self._on_change(True, "it answers")
        else:
            self._outage.begin(self._not_found or "it did not answer at start")
        self._tasks = [
            self._background.keep(self._name, self._run),
            self._background.keep(f"{self._name}_probe", lambda: self._outage.look_out(self._find, self._pace)),
        ]

    async def close(self) -> None:
        """Wait for what `tell` has sent, fail all other requests, and close the connections."""
        if self._told and not self._outage.is_away:
            await asyncio.wait(self._told, timeout=TIMEOUT_SECONDS)
        self._server = None  # so that what waits is not sent any more
        for task in self._tasks:
            task.cancel()
        self._countdown.stop()
        self._drop_wire()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._outage.close()
        self._queue.give_up()
        await self._link.close()

    def ask(self, commands: Sequence[Command], party: str | None = None) -> "asyncio.Future[Replies]":
        """Send commands together; the future gives their replies, in order. They are sent even if it is cancelled.

        Args:
            commands: at least one.
            party: whom they are about, if `on_unheard` is to get the replies that nobody waits for.

        Raises:
            ExchangeError: Redis is away; the future raises it if some commands get no reply, or an error.
        """
        if self._outage.is_away:
            raise ExchangeError
        return self._enqueue(commands, party)

    def tell(self, commands: Sequence[Command]) -> None:
        """Send commands whose replies nobody waits for, even if Redis has just been found to be away."""
        replies = self._enqueue(commands, None)
        self._told.add(replies)
        replies.add_done_callback(self._forget)

    def write(self, command: Command, size: int) -> "asyncio.Future[Replies]":
        """Send a command that carries `size` bytes, before those of `ask`; the future gives its reply.

        Raises:
            ExchangeError: Redis is away, or too many bytes wait; the future raises it without a reply, or for an error.
        """
        if self._outage.is_away or not self._queue.has_room(size):
            raise ExchangeError
        replies: asyncio.Future[Replies] = self._loop.create_future()
        self._queue.add_write(((command,), replies, None), size)
        if not self._is_busy:
            self._begin()
        return replies

    def _enqueue(self, commands: Sequence[Command], party: str | None) -> "asyncio.Future[Replies]":
        replies: asyncio.Future[Replies] = self._loop.create_future()
        self._queue.asked.append((commands, replies, party))
        if not self._is_busy:
            self._begin()
        return replies

    def _forget(self, replies: "asyncio.Future[Replies]") -> None:
        self._told.discard(replies)
        if not replies.cancelled():
            replies.exception()  # marks it as retrieved: asyncio would log it otherwise

    # Exchanging.

    def _begin(self) -> None:
        """Have what waits sent: at once, or if other calls are in flight, with all that they ask in this turn."""
        self._is_busy = True
        if self._write_batch.calls > 1:
            self._loop.call_soon(self._go_on)
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Send what waits, if anything does, now that no exchange is under way."""
        if not self._queue:
            self._is_busy = False
            return
        # While Redis is away, the connection is used by probes.
        wire = None if self._server is None or self._outage.is_away else self._server.open_wire()
        if wire is None:
            self._wake.set()
            return
        self._wire = wire
        self._sent = self._queue.take()
        self._countdown.begin(TIMEOUT_SECONDS)
        wire.ask([command.packed for commands, *_ in self._sent for command in commands], self._end)

    def _end(self, outcome: Outcome) -> None:
        """End the exchange that no task waits for, and go on with the next."""
        if isinstance(outcome, RedisError):
            self._leave(redis_words(outcome))
            return
        self._countdown.end()
        wire, self._wire = self._wire, None
        batch, self._sent = self._sent, ()
        if wire is not None and wire.has_errors:
            self._queue.failed = batch, outcome
            self._wake.set()
            return
        try:
            self._hand_out(batch, outcome)
        except Exception as error:  # as in `_exchange`
            self._background.failed(self._name, error)
            self._leave(words(error), batch)
        self._begin()

    async def _run(self) -> None:
        """Do what needs a task, one batch after the other."""
        deadline = Deadline()
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, replies = self._queue.take_failed() or (self._queue.take(), None)
            try:
                if batch:  # else all that waited has failed meanwhile: Redis is away
                    await self._exchange(batch, replies, deadline)
            finally:
                self._go_on()

    async def _exchange(self, batch: Sequence[Request], replies: Replies | None, deadline: Deadline) -> None:
        """Send a batch, unless there are replies to it, and send again what has failed; hand the replies out."""
        commands = [command for commands, *_ in batch for command in commands]
        try:
            with deadline.within(TIMEOUT_SECONDS if replies is None else self._countdown.left()):
                if replies is None:
                    replies = await self._link.exchange(commands)
                await self._resending.send_failed(commands, replies)
            self._hand_out(batch, replies)
        except asyncio.CancelledError:
            give_up(batch)
            raise
        except (UnreachableError, TimeoutError) as error:
            self._leave(str(error) or _lateness(), batch)
        except Exception as error:  # a fault of ours or of a library: no request may wait for ever because of it
            self._background.failed(self._name, error)
            self._leave(words(error), batch)

    def _hand_out(self, batch: Sequence[Request], replies: Replies) -> None:
        end = 0
        for commands, future, party in batch:
            start, end = end, end + len(commands)
            own = replies[start:end]
            error = None
            for reply in own:
                if type(reply) is not list and isinstance(reply, ResponseError):
                    error = reply
            if error is not None:
                if about(error) is About.STORE:
                    self._leave(str(error))
                if not future.done():
                    future.set_exception(ExchangeError())
            elif not future.done():
                future.set_result(own)
            elif party is not None:
                self._on_unheard(party, own)

    # Outages.

    def _leave(self, reason: str, batch: Sequence[Request] = ()) -> None:
        give_up(batch)
        self._drop_wire()
        self._queue.give_up()
        self._outage.begin(reason)

    def _drop_wire(self) -> None:
        """Give up the exchange that no task waits for; its replies must not be read as those of the next."""
        wire, self._wire = self._wire, None
        if wire is not None:
            self._countdown.end()
            wire.abort()
            give_up(self._sent)
            self._sent = ()
            self._is_busy = False

    async def _find(self) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS * 5):
                await self._link.probe()
                if self._restore is not None:
                    await self._restore()
        except (UnreachableError, TimeoutError) as error:
            self._not_found = str(error)
            return False
        except Exception as error:  # as in `_run`: the probes go on
            self._background.failed(f"{self._name}_probe", error)
            return False
        return True


def _lateness() -> str:
    return f"it did not answer within {TIMEOUT_SECONDS:g} s"
