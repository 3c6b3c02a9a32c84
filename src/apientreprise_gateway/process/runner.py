"""Runs ASGI applications until a signal asks to stop."""

import asyncio
import contextlib
import errno
import os
import resource
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import uvicorn
import uvloop

from apientreprise_gateway.process import ending, signals
from apientreprise_gateway.process.errors import PortTakenError
from apientreprise_gateway.server.application import Application
from apientreprise_gateway.server.uvicorn_server import BACKLOG, Server, config

_CLOSING_STEPS_SECONDS: Final = 0.2
"""Seconds that uvicorn's own steps of a stop take in addition."""

_HOSTS: Final = "Give one of its own: 127.0.0.1, or 0.0.0.0 for all."


class Listener(NamedTuple):
    """A bound socket, with the host, port and scheme that are shown for it."""

    socket: socket.socket
    host: str
    port: int
    scheme: str = "http"

    @property
    def url(self) -> str:
        """The URL at which it is reached."""
        return f"{self.scheme}://{self.address}"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def listen(host: str, port: int, *, scheme: str = "http") -> Listener:
    """Bind a port; 0 for any free one. The scheme is only for show.

    Raises:
        PortTakenError: it cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port, family)
        bound = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (socket.gaierror, UnicodeError) as error:
        raise PortTakenError(f"--host {host}: this is no address. {_HOSTS}") from error
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            raise PortTakenError(f"--host {host}: this machine has no such address. {_HOSTS}") from error
        why = os.strerror(error.errno or errno.EIO)
        remedy = (
            "Choose one from 1024 on with --port." if error.errno == errno.EACCES else "Choose another with --port."
        )
        raise PortTakenError(f"{host}:{port} cannot be used ({why}). {remedy}") from error
    return Listener(bound, host, bound.getsockname()[1], scheme)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """What a serving process calls at its start, at signals and at its end."""

    ready: Callable[[], None]
    """Called once all applications accept connections."""
    reload: Callable[[], Awaitable[None]] | None = None
    """Awaited at SIGHUP; without it SIGHUP asks to stop, as is usual."""
    reopen: Callable[[], Awaitable[None]] | None = None
    """Awaited at SIGUSR1; without it SIGUSR1 does nothing."""
    drain: Callable[[], Awaitable[None]] | None = None
    """Awaited at SIGTERM or SIGINT, before connections are closed; a second signal cuts it short."""
    hurry: Callable[[float], None] | None = None
    """Called at a second signal to stop, with the seconds that are left."""
    hears_twice: bool = False
    """Whether one stop may send two different signals, from a terminal and from a parent process.

    If so, only a signal that was received before counts as a second one.
    """
    pulse: Callable[[], Awaitable[None]] | None = None
    """Runs while the process serves; when it returns, the process stops as at a signal."""
    stop_timeout: Callable[[], float] = lambda: 30.0
    """Called at the signal to stop: seconds until the process has exited, even if something hangs."""


def in_a_thread(show: Callable[[], None]) -> None:
    """Call a function that prints, in a thread, so that the event loop does not wait for it."""
    threading.Thread(target=show, name="show", daemon=True).start()


def run(apps: Sequence[tuple[Application, Listener]], life: Lifecycle) -> None:
    """Serve applications, each on its socket, until SIGINT or SIGTERM; the last application is stopped first.

    Afterwards the caller must exit by `process.ending.leave`.
    """
    _prepare()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(apps, life))


def _prepare() -> None:
    # These threads resolve host names; a few slow look-ups must not hold up the others.
    os.environ.setdefault("UV_THREADPOOL_SIZE", "16")
    # A call in flight holds two connections; the usual limit of 1024 files is only for programs that use select().
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def too_few_files(needed: int) -> int | None:
    """How many files the process may open, if that is less than `needed`; else None."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if most != resource.RLIM_INFINITY and most < needed else None


