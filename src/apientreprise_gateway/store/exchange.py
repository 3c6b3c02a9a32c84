"""The exchange of commands with a Redis that may be slow or away, for any number of callers at the same time.

Commands that come while an exchange is under way are sent together in the next one. `ask` thus takes no longer than two
exchanges may: when Redis does not answer in time, all that wait fail, and later ones fail at once, until a probe finds
Redis again. What an outage means for calls is decided by the owner of the exchange.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from redis.exceptions import NoScriptError, ResponseError

from apientreprise_gateway.net.deadline import Deadline
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.faults import words
from apientreprise_gateway.store.errors import About, StoreError, UnreachableError, about
from apientreprise_gateway.store.faults import Faults
from apientreprise_gateway.store.link import Command, RedisLink, Reply
from apientreprise_gateway.store.outage import Outage, Pace

TIMEOUT_SECONDS: Final = 0.1
"""Seconds that an exchange may take; a probe of a Redis that is away may take five times as long."""
BATCH_BYTES: Final = 1024 * 1024
"""Most bytes that the writes of one exchange carry, so that other commands need not wait long for them."""
MAX_WAITING_BYTES: Final = 16 * 1024 * 1024
"""Most bytes of writes that may wait; a write beyond them is refused."""

Replies = list[Reply]
_Request = tuple[Sequence[Command], "asyncio.Future[Replies]", str | None]
"""Commands, the future of their replies, and the party that they are about, if that matters."""


class ExchangeError(StoreError):
    """There is no reply: Redis is away, answers with an error, or too much waits for it."""


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
        self._name = name
        self._pace = pace
        self._faults = faults
        self._on_change = on_change
        self._scripts = scripts or {}
        self._repair = repair
        self._restore = restore
        self._on_unheard = on_unheard
        self._background = background or Background()
        self._outage = Outage(on_change)
        self._queue: list[_Request] = []
        self._writes: deque[tuple[int, _Request]] = deque()
        """Requests queued by `write`, each after its number of bytes."""
        self._waiting_bytes = 0
        self._told: set[asyncio.Future[Replies]] = set()
        """The replies to what was sent with `tell`."""
        self._wake = asyncio.Event()
        self._not_found = ""
        """Why the last probe failed; empty if there was no reason given."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Probe Redis, and go on without it if it is away."""
        self._loop = asyncio.get_running_loop()
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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._outage.close()
        self._give_up_waiting()
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
        if self._outage.is_away or self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise ExchangeError
        replies: asyncio.Future[Replies] = self._loop.create_future()
        self._writes.append((size, ((command,), replies, None)))
        self._waiting_bytes += size
        self._wake.set()
        return replies

    def _enqueue(self, commands: Sequence[Command], party: str | None) -> "asyncio.Future[Replies]":
        if not self._queue:
            self._wake.set()
        replies: asyncio.Future[Replies] = self._loop.create_future()
        self._queue.append((commands, replies, party))
        return replies

    def _forget(self, replies: "asyncio.Future[Replies]") -> None:
        self._told.discard(replies)
        if not replies.cancelled():
            replies.exception()  # marks it as retrieved: asyncio would log it otherwise

    # Exchanging.

    async def _run(self) -> None:
        """Send the waiting requests, one batch after the other."""
        deadline = Deadline()
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._queue = self._queue, []
            if self._writes:  # first: a read that comes after one must find what it has written
                batch = self._next_writes() + batch
            if not batch:
                continue  # all that waited has failed meanwhile: Redis is away
            try:
                with deadline.within(TIMEOUT_SECONDS):
                    replies = await self._send([command for commands, *_ in batch for command in commands])
                self._hand_out(batch, replies)
            except asyncio.CancelledError:
                _give_up(batch)
                raise
            except (UnreachableError, TimeoutError) as error:
                self._leave(str(error) or f"it did not answer within {TIMEOUT_SECONDS:g} s", batch)
            except Exception as error:  # a fault of ours or of a library: no request may wait for ever because of it
                self._background.failed(self._name, error)
                self._leave(words(error), batch)

    def _next_writes(self) -> list[_Request]:
        """The writes of one batch, at least one; what is left awaits the next batch."""
        requests: list[_Request] = []
        total = 0
        while self._writes and (not requests or total + self._writes[0][0] <= BATCH_BYTES):
            size, request = self._writes.popleft()
            requests.append(request)
            total += size
        self._waiting_bytes -= total
        if self._writes:
            self._wake.set()
        return requests

    async def _send(self, commands: list[Command]) -> Replies:
        replies = await self._link.exchange(commands)
        # Most replies are lists, from scripts: a check of the type is faster than `isinstance` for an error.
        failed = [
            place for place, reply in enumerate(replies) if type(reply) is not list and isinstance(reply, ResponseError)
        ]
        if failed:
            await self._send_again(commands, replies, failed)
        return replies

    async def _send_again(self, commands: list[Command], replies: Replies, failed: list[int]) -> None:
        """Send again commands whose error shows that they were not carried out, so that nothing is counted twice.

        These are scripts that the server does not know, now sent with their text, and commands whose key had a value
        of another type, once that is removed.
        """
        unknown = [place for place in failed if isinstance(replies[place], NoScriptError)]
        await self._replace(replies, unknown, commands)
        spoilt = []
        for place in failed:
            reply = replies[place]
            if isinstance(reply, ResponseError) and (meaning := about(reply)) is not About.STORE:
                self._faults.tell(reply, meaning, commands[place].key)
                if meaning is About.KEY:
                    spoilt.append(place)
        if spoilt and self._repair is not None:
            await self._link.exchange([self._repair(commands[place]) for place in spoilt])
            await self._replace(replies, spoilt, commands)

    async def _replace(self, replies: Replies, places: list[int], commands: list[Command]) -> None:
        if not places:
            return
        again = await self._link.exchange([self._in_full(commands[place]) for place in places])
        for place, reply in zip(places, again, strict=True):
            replies[place] = reply

    def _in_full(self, command: Command) -> Command:
        """A command with the text of its script in the place of its hash."""
        if command.words[0] != "EVALSHA":
            return command
        _, sha, *rest = command.words
        return Command(command.key, ("EVAL", self._scripts[str(sha)], *rest))

    def _hand_out(self, batch: list[_Request], replies: Replies) -> None:
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

    def _leave(self, reason: str, batch: Sequence[_Request] = ()) -> None:
        _give_up(batch)
        self._give_up_waiting()
        self._outage.begin(reason)

    def _give_up_waiting(self) -> None:
        waiting = [*(request for _, request in self._writes), *self._queue]
        self._writes.clear()
        self._queue = []
        self._waiting_bytes = 0
        _give_up(waiting)

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


def _give_up(requests: Sequence[_Request]) -> None:
    for _, replies, _ in requests:
        if not replies.done():
            replies.set_exception(ExchangeError())
