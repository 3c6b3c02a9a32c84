"""Background tasks: what a process does besides answering calls, and must not stop doing unnoticed.

Whatever a task raises is logged in one line and counted; then the task is started again, after a pause that grows to a
bound. A task that returns, or is cancelled by anything but its owner, has failed in the same way.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from apientreprise_gateway.observability.faults import FaultLog

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 10.0
"""Seconds before a task that has failed is started again; doubled from the first to the longest."""
STEADY_SECONDS: Final = 30.0
"""Seconds that a task must have run for its next failure to be followed by the first pause again."""
CALLBACKS: Final = "callbacks"
"""Task name under which callbacks and tasks that fail with nobody waiting for them are counted."""
THREADS: Final = "threads"
"""Task name under which threads that end with an exception are counted."""
_CONNECTION: Final = {"transport", "protocol", "socket"}
"""Keys of the context that an event loop gives with an error of a connection."""


class Count(Protocol):
    """A counter of failures."""

    def inc(self) -> None: ...


class _Uncounted:
    def inc(self) -> None:
        pass


class EndedError(Exception):
    """A task returned, or was cancelled by anything but its owner."""


class Background:
    """The background tasks of one process."""

    def __init__(self, count_of: Callable[[str], Count] = lambda _name: _Uncounted()) -> None:
        """Begin without tasks; `count_of` gives the counter of a task's failures, by its name."""
        self._count_of = count_of
        self._faults: defaultdict[str, FaultLog] = defaultdict(FaultLog)

    def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Start a task that must not end before it is cancelled.

        Args:
            name: one of a fixed list, as it is the label of a metric.
            work: called to begin the work, and again after each failure.
        """
        self._count_of(name)  # shown from the start: an alert sees a first failure only if there was a number before
        return asyncio.create_task(self._keep(name, work), name=name)

    def expect(self, *names: str) -> None:
        """Show the counters of work that is done once in a while before its first failure, as `keep` does."""
        for name in names:
            self._count_of(name)

    async def attempt(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do work once; a failure is logged and counted, and not raised."""
        try:
            await work()
        except Exception as error:
            self.failed(name, error)

    def failed(self, name: str, error: BaseException, **fields: Any) -> None:
        """Log a failure and count it."""
        self._count_of(name).inc()
        self._faults[name].tell("background_failed", error, task=name, **fields)

    def guard(self, loop: asyncio.AbstractEventLoop) -> None:
        """Log and count what fails in a loop unnoticed: callbacks, and tasks that nobody waits for."""
        self._count_of(CALLBACKS)

        def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            error = context.get("exception") or EndedError(context.get("message", ""))
            if _CONNECTION & context.keys():  # the peer's doing: not counted
                self._faults[CALLBACKS].tell("connection_failed", error)
            else:
                self.failed(CALLBACKS, error)

        loop.set_exception_handler(handle)

    def guard_threads(self) -> None:
        """Log and count each thread of this process that ends with an exception."""
        self._count_of(THREADS)

        def handle(ended: threading.ExceptHookArgs) -> None:
            if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
                self.failed(THREADS, ended.exc_value, thread="" if ended.thread is None else ended.thread.name)

        threading.excepthook = handle

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while True:
            started = loop.time()
            error = await _outcome(work)
            if loop.time() - started >= STEADY_SECONDS:
                pause = FIRST_PAUSE
            self.failed(name, error, effect=f"it is started again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


async def _outcome(work: Callable[[], Awaitable[None]]) -> BaseException:
    """Do work that should not end; the exception that ended it. A cancellation by its owner is passed on."""
    # In a task of its own: its wake-ups, some of which come with every call, do not pass through this coroutine.
    try:
        task = asyncio.ensure_future(work())
    except Exception as error:
        return error
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # marks it as retrieved: asyncio would log it otherwise
        raise
    if task.cancelled():
        return EndedError("something that it waited for was cancelled")
    return task.exception() or EndedError("it ended by itself")
