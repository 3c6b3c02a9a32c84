"""Whether Redis is away, and the look-out for it while it is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

STEADY_SECONDS: Final = 5.0
"""A Redis that is away again sooner after it was found is looked for less and less often."""


class Pace(NamedTuple):
    """How often Redis is looked for while it is away, in seconds."""

    first: float
    """The pause before a look."""
    longest: float
    """The pause that it may grow to."""


class Outage:
    """Whether Redis is away, as those find who ask it; each change is told of once."""

    def __init__(self, on_change: Callable[[bool, str], None]) -> None:
        """Count as there.

        Args:
            on_change: told whether Redis can be asked from now on, and why.
        """
        self._on_change = on_change
        self._begun = asyncio.Event()
        self.is_away = False

    def begin(self, reason: str) -> None:
        """Somebody could not ask Redis."""
        if not self.is_away:
            self.is_away = True
            self._begun.set()
            self._on_change(False, reason)

    def end(self, reason: str) -> None:
        """Somebody could ask Redis."""
        if self.is_away:
            self.is_away = False
            self._begun.clear()
            self._on_change(True, reason)

    def close(self) -> None:
        """Count as away from now on, and tell nobody."""
        self.is_away = True

    async def look_out(self, find: Callable[[], Awaitable[bool]], pace: Pace) -> None:
        """Whenever Redis is away, look for it until it is found; never return.

        A Redis that answers these looks but nothing else must not come and go with each of them: one that was found
        less than `STEADY_SECONDS` ago is looked for after pauses that double.
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
