"""Running of ASGI applications until a signal asks to stop."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import uvicorn
import uvloop

from apientreprise_gateway import server, signals


class PortTakenError(Exception):
    """Another program listens where we should."""


class Listener(NamedTuple):
    """A bound socket, with what it is told to show."""

    socket: socket.socket
    host: str
    port: int
    scheme: str = "http"

    @property
    def url(self) -> str:
        """How to reach it."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def listen(host: str, port: int, *, scheme: str = "http") -> Listener:
    """Bind a port; 0 for any free one. The scheme is what is shown.

    Raises:
        PortTakenError: it cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=server.BACKLOG)
    except OSError as error:
        raise PortTakenError(f"{host}:{port} cannot be used ({error.strerror}). Choose another with --port.") from error
    return Listener(bound, host, bound.getsockname()[1], scheme)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What happens besides serving, from the start to the end."""

    ready: Callable[[], None]
    """Called once everything answers."""
    reload: Callable[[], Awaitable[None]] | None = None
    """Awaited when SIGHUP asks for it; without it the signal asks to stop, as is usual."""
    drain: Callable[[], Awaitable[None]] | None = None
    """Awaited at SIGTERM or SIGINT, before connections are closed; a second signal cuts it short."""
    pulse: Callable[[], Awaitable[None]] | None = None
    """Runs as long as there is anything to serve; its end is taken for a signal to stop."""
    stop_timeout: float = 30
    """Seconds that calls in flight may take to end."""


def run(apps: Sequence[tuple[Any, Listener]], life: Life) -> None:
    """Serve applications, each on its socket, until SIGINT or SIGTERM; the last one stops first."""
    _prepare()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(apps, life))


def _prepare() -> None:
    # Names are resolved by these threads; some that take their time must not hold up the others.
    os.environ.setdefault("UV_THREADPOOL_SIZE", "16")
    # A call in flight holds two connections; the usual limit of 1024 files stands for programs that use select().
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def too_few_files(needed: int) -> int | None:
    """How many files a process that is run may open, if these are fewer than it needs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if most != resource.RLIM_INFINITY and most < needed else None


async def _serve(apps: Sequence[tuple[Any, Listener]], life: Life) -> None:
    servers = [
        _Server(server.config(app, host=at.host, port=at.port, stop_timeout=life.stop_timeout)) for app, at in apps
    ]
    asked = _Signals(reloads=life.reload is not None)
    tasks = [asyncio.create_task(each.serve(sockets=[at.socket])) for each, (_, at) in zip(servers, apps, strict=True)]
    await _started(servers, tasks)
    besides: list[asyncio.Future[None]] = []
    if all(each.started for each in servers):
        life.ready()
        pulse = [] if life.pulse is None else [asyncio.ensure_future(life.pulse())]
        reloading = [] if life.reload is None else [asyncio.ensure_future(asked.reload_with(life.reload))]
        besides = [*pulse, *reloading]
        await _first(asked.to_stop.wait(), *tasks, *pulse)
        for each in servers:
            each.server_state.parting = True
        if life.drain is not None:
            await _first(life.drain(), asked.again.wait())
    for each, task in reversed(list(zip(servers, tasks, strict=True))):
        each.should_exit = True
        await task
    for beside in besides:
        beside.cancel()
    signals.hold()  # the handlers go with the loop; what is left is to exit


async def _started(servers: Sequence[uvicorn.Server], tasks: Sequence[asyncio.Task[None]]) -> None:
    while not all(each.started for each in servers) and not any(task.done() for task in tasks):
        await asyncio.sleep(0.005)


async def _first(*awaited: Awaitable[Any]) -> None:
    """Wait for the first of several; those that are no tasks of somebody's end with it."""
    futures = [asyncio.ensure_future(each) for each in awaited]
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    for future, given in zip(futures, awaited, strict=True):
        if future is not given:
            future.cancel()


class _Signals:
    """What signals have asked of a serving process."""

    def __init__(self, *, reloads: bool) -> None:
        """Obey them from now on; without `reloads` a hangup, such as that of a terminal, asks to stop."""
        self.to_stop = asyncio.Event()
        self.again = asyncio.Event()
        """Asked once more to stop."""
        self._to_reload = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in signals.STOP:
            loop.add_signal_handler(number, self._stop)
        if reloads:
            loop.add_signal_handler(signals.RELOAD, self._to_reload.set)
        elif signal.getsignal(signals.RELOAD) is not signal.SIG_IGN:  # as `nohup` does
            loop.add_signal_handler(signals.RELOAD, self._stop)
        signals.obey()

    def _stop(self) -> None:
        (self.again if self.to_stop.is_set() else self.to_stop).set()

    async def reload_with(self, reload: Callable[[], Awaitable[None]]) -> None:
        """Reload each time it is asked for; signals that come meanwhile ask for one more."""
        while True:
            await self._to_reload.wait()
            self._to_reload.clear()
            await reload()


class _Server(server.Server):
    """A server whose signals are handled by `run`, for all of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
