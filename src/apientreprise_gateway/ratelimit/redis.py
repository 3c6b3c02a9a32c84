"""The store in Redis, shared by every process that is pointed at it.

A call costs two scripts, one by address and one by token, sent together with those of all calls of the same moment.
While Redis cannot be asked, the memory of this process decides (or nobody does, see `fallback`), and a probe looks for
it: no call waits for it twice.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final

from redis.exceptions import NoScriptError, ResponseError

from apientreprise_gateway.net.deadline import Deadline
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.faults import words
from apientreprise_gateway.ratelimit.ban_index import ban_key, entered, kept_ban, read_ban, written_ban
from apientreprise_gateway.ratelimit.bans import DURATION, Ban, Bans, Reason
from apientreprise_gateway.ratelimit.lua import SLIDING_FORM, Scripts, WindowScripts
from apientreprise_gateway.ratelimit.lua import address as address_script
from apientreprise_gateway.ratelimit.memory import Clock, MemoryLimiter, wall_clock
from apientreprise_gateway.ratelimit.port import StoreUnavailableError, TokenKey, Verdict, banned, verdict
from apientreprise_gateway.ratelimit.windows import WINDOW, Outcome
from apientreprise_gateway.store.faults import About, Faults, about
from apientreprise_gateway.store.link import Command, LinkError, RedisLink, Reply

TIMEOUT_SECONDS: Final = 0.1
"""What an exchange with Redis may take."""
PROBE_SECONDS: Final = 0.25
"""Between two looks for a Redis that is away."""
STEADY_SECONDS: Final = 5.0
"""A store that is away again sooner after it was found is looked for less and less often."""
LONGEST_PROBE_SECONDS: Final = 2.0
_RESTORED_AT_ONCE: Final = 500


class Mode(StrEnum):
    """Who decides."""

    SHARED = "shared"
    """Redis: limits are exact over all processes."""
    LOCAL = "local"
    """The memory of each process, because Redis cannot be asked."""
    REFUSE = "refuse"
    """Nobody: calls are refused, because Redis cannot be asked."""


_Waiting = tuple[Sequence[Command], "asyncio.Future[list[Reply]]", str | None]
"""Commands, who waits for their replies, and the address that the last of them is about, if one is."""


class RedisLimiter:
    """A `Limiter` for any number of processes."""

    def __init__(
        self,
        link: RedisLink,
        *,
        ip_limit: int,
        ignored_429_limit: int,
        window: WindowScripts,
        fallback: MemoryLimiter | None,
        shadow: bool = False,
        on_mode: Callable[[Mode, str], None] = lambda _mode, _reason: None,
        on_ban: Callable[[Ban], None] = lambda _ban: None,
        on_fault: Callable[[About], None] = lambda _about: None,
        background: Background | None = None,
        clock: Clock = wall_clock,
    ) -> None:
        """Open no connection yet.

        Args:
            link: the way to Redis.
            ip_limit: calls within 60 s that one address may make; the next one bans it.
            ignored_429_limit: refused calls within 60 s that one address may make; the next one bans it.
            window: the kind of window of the tokens.
            fallback: decides while Redis cannot be asked; None to refuse calls then.
            shadow: keep keys of its own and go on counting banned addresses, for a gateway that refuses nothing.
            on_mode: told of each change of mode, with its reason.
            on_ban: told of each ban that a call of this process has caused in Redis.
            on_fault: told of each error that is about one key or one command.
            background: keeps the exchange with Redis and the look-out for it going.
            clock: microseconds; only bans already known are judged by it.
        """
        self._link = link
        self._window = window
        self._fallback = fallback
        self._on_mode = on_mode
        self._on_ban = on_ban
        self._background = background or Background()
        self._clock = clock
        self._shadow = shadow
        self.prefix = "gws" if shadow else "gw"
        self._address_script = address_script()
        self._scripts = Scripts(self._address_script, window.admit, window.forget)
        self._faults = Faults("limits", on_fault=on_fault)
        self._ceiling = (ip_limit, WINDOW, DURATION, Reason.CEILING.value)
        self._ignored = (ignored_429_limit, WINDOW, DURATION, Reason.IGNORED_429.value)
        self._bans = Bans()
        self._entering: set[asyncio.Future[list[Reply]]] = set()
        """Bans on their way into the index."""
        self._clock_ahead = 0
        self._queue: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._trouble = asyncio.Event()
        self._trouble_found = ""
        """Why the last look for the store found none, if it said so."""
        self._tasks: list[asyncio.Task[None]] = []
        self.mode = Mode.SHARED

    async def start(self) -> None:
        """Look for Redis; start without it if it is not there."""
        self._loop = asyncio.get_running_loop()
        if await self._find():
            self._on_mode(self.mode, "it answers")
        else:
            self._leave(self._trouble_found or "it did not answer at start")
        self._tasks = [
            self._background.keep("store", self._exchange),
            self._background.keep("store_probe", self._look_for_it),
        ]

    async def close(self) -> None:
        """Close the connections, once the index has the bans that this process has made."""
        if self._entering and self.mode is Mode.SHARED:
            await asyncio.wait(self._entering, timeout=TIMEOUT_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._abandon("the gateway stops")
        await self._link.close()

    def hand_over(self, successor: MemoryLimiter) -> None:
        """Share what this process knows by itself with one that replaces what decides here while Redis is away."""
        if self._fallback is not None:
            self._fallback.hand_over(successor)
        if not self._shadow:
            successor.add_bans(self._bans.in_force(self.now()))

    async def admit(self, address: str | None, key: TokenKey, limit: int) -> Verdict:
        """See `Limiter.admit`."""
        if self.mode is not Mode.SHARED:
            return await self._decide_alone(address, key, limit)
        admit = self._window.admit.call(
            f"{self.prefix}:{{{key[0]}}}:{key[1]}:{self._window.form}", arguments=(limit, WINDOW)
        )
        commands = (admit,) if address is None else (admit, self._count(address, self._ceiling, "calls"))
        try:
            replies = await self._ask(commands, address)
        except StoreUnavailableError:
            return await self._decide_alone(address, key, limit)
        now, admitted, used, reset_at, free_at = replies[0]
        self._clock_ahead = now - self._clock()
        outcome = Outcome(admitted == 1, used, reset_at, free_at)
        ban = None if address is None else self._learn(address, replies[1])
        if ban is not None and outcome.admitted and not self._shadow:
            # The two keys may lie on two nodes, so the token was counted before its address was judged.
            self._tell([self._window.forget.call(admit.key, arguments=(now,))])
        if ban is None and address is not None and not outcome.admitted:
            ban = await self._count_refused(address)
        if ban is not None and not self._shadow:
            return banned(ban, limit=limit)
        return verdict(outcome, now=now, limit=limit, ban=ban)

    async def count_address(self, address: str) -> Ban | None:
        """See `Limiter.count_address`."""
        if self.mode is Mode.SHARED:
            try:
                (reply,) = await self._ask([self._count(address, self._ceiling, "calls")], address)
                return self._learn(address, reply)
            except StoreUnavailableError:
                pass
        return None if self._fallback is None else await self._fallback.count_address(address)

    def now(self) -> int:
        """Microseconds of the store's clock, as well as it is known."""
        return self._clock() + self._clock_ahead

    def add_bans(self, bans: Iterable[Ban]) -> None:
        """Enforce bans that were made elsewhere, but for those that have ended.

        One that begins later than now was made by a clock that was ahead: whoever meets it in Redis puts it right.
        """
        now = self.now()
        for ban in bans:
            if ban.start <= now + WINDOW and now < ban.end:
                self._bans.add(ban)

    def on_new_bans(self, tell: Callable[[], None]) -> None:
        """Have somebody told whenever this process knows one ban more."""
        self._bans.on_add = tell
        if self._fallback is not None:
            self._fallback.on_new_bans(tell)

    def known_ban(self, address: str) -> Ban | None:
        """See `Limiter.known_ban`."""
        ban = self._bans.get(address, self.now()) if address in self._bans.by_address else None
        if ban is None and self._fallback is not None:
            ban = self._fallback.known_ban(address)
        return ban

    def bans_in_force(self) -> list[Ban]:
        """See `Limiter.bans_in_force`."""
        now = self.now()
        known = {ban.address: ban for ban in self._bans.in_force(now)}
        for ban in () if self._fallback is None else self._fallback.bans_in_force():
            known.setdefault(ban.address, ban)
        return list(known.values())

    # Deciding.

    async def _count_refused(self, address: str) -> Ban | None:
        try:
            (reply,) = await self._ask([self._count(address, self._ignored, "refused")], address)
        except StoreUnavailableError:
            return None  # the call is refused all the same: that was decided already
        return self._learn(address, reply)

    async def _decide_alone(self, address: str | None, key: TokenKey, limit: int) -> Verdict:
        if self._fallback is None:
            raise StoreUnavailableError
        return await self._fallback.admit(address, key, limit)

    def _count(self, address: str, rule: tuple[int | str, ...], window: str) -> Command:
        name = f"{self.prefix}:{{{address}}}"
        return self._address_script.call(f"{name}:ban", f"{name}:{window}:{SLIDING_FORM}", arguments=rule)

    def _learn(self, address: str, reply: Reply) -> Ban | None:
        if len(reply) == 1:
            return None
        told = read_ban(address, reply[1])
        is_new = self._bans.get(address, told.start) is None
        ban = self._bans.add(told)
        if len(reply) > 2:
            self._on_ban(ban)
        if is_new:
            entering = self._tell(entered(self.prefix, ban, now=reply[0]))
            self._entering.add(entering)
            entering.add_done_callback(self._entering.discard)
        return ban

    # Exchanging.

    def _ask(self, commands: Sequence[Command], address: str | None) -> "asyncio.Future[list[Reply]]":
        """The replies to commands, or a `StoreUnavailableError`."""
        if self.mode is not Mode.SHARED:
            raise StoreUnavailableError
        replies: asyncio.Future[list[Reply]] = self._loop.create_future()
        self._enqueue(commands, replies, address)
        return replies

    def _tell(self, commands: Sequence[Command]) -> "asyncio.Future[list[Reply]]":
        """Send commands whose replies no call waits for."""
        replies: asyncio.Future[list[Reply]] = self._loop.create_future()
        replies.add_done_callback(lambda done: done.cancelled() or done.exception())  # so that nobody misses it
        self._enqueue(commands, replies, None)
        return replies

    def _enqueue(
        self, commands: Sequence[Command], replies: "asyncio.Future[list[Reply]]", address: str | None
    ) -> None:
        if not self._queue:
            self._wake.set()
        self._queue.append((commands, replies, address))

    async def _exchange(self) -> None:
        """Send what is asked for, one batch after the other: what comes during one makes up the next."""
        deadline = Deadline()
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._queue = self._queue, []
            if not batch:
                continue  # what was asked has been decided without the store
            try:
                with deadline.within(TIMEOUT_SECONDS):
                    replies = await self._send([command for commands, *_ in batch for command in commands])
                self._hand_out(batch, replies)
            except asyncio.CancelledError:
                self._queue = batch + self._queue  # `close` decides these as well
                raise
            except (LinkError, TimeoutError) as error:
                self._queue = batch + self._queue
                self._leave(str(error) or f"it did not answer within {TIMEOUT_SECONDS:g} s")
            except Exception as error:  # a fault of ours or of a library: nobody may wait for ever because of it
                self._queue = batch + self._queue
                self._background.failed("store", error)
                self._leave(words(error))

    async def _send(self, commands: list[Command]) -> list[Reply]:
        replies = await self._link.exchange(commands)
        unknown = [place for place, reply in enumerate(replies) if type(reply) is NoScriptError]
        if unknown:
            # A server that does not know a script has not run it, so it may be sent again, with its text.
            again = await self._link.exchange([self._scripts.in_full(commands[place]) for place in unknown])
            for place, reply in zip(unknown, again, strict=True):
                replies[place] = reply
        if any(type(reply) is not list and isinstance(reply, ResponseError) for reply in replies):
            await self._repair(commands, replies)
        return replies

    async def _repair(self, commands: list[Command], replies: list[Reply]) -> None:
        """Remove what failed a command and is not ours, then send that command again: it has counted nothing."""
        spoilt = []
        for place, reply in enumerate(replies):
            if isinstance(reply, ResponseError) and (meaning := about(reply)) is not About.STORE:
                self._faults.tell(reply, meaning, commands[place].key)
                if meaning is About.KEY:
                    spoilt.append(place)
        if spoilt:
            await self._link.exchange([self._scripts.repair(commands[place]) for place in spoilt])
            again = await self._link.exchange([self._scripts.in_full(commands[place]) for place in spoilt])
            for place, reply in zip(spoilt, again, strict=True):
                replies[place] = reply

    def _hand_out(self, batch: list[_Waiting], replies: list[Reply]) -> None:
        end = 0
        for commands, future, address in batch:
            start, end = end, end + len(commands)
            own = replies[start:end]
            error = None
            for reply in own:
                if type(reply) is not list and isinstance(reply, ResponseError):
                    error = reply
            if error is not None and about(error) is About.STORE:
                self._leave(str(error))
            if future.done():
                if error is None and address is not None:
                    self._learn(address, own[-1])  # its client has gone, and what that client has done stands
            elif error is None:
                future.set_result(own)
            else:
                future.set_exception(StoreUnavailableError())

    # Changing of modes.

    def _leave(self, reason: str) -> None:
        self._abandon(reason)
        if self.mode is Mode.SHARED:
            self.mode = Mode.REFUSE if self._fallback is None else Mode.LOCAL
            self._trouble.set()
            self._on_mode(self.mode, reason)

    def _abandon(self, _reason: str) -> None:
        batch, self._queue = self._queue, []
        for _, replies, _ in batch:
            if not replies.done():
                replies.set_exception(StoreUnavailableError())

    async def _look_for_it(self) -> None:
        loop = asyncio.get_running_loop()
        pause, found_at = PROBE_SECONDS, -STEADY_SECONDS
        while True:
            await self._trouble.wait()
            # A store that answers probes but not calls must not change modes at every probe.
            lately = loop.time() - found_at < STEADY_SECONDS
            pause = min(pause * 2, LONGEST_PROBE_SECONDS) if lately else PROBE_SECONDS
            await asyncio.sleep(pause)
            if await self._find():
                found_at = loop.time()
                self._trouble.clear()
                self.mode = Mode.SHARED
                self._on_mode(self.mode, "it answers again")

    async def _find(self) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS * 5):
                await self._link.probe()
                await self._restore_bans()
        except (LinkError, TimeoutError) as error:
            self._trouble_found = str(error)
            return False
        except Exception as error:  # as in _exchange: the look-out goes on
            self._background.failed("store_probe", error)
            return False
        return True

    async def _restore_bans(self) -> None:
        """Tell Redis of the bans that it may not know: made without it, or lost in a restart."""
        known, now = self.bans_in_force(), self.now()
        for start in range(0, len(known), _RESTORED_AT_ONCE):
            some = known[start : start + _RESTORED_AT_ONCE]
            keys = [ban_key(self.prefix, ban.address) for ban in some]
            lives = [max(1, (ban.end - now) // 1000) for ban in some]
            given = [
                Command(key, ("SET", key, written_ban(ban), "PX", left, "NX"))
                for key, ban, left in zip(keys, some, lives, strict=True)
            ]
            replies = await self._link.exchange([*given, *(Command(key, ("GET", key)) for key in keys)])
            kept = [kept_ban(ban, value) for ban, value in zip(some, replies[len(some) :], strict=True)]
            await self._link.exchange([each for ban in kept for each in entered(self.prefix, ban, now=now)])