async def _serve(apps: Sequence[tuple[Application, Listener]], life: Lifecycle) -> None:
    servers = [_Server(config(app, host=at.host, port=at.port)) for app, at in apps]
    asked = _Signals(reloads=life.reload is not None, hears_twice=life.hears_twice)
    tasks = [asyncio.create_task(each.serve(sockets=[at.socket])) for each, (_, at) in zip(servers, apps, strict=True)]
    await _started(servers, tasks)
    besides: list[asyncio.Future[None]] = []
    if all(each.started for each in servers):
        life.ready()
        pulse = [] if life.pulse is None else [asyncio.ensure_future(life.pulse())]
        obeying = [
            asyncio.ensure_future(asked.obey_with(asked_for, act))
            for asked_for, act in ((asked.to_reload, life.reload), (asked.to_reopen, life.reopen))
            if act is not None
        ]
        besides = [*pulse, *obeying]
        await _first(asked.to_stop.wait(), *tasks, *pulse)
        for each in servers:
            each.server_state.draining = True
        if life.drain is not None:
            await _first(life.drain(), asked.again.wait())
    seconds = life.stop_timeout()
    besides.append(asyncio.create_task(_hurry(servers, asked, life, ending.Deadline(seconds))))
    for each, task in reversed(list(zip(servers, tasks, strict=True))):
        each.may_take(seconds - ending.closing_seconds(seconds) - _CLOSING_STEPS_SECONDS)
        each.should_exit = True
        await task
    for beside in besides:
        beside.cancel()
    signals.hold()  # the handlers end with the loop, and a signal must not kill the process while it exits


async def _started(servers: Sequence[uvicorn.Server], tasks: Sequence[asyncio.Task[None]]) -> None:
    while not all(each.started for each in servers) and not any(task.done() for task in tasks):
        await asyncio.sleep(0.005)


async def _hurry(servers: "Sequence[_Server]", asked: "_Signals", life: Lifecycle, deadline: ending.Deadline) -> None:
    """Wait for a second signal to stop, then cut short what is left of the stop."""
    await asked.again.wait()
    deadline.shorten(ending.HURRIED_SECONDS)
    if life.hurry is not None:
        life.hurry(ending.HURRIED_SECONDS / 2)
    for each in servers:
        each.force_exit = True


async def _first(*awaited: Awaitable[Any]) -> None:
    """Wait until one of several is done, then cancel the others, except tasks and futures that the caller made."""
    futures = [asyncio.ensure_future(each) for each in awaited]
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    for future, given in zip(futures, awaited, strict=True):
        if future is not given:
            future.cancel()


class _Signals:
    """Signals that a serving process has received, as events of its loop."""

    def __init__(self, *, reloads: bool, hears_twice: bool) -> None:
        """Handle signals from now on; without `reloads` a hangup, such as that of a terminal, asks to stop."""
        self.to_stop = asyncio.Event()
        self.again = asyncio.Event()
        """Set at a second signal to stop."""
        self.to_reload = asyncio.Event()
        self.to_reopen = asyncio.Event()
        self._hears_twice = hears_twice
        self._heard: set[int] = set()
        loop = asyncio.get_running_loop()
        for number in signals.STOP:
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signals.REOPEN, self.to_reopen.set)
        if reloads:
            loop.add_signal_handler(signals.RELOAD, self.to_reload.set)
        elif signal.getsignal(signals.RELOAD) is not signal.SIG_IGN:  # as `nohup` does
            loop.add_signal_handler(signals.RELOAD, self._stop, signals.RELOAD)
        signals.obey()

    def _stop(self, number: int) -> None:
        if number in self._heard if self._hears_twice else self._heard:
            self.again.set()
        self._heard.add(number)
        self.to_stop.set()

    async def obey_with(self, asked_for: asyncio.Event, act: Callable[[], Awaitable[None]]) -> None:
        """Run `act` each time the event is set; signals that come during a run cause one more."""
        while True:
            await asked_for.wait()
            asked_for.clear()
            await act()


class _Server(Server):
    """A server that leaves signals to `run` and shuts its application down even when it is forced to exit."""

    def may_take(self, seconds: float) -> None:
        """Set how many seconds calls in flight may take once the server stops."""
        self.config.timeout_graceful_shutdown = max(0.1, seconds)  # type: ignore[assignment]  # used as a timeout only

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving; when forced to exit, also do the steps that uvicorn then leaves out."""
        await super().shutdown(sockets)
        if self.force_exit:
            for task in self.server_state.tasks:
                task.cancel()
            await self.lifespan.shutdown()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
