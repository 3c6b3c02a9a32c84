"""Whether Redis is away, and the probes that find it again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

STEADY_SECONDS: Final = 5.0
"""Seconds; a Redis that is away again sooner than this after it was found is probed less and less often."""


class Pace(NamedTuple):
    """Pauses between probes while Redis is away, in seconds."""

    first: float
    """The first pause, before the first probe."""
    longest: float
    """The longest pause, which doubling does not exceed."""


class Outage:
    """Whether Redis is away, as its users report; each change is passed on once."""

    def __init__(self, on_change: Callable[[bool, str], None]) -> None:
        """Begin without an outage.

        Args:
            on_change: told whether Redis can be used from now on, and why.
        """
        self._on_change = on_change
        self._begun = asyncio.Event()
        self.is_away = False

    def begin(self, reason: str) -> None:
        """Report that Redis could not be used."""
        if not self.is_away:
            self.is_away = True
            self._begun.set()
            self._on_change(False, reason)

    def end(self, reason: str) -> None:
        """Report that Redis could be used."""
        if self.is_away:
            self.is_away = False
            self._begun.clear()
            self._on_change(True, reason)

    def close(self) -> None:
        """Count Redis as away from now on, without calling `on_change`."""
        self.is_away = True

    async def look_out(self, find: Callable[[], Awaitable[bool]], pace: Pace) -> None:
        """Whenever Redis is away, probe it until it is found; never return.

        A Redis that answers probes but nothing else must not come and go with each probe: if it was found less than
        `STEADY_SECONDS` ago, the pause before the next probe doubles.
        """
        loop = asyncio.get_running_loop()
        pause, found_at = pace.first, -STEADY_SECONDS
        while True:
            await self._begun.wait()
            lately = loop.time() - found_at < STEADY_SECONDS
            pause = min(pause * 2, pace.longest) if lately else pace.first
            await asyncio.sleep(pause)
            if await find():
                found_at = loop.time()
                self.end("it answers again")
