"""Programs of ours started by a fork: what a start costs otherwise is nearly all imports.

Each process of pytest has a helper process, which has imported what the commands import and forks a child for each
start. The child is made what a fresh interpreter would be (descriptors, environment, folder, signals) and then runs the
package as `python -m apientreprise_gateway` does, to an end by the same paths. Each child has a channel of its own to
who started it: its process id comes by that at the start, its status at the end.

The helper ends when its socket is closed, that is with pytest, even a killed one; children that are left end with it.
It is run as a program: `python -m support.zygote DESCRIPTOR`.
"""

import atexit
import gc
import importlib
import json
import os
import re
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from support import nursery

PROGRAM: Final = "apientreprise_gateway"
_FREE: Final = re.compile(
    r"(?:GATEWAY|PORTAL|AWS|PYTEST)_.*|(?:http|https|all|no)_proxy|TMPDIR|SSL_CERT_FILE|INSEE_TOKEN", re.IGNORECASE
)
"""The names of those variables that are read when a command runs, if at all: they may be any. Others may be read when
modules are imported, or before the interpreter starts (PYTHONPATH, TZ)."""
_APART: Final = re.compile(r"LD_PRELOAD|.*FAKE.*")
"""The names of those of a clock that is set (`clocks.py`): programs with it are started by a helper of their own."""
_MODULES: Final = (
    "apientreprise_gateway.cli.main",
    "apientreprise_gateway.cli.output",
    "apientreprise_gateway.gateway.app",
    "apientreprise_gateway.gateway.services",
    "apientreprise_gateway.gateway.verify",
    "apientreprise_gateway.gateway.worker",
    "apientreprise_gateway.process.runner",
    "apientreprise_gateway.process.title",
    "apientreprise_gateway.providers.products",
    "apientreprise_gateway.sandbox.app",
    "fastapi_offline",
    "uvicorn.lifespan.on",
)
"""What the commands import; what is missing here is imported by each child that needs it."""
_TESTS: Final = Path(__file__).parent.parent
_ENVIRONMENT: Final = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
"""That of the helper: ours before a test has changed it."""
_LARGEST: Final = 1 << 17
_STANDARD: Final = (0, 1, 2)


# The side of the tests.


