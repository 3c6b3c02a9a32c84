"""Commands to a Redis that may be slow or away.

Those that come while an exchange is under way make up the next one. None waits longer than two of them may take: when
Redis does not answer in time, all that wait are told that it is away, and later ones are told at once, until it is
found again.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from redis.exceptions import ResponseError

from apientreprise_gateway.net.deadline import Deadline
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.faults import words
from apientreprise_gateway.store.faults import About, Faults, about
from apientreprise_gateway.store.link import Command, LinkError, RedisLink, Reply

TIMEOUT_SECONDS: Final = 0.1
"""What an exchange may take."""
PROBE_SECONDS: Final = 0.5
"""Between two looks for a Redis that is away, at first."""
LONGEST_PROBE_SECONDS: Final = 5.0
"""A Redis that is away again soon after it was found is looked for less and less often."""
BATCH_BYTES: Final = 1024 * 1024
"""What the writes of one exchange may bring, so that reads need not wait long for them."""
MAX_WAITING_BYTES: Final = 16 * 1024 * 1024
"""Writes that are more than this are given up."""


class ExchangeError(Exception):
    """There is no reply to a command: Redis is away, or too much waits for it."""


class SpoiltKeyError(ExchangeError):
    """What lies under the key of a command is not what the command is about."""


class _Waiting(NamedTuple):
    command: Command
    size: int
    reply: "asyncio.Future[Reply]"


class Exchange:
    """Exchanges commands for replies, for any number of calls at the same time."""

    def __init__(
        self,
        link: RedisLink,
        *,
        on_change: Callable[[bool, str], None],
        on_fault: Callable[[About], None] = lambda _about: None,
        background: Background | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            link: the way to Redis.
            on_change: told whether Redis can be asked, and why, each time that this changes.
            on_fault: told of each error that is about one key or one command.
            background: keeps the exchange with Redis and the look-out for it going.
        """
        self._link = link
        self._faults = Faults("cache", on_fault=on_fault)
        self._on_change = on_change
        self._background = background or Background()
        self._reads: list[_Waiting] = []
        self._writes: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._trouble = asyncio.Event()
        self._trouble_found = ""
        """Why the last look for Redis found none, if it said so."""
        self._tasks: list[asyncio.Task[None]] = []
        self._is_available = True

    async def start(self) -> None:
        """Look for Redis; go on without it if it is not there."""
        if await self._find():
            self._on_change(True, "it answers")
        else:
            self._leave(self._trouble_found or "it did not answer at start")
        self._tasks = [
            self._background.keep("cache", self._run),
            self._background.keep("cache_probe", self._look_for_it),
        ]

    async def close(self) -> None:
        """Close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._is_available = False
        self._give_up([*self._reads, *self._writes])
        await self._link.close()

    async def read(self, command: Command) -> Reply:
        """The reply to a command.

        Raises:
            ExchangeError: there is none.
            SpoiltKeyError: under its key lies something else.
        """
        waiting = self._wait(command, 0)
        self._reads.append(waiting)
        return await waiting.reply

    async def write(self, command: Command, size: int) -> Reply:
        """The reply to a command that brings so many bytes.

        Raises:
            ExchangeError: there is none, or too many bytes wait already.
            SpoiltKeyError: under its key lies something else.
        """
        if self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise ExchangeError
        waiting = self._wait(command, size)
        self._writes.append(waiting)
        self._waiting_bytes += size
        return await waiting.reply

    def _wait(self, command: Command, size: int) -> _Waiting:
        if not self._is_available:
            raise ExchangeError
        self._wake.set()
        return _Waiting(command, size, asyncio.get_running_loop().create_future())

    # Exchanging.

    async def _run(self) -> None:
        deadline = Deadline()
        while True:
            await self._wake.wait()
            batch = self._next_batch()
            if not batch:
                self._wake.clear()
                continue
            try:
                with deadline.within(TIMEOUT_SECONDS):
                    replies = await self._link.exchange([waiting.command for waiting in batch])
                self._hand_out(batch, replies)
            except asyncio.CancelledError:
                self._give_up(batch)
                raise
            except (LinkError, TimeoutError) as error:
                self._leave(str(error) or f"it did not answer within {TIMEOUT_SECONDS:g} s", batch)
            except Exception as error:  # a fault of ours or of a library: nobody may wait for ever because of it
                self._background.failed("cache", error)
                self._leave(words(error), batch)

    def _next_batch(self) -> list[_Waiting]:
        """Writes first: a read that comes after one must find what it has written."""
        batch: list[_Waiting] = []
        size = 0
        while self._writes and (not batch or size + self._writes[0].size <= BATCH_BYTES):
            batch.append(self._writes.popleft())
            size += batch[-1].size
        self._waiting_bytes -= size
        reads, self._reads = self._reads, []
        # Whoever went away meanwhile needs no reply.
        return batch + [waiting for waiting in reads if not waiting.reply.done()]

    def _hand_out(self, batch: list[_Waiting], replies: list[Reply]) -> None:
        for waiting, reply in zip(batch, replies, strict=True):
            if isinstance(reply, ResponseError):
                self._fail(waiting, reply)
            elif not waiting.reply.done():
                waiting.reply.set_result(reply)

    def _fail(self, waiting: _Waiting, error: ResponseError) -> None:
        meaning = about(error)
        if meaning is About.STORE:
            self._leave(str(error))
        else:
            self._faults.tell(error, meaning, waiting.command.key)
        if not waiting.reply.done():
            waiting.reply.set_exception(SpoiltKeyError() if meaning is About.KEY else ExchangeError())

    def _give_up(self, batch: list[_Waiting]) -> None:
        for waiting in batch:
            if not waiting.reply.done():
                waiting.reply.set_exception(ExchangeError())

    # Trouble.

    def _leave(self, reason: str, batch: list[_Waiting] | None = None) -> None:
        waiting = [*(batch or ()), *self._writes, *self._reads]
        self._writes.clear()
        self._reads.clear()
        self._waiting_bytes = 0
        self._give_up(waiting)
        if self._is_available:
            self._is_available = False
            self._trouble.set()
            self._on_change(False, reason)

    async def _look_for_it(self) -> None:
        loop = asyncio.get_running_loop()
        pause, found_at = PROBE_SECONDS, -LONGEST_PROBE_SECONDS
        while True:
            await self._trouble.wait()
            lately = loop.time() - found_at < LONGEST_PROBE_SECONDS
            pause = min(pause * 2, LONGEST_PROBE_SECONDS) if lately else PROBE_SECONDS
            await asyncio.sleep(pause)
            if await self._find():
                found_at = loop.time()
                self._trouble.clear()
                self._is_available = True
                self._on_change(True, "it answers again")

    async def _find(self) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS * 5):
                await self._link.probe()
        except (LinkError, TimeoutError) as error:
            self._trouble_found = str(error)
            return False
        except Exception as error:  # as in `_run`: the look-out goes on
            self._background.failed("cache_probe", error)
            return False
        return True
