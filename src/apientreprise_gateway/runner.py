"""Running of ASGI applications until a signal asks to stop."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import uvicorn
import uvloop
from uvicorn.supervisors import Multiprocess

from apientreprise_gateway import server


class PortTakenError(Exception):
    """Another program listens where we should."""


class Listener(NamedTuple):
    """A bound socket, with what it is told to show."""

    socket: socket.socket
    host: str
    port: int

    @property
    def url(self) -> str:
        """How to reach it."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def listen(host: str, port: int) -> Listener:
    """Bind a port; 0 for any free one.

    Raises:
        PortTakenError: it cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=server.BACKLOG)
    except OSError as error:
        raise PortTakenError(f"{host}:{port} cannot be used ({error.strerror}). Choose another with --port.") from error
    return Listener(bound, host, bound.getsockname()[1])


def run(apps: Sequence[tuple[Any, Listener]], *, ready: Callable[[], None]) -> None:
    """Serve applications until SIGINT or SIGTERM; the last one stops first.

    Args:
        apps: each with the socket that it answers on.
        ready: called once all of them answer.
    """
    _prepare()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(apps, ready))


def supervise(config: uvicorn.Config, at: Listener) -> None:
    """Serve with several processes until SIGINT or SIGTERM; a process that ends is replaced, SIGHUP replaces all."""
    _prepare()
    Multiprocess(config, sockets=[at.socket]).run()


def _prepare() -> None:
    # Names are resolved by these threads; some that take their time must not hold up the others.
    os.environ.setdefault("UV_THREADPOOL_SIZE", "16")
    # A call in flight holds two connections; the usual limit of 1024 files stands for programs that use select().
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(apps: Sequence[tuple[Any, Listener]], ready: Callable[[], None]) -> None:
    servers = [_Server(server.config(app, host=at.host, port=at.port)) for app, at in apps]
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(each.serve(sockets=[at.socket])) for each, (_, at) in zip(servers, apps, strict=True)]
    waiting = asyncio.create_task(stop.wait())
    await _started(servers, tasks)
    if all(each.started for each in servers):
        ready()
        await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for each, task in reversed(list(zip(servers, tasks, strict=True))):
        each.should_exit = True
        await task


async def _started(servers: Sequence[uvicorn.Server], tasks: Sequence[asyncio.Task[None]]) -> None:
    while not all(each.started for each in servers) and not any(task.done() for task in tasks):
        await asyncio.sleep(0.005)


class _Server(uvicorn.Server):
    """A server whose signals are handled by `run`, for all of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
