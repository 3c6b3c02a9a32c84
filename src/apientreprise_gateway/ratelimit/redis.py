"""The limiter in Redis, shared by every process with the same Redis.

A call runs two scripts, one by address and one by token (for one window or for two), sent together with those of other
calls at the same moment.
While Redis cannot be reached, the memory of this process decides, or calls are refused (see `fallback`).
"""

import asyncio
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from apientreprise_gateway.contract.bans import DURATION, Ban, Reason, read_ban
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.ratelimit.ban_index import entered, restore
from apientreprise_gateway.ratelimit.bans import Bans
from apientreprise_gateway.ratelimit.lua import REMEMBERED, SLIDING_FORM, Scripts, WindowScripts
from apientreprise_gateway.ratelimit.lua import address as address_script
from apientreprise_gateway.ratelimit.memory import Clock, MemoryLimiter, wall_clock
from apientreprise_gateway.ratelimit.port import (
    COMMON,
    AddressRule,
    StoreUnavailableError,
    TokenKey,
    Verdict,
    banned,
    verdict,
    verdict_of,
)
from apientreprise_gateway.ratelimit.windows import SECOND, USUAL_SECONDS, WINDOW, Outcome
from apientreprise_gateway.store.errors import About
from apientreprise_gateway.store.exchange import Exchange, ExchangeError, Replies
from apientreprise_gateway.store.faults import Faults
from apientreprise_gateway.store.link import Command, RedisLink, Reply
from apientreprise_gateway.store.outage import Pace

PROBE_SECONDS: Final = 0.25
"""Seconds between two tries to reach a Redis that is away, at first."""
LONGEST_PROBE_SECONDS: Final = 2.0
"""Seconds between two tries to reach a Redis that comes and goes."""