class Child:
    """A program that a zygote has started; what `subprocess.Popen` can do with one, as far as tests need it."""

    def __init__(self, args: Sequence[str], channel: socket.socket) -> None:
        """Wait for the process id."""
        self.args = list(args)
        self.returncode: int | None = None
        self._channel = channel
        self._lock = threading.Lock()
        data, descriptors, _, _ = socket.recv_fds(channel, 64, 1, socket.MSG_CMSG_CLOEXEC)
        if not data:
            raise ChildProcessError("the zygote has ended")
        self.pid = int(data)
        self._process = descriptors[0]

    def poll(self) -> int | None:
        """The status, if it has ended; negative for a signal."""
        with self._lock:
            if self.returncode is None and select.select([self._channel], [], [], 0)[0]:
                data = self._channel.recv(64)
                if not data:
                    raise ChildProcessError("the zygote has ended")
                self.returncode = int(data)
                self._channel.close()
                os.close(self._process)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; the status.

        Raises:
            subprocess.TimeoutExpired: it has not ended within so many seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            left = None if end is None else max(0.0, end - time.monotonic())
            if left == 0.0:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            with suppress(OSError, ValueError):  # another thread has read the status
                select.select([self._channel], [], [], left)
        return status

    def send_signal(self, number: int) -> None:
        """Signal it, if it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


Process = Child | subprocess.Popen[bytes]
"""A started program, in one way or the other."""


def popen(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    stdout: int | IO[Any],
    stderr: int | IO[Any],
    stdin: int = 0,
    new_session: bool = False,
) -> Process:
    """Start a command of ours: by the zygote where nobody can tell, else as a fresh interpreter."""
    if can_fork(env) and not any(isinstance(each, int) and each < 0 for each in (stdout, stderr)):
        out, err = (each if isinstance(each, int) else each.fileno() for each in (stdout, stderr))
        return fork(arguments, env=env, stdin=stdin, stdout=out, stderr=err, new_session=new_session)
    return subprocess.Popen(
        [sys.executable, "-m", PROGRAM, *arguments],
        env=dict(env),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=new_session,
    )


def can_fork(env: Mapping[str, str]) -> bool:
    """Whether nobody can tell a fork from a fresh interpreter."""
    return _fixed(env) == _fixed(_ENVIRONMENT)


def _has_workers(arguments: Sequence[str]) -> bool:
    return "--workers" in arguments and arguments[arguments.index("--workers") + 1] != "1"


def _fixed(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not _FREE.fullmatch(name) and not _APART.fullmatch(name)}


def _apart(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if _APART.fullmatch(name)}


def fork(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    stdout: int,
    stderr: int,
    stdin: int = 0,
    cwd: Path | None = None,
    new_session: bool = False,
    module: str = PROGRAM,
) -> Child:
    """Start a command of ours by the zygote; the environment differs from its own in free variables alone."""
    order = {
        "module": module,
        "arguments": list(arguments),
        "environment": dict(env),
        "cwd": str(cwd or Path.cwd()),
        "session": new_session,
    }
    return _zygote(_apart(env)).start(order, (stdin, stdout, stderr))


class _Zygote:
    """A helper of this process."""

    def __init__(self, more: Mapping[str, str]) -> None:
        """Start it, with more variables; it imports while we go on."""
        self.owner = os.getpid()
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "support.zygote", str(other.fileno())],
                cwd=_TESTS,
                env={**_ENVIRONMENT, **more},
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(self.close)

    def start(self, order: dict[str, Any], standard: tuple[int, int, int]) -> Child:
        """Have it fork a child with these standard descriptors."""
        channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(self._socket, [json.dumps(order).encode()], [theirs.fileno(), *standard])
        return Child([sys.executable, "-m", order["module"], *order["arguments"]], channel)

    def close(self) -> None:
        """End it, and what it has started."""
        if os.getpid() == self.owner:
            self._socket.close()
            self._process.wait()


_zygotes: dict[tuple[int, str], _Zygote] = {}
_starting = threading.Lock()


def _zygote(more: Mapping[str, str]) -> _Zygote:
    """The one of this process with more variables, started when it is first needed; a fork of pytest has its own."""
    key = os.getpid(), json.dumps(more, sort_keys=True)
    with _starting:
        if key not in _zygotes:
            _zygotes[key] = _Zygote(more)
        return _zygotes[key]


# The side of the helper.


class _Order(NamedTuple):
    """What to run, and with which descriptors."""

    module: str
    arguments: list[str]
    environment: dict[str, str]
    cwd: str
    session: bool
    standard: list[int]


@dataclass
class _Serving:
    """A child that has not ended."""

    pid: int
    channel: socket.socket


class _Server:
    """Forks a child for each order."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._children: dict[int, _Serving] = {}  # by the descriptor of the process
        self._poll = select.poll()
        self._poll.register(orders, select.POLLIN)

    def next_child(self) -> _Order | None:
        """Obey orders: returns the order in each child, and None in the helper itself once no more will come."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._children:
                    self._report_end(descriptor)
                    continue
                data, descriptors, _, _ = socket.recv_fds(self._orders, _LARGEST, 4, socket.MSG_CMSG_CLOEXEC)
                if not data:
                    self._end_all()
                    return None
                if self._fork(socket.socket(fileno=descriptors[0])):
                    return _Order(**_named(data), standard=descriptors[1:])
                for each in descriptors[1:]:
                    os.close(each)

    def _fork(self, channel: socket.socket) -> bool:
        """Fork; whether this is the child."""
        pid = os.fork()
        if pid == 0:
            for each in (self._orders, channel, *(child.channel for child in self._children.values())):
                each.detach()  # all descriptors are closed together; their numbers are soon those of others
            return True
        process = os.pidfd_open(pid)
        self._children[process] = _Serving(pid, channel)
        self._poll.register(process, select.POLLIN)
        with suppress(OSError):  # nobody wants to know
            socket.send_fds(channel, [str(pid).encode()], [process])
        return False

    def _report_end(self, process: int) -> None:
        """Tell the status of a child that has ended."""
        child = self._children.pop(process)
        self._poll.unregister(process)
        _, status = os.waitpid(child.pid, 0)
        os.close(process)
        with suppress(OSError):
            child.channel.send(str(os.waitstatus_to_exitcode(status)).encode())
        child.channel.close()

    def _end_all(self) -> None:
        """Kill what is left: whoever has started it is gone."""
        for process in list(self._children):
            signal.pidfd_send_signal(process, signal.SIGKILL)
            self._report_end(process)


def _named(data: bytes) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(data)
    return order


def _become(order: _Order) -> None:
    """Make this process what a fresh interpreter would be."""
    if order.session:
        os.setsid()
    for number, given in zip(_STANDARD, order.standard, strict=True):
        os.dup2(given, number)
    os.closerange(len(_STANDARD), os.sysconf("SC_OPEN_MAX"))
    for stream in (sys.stdout, sys.stderr):
        if stream.isatty():
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # they are those of the start
    for name in os.environ.keys() - order.environment.keys():
        del os.environ[name]
    os.environ.update(order.environment)
    tempfile.tempdir = None  # found anew, as the environment says
    os.chdir(order.cwd)
    sys.path[0] = order.cwd
    sys.argv[:] = ["", *order.arguments]  # the first is set with the module
    sys.orig_argv[:] = [sys.executable, "-m", order.module, *order.arguments]


def _warm_up() -> None:
    """Make a gateway, and let it go: what is computed once in a process is computed then."""
    from apientreprise_gateway.gateway.app import Gateway
    from apientreprise_gateway.gateway.settings import load

    Gateway(load(jwt_secrets="x" * 40, upstream_url="http://127.0.0.1:9"))


def _serve(orders: socket.socket) -> _Order:
    """Fork children; returns in each of them what it is to run."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for pytest
    for name in _MODULES:
        importlib.import_module(name)
    _warm_up()
    from setproctitle import getproctitle

    getproctitle()  # finds the room for titles, which it cannot once the environment is another
    gc.collect()
    gc.freeze()
    order = _Server(orders).next_child()
    if order is None:
        os._exit(0)
    signal.signal(signal.SIGINT, interrupt)
    _become(order)
    if _has_workers(order.arguments):
        nursery.begin()
    return order


if __name__ == "__main__":
    runpy.run_module(_serve(socket.socket(fileno=int(sys.argv[1]))).module, run_name="__main__", alter_sys=True)
