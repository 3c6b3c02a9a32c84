"""A fake Redis at the wire, for the troubles that a real one cannot be asked for."""

import asyncio
from collections.abc import Callable, Sequence

from redis.exceptions import ResponseError

from apientreprise_gateway.contract.bans import Reason
from apientreprise_gateway.ratelimit.windows import WINDOW
from apientreprise_gateway.store.errors import UnreachableError
from apientreprise_gateway.store.link import Command, Reply

NOW = 1_700_000_000_000_000


class FakeLink:
    """A `RedisLink` to a Redis whose windows are always empty, or always full."""

    def __init__(self, *, admitted: bool = True, up: bool = True) -> None:
        """Take what its scripts say, and whether it can be reached."""
        self.admitted = admitted
        self.up = up
        self.refuses: Callable[[Command], str | None] = lambda _command: None
        """The error that it answers a command with, if any."""
        self.fault: Exception | None = None
        """What it raises that no link should."""
        self.gate: asyncio.Event | None = None
        """Holds every exchange back until set, if there is one."""
        self.exchanges: list[Sequence[Command]] = []
        self.probes = 0
        self.closed = False

    @property
    def scripts(self) -> list[Command]:
        """The scripts that it was asked to run."""
        return [command for commands in self.exchanges for command in commands]

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """See `RedisLink.exchange`."""
        self.exchanges.append(commands)
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        if not self.up:
            raise UnreachableError("the fake is down")
        return [self._reply(command) for command in commands]

    async def probe(self) -> None:
        """See `RedisLink.probe`."""
        self.probes += 1
        if self.fault is not None:
            raise self.fault
        if not self.up:
            raise UnreachableError("the fake is down")

    async def drop(self) -> None:
        """See `RedisLink.drop`."""

    async def close(self) -> None:
        """See `RedisLink.close`."""
        self.closed = True

    def _reply(self, command: Command) -> Reply:
        error = self.refuses(command)
        if error is not None:
            return ResponseError(error)
        if command.words[0] != "EVALSHA":
            return None
        if command.words[-1] in set(Reason):  # it is about an address
            return [NOW]
        windows = int(command.words[2])
        return [NOW, int(self.admitted), *[1, NOW + WINDOW, NOW if self.admitted else NOW + WINDOW] * windows]