class Mode(StrEnum):
    """Where limits are decided."""

    SHARED = "shared"
    """In Redis: limits are exact over all processes."""
    LOCAL = "local"
    """In the memory of each process, because Redis cannot be reached."""
    REFUSE = "refuse"
    """Nowhere: calls are refused, because Redis cannot be reached."""


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
        """Configure it; no connection is opened before `start`.

        Args:
            link: the link to Redis.
            ip_limit: calls within 60 s that one address may make; the next one bans it.
            ignored_429_limit: refused calls within 60 s that one address may make; the next one bans it.
            window: the kind of window of the tokens.
            fallback: decides while Redis cannot be reached; None to refuse calls then.
            shadow: whether it uses keys of its own and still counts banned addresses, as the gateway refuses nothing.
            on_mode: called at each change of mode, with the reason.
            on_ban: called with each ban that a call of this process has caused in Redis.
            on_fault: called for each error that is about one key or one command.
            background: runs the exchange with Redis and the tries to reach it.
            clock: Unix time in microseconds; used only for bans already known.
        """
        self._window = window
        self._fallback = fallback
        self._on_mode = on_mode
        self._on_ban = on_ban
        self._clock = clock
        self._shadow = shadow
        self.prefix = "gws" if shadow else "gw"
        self._address_script = address_script()
        self._ceiling = (ip_limit, WINDOW, DURATION, Reason.CEILING.value)
        self._ignored = (ignored_429_limit, WINDOW, DURATION, Reason.IGNORED_429.value)
        # The same callers cause the same commands again: kept by what they are made of, before any name is written.
        self._admit = lru_cache(REMEMBERED)(self._make_admit)
        self._count = lru_cache(REMEMBERED)(self._make_count)
        self._bans = Bans()
        self._clock_ahead = 0
        self._link = link
        scripts = Scripts(self._address_script, window.admit, window.forget)
        self._exchange = Exchange(
            link,
            name="store",
            pace=Pace(PROBE_SECONDS, LONGEST_PROBE_SECONDS),
            faults=Faults("limits", on_fault=on_fault),
            on_change=self._change_mode,
            scripts=scripts.texts,
            repair=scripts.repair,
            restore=self._restore_bans,
            on_unheard=self._learn_from_all,
            background=background,
        )
        self.mode = Mode.SHARED

    async def start(self) -> None:
        """Connect to Redis; start without it if it cannot be reached."""
        await self._exchange.start()

    async def close(self) -> None:
        """Close the connections, once the bans that this process has made are in the index."""
        await self._exchange.close()

    def _change_mode(self, is_there: bool, reason: str) -> None:
        if is_there:
            self.mode = Mode.SHARED
        else:
            self.mode = Mode.REFUSE if self._fallback is None else Mode.LOCAL
        self._on_mode(self.mode, reason)

    def hand_over(self, successor: MemoryLimiter) -> None:
        """Share the windows and bans of this process with the successor of its fallback."""
        if self._fallback is not None:
            self._fallback.hand_over(successor)
        if not self._shadow:
            successor.add_bans(self._bans.in_force(self.now()))

    async def admit(
        self,
        address: str | None,
        key: TokenKey,
        limit: int,
        seconds: int = USUAL_SECONDS,
        *,
        minute: int | None = None,
        rule: AddressRule = COMMON,
    ) -> Verdict:
        """See `Limiter.admit`."""
        if self.mode is not Mode.SHARED:
            return await self._alone().admit(address, key, limit, seconds, minute=minute, rule=rule)
        commands: tuple[Command, ...] = (self._admit(key, limit, seconds, minute),)
        if address is not None:
            commands = (*commands, self._count(address, rule))
        asked = None
        try:
            asked = self._exchange.ask(commands, address)
            replies = await asked
        except ExchangeError:
            return await self._alone().admit(address, key, limit, seconds, minute=minute, rule=rule)
        except asyncio.CancelledError:
            self._learn_at_last(address, asked)
            raise
        reply = replies[0]
        now, is_admitted = reply[0], reply[1] == 1
        self._clock_ahead = now - self._clock()
        ban = None if address is None else self._learn(address, replies[1])
        if ban is not None and is_admitted and not self._shadow:
            # The keys may be on different nodes, so the token was counted before the ban was known.
            names = self._names(key, seconds, minute)
            self._exchange.tell([self._window.forget.call_in_full(*names, arguments=(now,))])
        if ban is None and address is not None and not is_admitted and _wait(reply) > rule.early:
            ban = await self._count_refused(address, key[0], rule)
        if ban is not None and not self._shadow:
            return banned(ban, limit=limit)
        if minute is None:
            return verdict((is_admitted, reply[2], reply[3], reply[4]), now=now, limit=limit, ban=ban)
        windows = [(limit, Outcome(is_admitted, *reply[2:5])), (minute, Outcome(is_admitted, *reply[5:]))]
        return verdict_of(windows, now=now, ban=ban)

    async def count_address(self, address: str, rule: AddressRule = COMMON) -> Ban | None:
        """See `Limiter.count_address`."""
        if self.mode is Mode.SHARED:
            try:
                return await self._ban_by(self._count(address, rule), address)
            except ExchangeError:
                pass
        return None if self._fallback is None else await self._fallback.count_address(address, rule)

    def now(self) -> int:
        """The store's clock in microseconds, estimated."""
        return self._clock() + self._clock_ahead

    def add_bans(self, bans: Iterable[Ban]) -> None:
        """Enforce bans that were made elsewhere, except ended ones.

        One that begins in the future was made by a clock that was ahead: the script that next finds it corrects it.
        """
        now = self.now()
        for ban in bans:
            if ban.start <= now + WINDOW and now < ban.end:
                self._bans.add(ban)

    def on_new_bans(self, tell: Callable[[], None]) -> None:
        """Call `tell` for each new ban that this process learns of."""
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

    async def _count_refused(self, address: str, jti: str, rule: AddressRule) -> Ban | None:
        # Quoted, so that no `jti` makes a name that another counter has.
        counter = f"refused:{quote(jti, safe='')}" if rule.by_token else "refused"
        name = f"{self.prefix}:{{{address}}}"
        count = self._address_script.call(f"{name}:ban", f"{name}:{counter}:{SLIDING_FORM}", arguments=self._ignored)
        try:
            return await self._ban_by(count, address)
        except ExchangeError:
            return None  # the call is refused in any case

    async def _ban_by(self, count: Command, address: str) -> Ban | None:
        """The ban that a command finds or causes, which counts for an address; learnt even if the call is cancelled.

        Raises:
            ExchangeError: there is no reply.
        """
        asked = self._exchange.ask([count], address)
        try:
            (reply,) = await asked
        except asyncio.CancelledError:
            self._learn_at_last(address, asked)
            raise
        return self._learn(address, reply)

    def _alone(self) -> MemoryLimiter:
        """What decides without Redis.

        Raises:
            StoreUnavailableError: calls are to be refused then.
        """
        if self._fallback is None:
            raise StoreUnavailableError
        return self._fallback

    def _names(self, key: TokenKey, seconds: int, minute: int | None) -> tuple[str, ...]:
        """The names of the windows of a token."""
        name = f"{self.prefix}:{{{key[0]}}}:{key[1]}:{self._window.form}"
        first = name if seconds == USUAL_SECONDS else f"{name}-{seconds}"
        return (first,) if minute is None else (first, name)

    def _make_admit(self, key: TokenKey, limit: int, seconds: int, minute: int | None) -> Command:
        """The command that counts a call of a token, if it admits it."""
        arguments = (limit, seconds * SECOND) if minute is None else (limit, seconds * SECOND, minute, WINDOW)
        return self._window.admit.call(*self._names(key, seconds, minute), arguments=arguments)

    def _make_count(self, address: str, rule: AddressRule) -> Command:
        """The command that counts a call of an address."""
        name = f"{self.prefix}:{{{address}}}"
        arguments = self._ceiling if rule.ceiling is None else (rule.ceiling, *self._ceiling[1:])
        return self._address_script.call(f"{name}:ban", f"{name}:{rule.counter}:{SLIDING_FORM}", arguments=arguments)

    def _learn(self, address: str, reply: Reply) -> Ban | None:
        if len(reply) == 1:
            return None
        told = read_ban(address, reply[1])
        is_new = self._bans.get(address, told.start) is None
        ban = self._bans.add(told)
        if len(reply) > 2:
            self._on_ban(ban)
        if is_new:
            self._exchange.tell(entered(self.prefix, ban, now=reply[0]))
        return ban

    def _learn_from_all(self, address: str, replies: Replies) -> None:
        """Keep the bans that a call has caused, although its client left before the answer."""
        self._learn(address, replies[-1])

    def _learn_at_last(self, address: str | None, asked: "asyncio.Future[Replies] | None") -> None:
        """Keep them too if it left in the very turn of the event loop in which the answer came."""
        if asked is None or address is None or not asked.done() or asked.cancelled() or asked.exception() is not None:
            return
        self._learn_from_all(address, asked.result())

    async def _restore_bans(self) -> None:
        """Write to Redis the bans that it may lack: made while it was away, or lost in a restart."""
        await restore(self._link, self.prefix, self.bans_in_force(), now=self.now())


def _wait(reply: Reply) -> int:
    """Microseconds until the windows of a refused call admit one, by the reply of its script."""
    now, _, *windows = reply
    return int(max(windows[2::3]) - now)
