"""Limiters on real stores: what the tests of the shared store have in common."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import pytest

from apientreprise_gateway.contract.bans import Ban
from apientreprise_gateway.ratelimit.lua import Script, WindowScripts, sliding
from apientreprise_gateway.ratelimit.memory import Clock, MemoryLimiter, wall_clock
from apientreprise_gateway.ratelimit.redis import Mode, RedisLimiter
from apientreprise_gateway.store import driver as driver_module
from apientreprise_gateway.store import exchange as exchange_module
from apientreprise_gateway.store.errors import About, UnreachableError
from apientreprise_gateway.store.link import Command, RedisLink, Reply, link
from apientreprise_gateway.store.url import parse_url
from support.stores import Cluster, Server

PATIENCE = 60.0
"""Seconds to wait for what happens at once on a machine that is not overloaded."""
SERVER_CLOCK = "redis.call('TIME')"


@contextmanager
def patient() -> Iterator[None]:
    """Wait for a store as long as an overloaded machine may need, so that only the tests of trouble meet trouble."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange_module, "TIMEOUT_SECONDS", PATIENCE)
        patch.setattr(driver_module, "_CONNECT_SECONDS", PATIENCE)
        yield


class _Told:
    """Stands for the command of a script, which may be kept: each time that it is sent, it tells what `clock` shows."""

    def __init__(
        self, text: str, keys: tuple[str, ...], arguments: tuple[str | int, ...], clock: Callable[[], int]
    ) -> None:
        self.key = keys[0]
        self._text, self._keys, self._arguments, self._clock = text, keys, arguments, clock

    @property
    def words(self) -> tuple[str | bytes | int, ...]:
        seconds, microseconds = divmod(self._clock(), 1_000_000)
        text = self._text.replace(SERVER_CLOCK, f"{{'{seconds}', '{microseconds}'}}")
        return ("EVAL", text, len(self._keys), *self._keys, *self._arguments)

    @property
    def packed(self) -> bytes:
        return Command(self.key, self.words).packed


@contextmanager
def told_the_time(clock: Callable[[], int]) -> Iterator[None]:
    """Let the scripts read `clock` where they ask the server for the time; all else in them is as shipped."""

    def call(script: Script, *keys: str, arguments: tuple[str | int, ...]) -> Command:
        return cast(Command, _Told(script.text, keys, arguments, clock))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Script, "call", call)
        yield


def nodes_of(store: Server | Cluster) -> list[Server]:
    """The servers that a store is made of."""
    return store.nodes if isinstance(store, Cluster) else [store]


def empty(store: Server | Cluster) -> None:
    """Take everything out of a store."""
    for node in nodes_of(store):
        node.command("FLUSHALL")


@asynccontextmanager
async def opened(
    to: RedisLink | Server | Cluster,
    *,
    ip_limit: int = 1000,
    ignored_429_limit: int = 100,
    window: Callable[[], WindowScripts] = sliding,
    fallback: MemoryLimiter | None = None,
    shadow: bool = False,
    on_mode: Callable[[Mode, str], None] = lambda _mode, _reason: None,
    on_ban: Callable[[Ban], None] = lambda _ban: None,
    on_fault: Callable[[About], None] = lambda _about: None,
    clock: Clock = wall_clock,
) -> AsyncIterator[RedisLimiter]:
    """Start a limiter until the end of the block."""
    limiter = RedisLimiter(
        link(parse_url(to.url)) if isinstance(to, Server | Cluster) else to,
        ip_limit=ip_limit,
        ignored_429_limit=ignored_429_limit,
        window=window(),
        fallback=fallback,
        shadow=shadow,
        on_mode=on_mode,
        on_ban=on_ban,
        on_fault=on_fault,
        clock=clock,
    )
    await limiter.start()
    try:
        yield limiter
    finally:
        await limiter.close()


class Recording:
    """A link that writes down what goes over another one, and that can be cut."""

    def __init__(self, inner: RedisLink) -> None:
        self._inner = inner
        self.exchanges: list[Sequence[Command]] = []
        self.probes = 0
        self.cut = False

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """See `RedisLink.exchange`."""
        self._check()
        self.exchanges.append(commands)
        return await self._inner.exchange(commands)

    async def probe(self) -> None:
        """See `RedisLink.probe`."""
        self.probes += 1
        self._check()
        await self._inner.probe()

    async def drop(self) -> None:
        """See `RedisLink.drop`."""
        await self._inner.drop()

    async def close(self) -> None:
        """See `RedisLink.close`."""
        await self._inner.close()

    def _check(self) -> None:
        if self.cut:
            raise UnreachableError("cut by the test")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other tasks bring about."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)
