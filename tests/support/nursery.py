"""Workers of a forked gateway, started by a fork as well.

`multiprocessing` would start a fresh interpreter for each worker. What starts workers here is a process of its own that
is forked before the gateway begins, when there is neither a thread nor a setting. It makes a worker what a fresh
interpreter would be, with the descriptors, environment, folder, limits and signal mask of the gateway at that moment,
and hands it over: its parent is the gateway. It ends with the gateway.
"""

import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from itertools import pairwise
from multiprocessing import util
from typing import Any, Final

from prometheus_client import values

_PR_SET_CHILD_SUBREAPER: Final = 36
_LARGEST: Final = 1 << 17
_STANDARD: Final = (0, 1, 2)
_BEYOND: Final = 500
"""Numbers of descriptors from here on are used by nobody else."""
_LIMITS: Final = (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_AS)


def begin() -> None:
    """Have `multiprocessing` fork workers from now on; call it while this process is like a fresh interpreter."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        _serve(theirs)
    theirs.close()
    orders = socket.socket(fileno=fcntl.fcntl(ours.fileno(), fcntl.F_DUPFD_CLOEXEC, _BEYOND))
    ours.close()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # children of a dead child become ours
    fresh = util.spawnv_passfds

    def start(path: bytes, args: Sequence[Any], passfds: Sequence[int]) -> int:
        return _order(orders, args, sorted(passfds)) if "spawn_main" in str(args) else fresh(path, args, passfds)

    util.spawnv_passfds = start


def _order(orders: socket.socket, args: Sequence[Any], passed: list[int]) -> int:
    """Have a worker started; its process id."""
    order = {
        "args": [os.fsdecode(arg) for arg in args],
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
        "passed": passed,
        "masked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        "limits": [[limit, resource.getrlimit(limit)] for limit in _LIMITS],
    }
    socket.send_fds(orders, [json.dumps(order).encode()], [*_STANDARD, *passed])
    pid, error = json.loads(orders.recv(64))
    if error:
        raise OSError(error, os.strerror(error))
    return int(pid)


def _serve(orders: socket.socket) -> None:
    """Start a worker for each order, until the gateway has ended; returns in none of the processes."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # what all of its group are sent is not for this
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in _STANDARD:
        os.dup2(nowhere, number)
    while True:
        data, descriptors, _, _ = socket.recv_fds(orders, _LARGEST, 64, socket.MSG_CMSG_CLOEXEC)
        if not data:
            os._exit(0)
        try:
            said = [_start(json.loads(data), descriptors), 0]
        except OSError as error:
            said = [0, error.errno or errno.EAGAIN]
        for each in descriptors:
            os.close(each)
        orders.send(json.dumps(said).encode())


def _start(order: dict[str, Any], descriptors: list[int]) -> int:
    """Fork a child that forks the worker and ends, so that the gateway becomes the parent of the worker."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            worker = os.fork()
        except OSError:
            os._exit(1)
        if worker == 0:
            _become(order, descriptors)
            exec(order["args"][order["args"].index("-c") + 1], {})
            sys.exit()
        os.write(writer, str(worker).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as told:
        pid = told.read()
    os.waitpid(child, 0)
    if not pid:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return int(pid)


def _become(order: dict[str, Any], descriptors: list[int]) -> None:
    """Make this process what a fresh interpreter would be."""
    wanted = [*_STANDARD, *order["passed"]]
    aside = [fcntl.fcntl(each, fcntl.F_DUPFD, _BEYOND) for each in descriptors]
    for given, number in zip(aside, wanted, strict=True):
        os.dup2(given, number)
    for before, number in pairwise([*wanted, os.sysconf("SC_OPEN_MAX")]):
        os.closerange(before + 1, number)
    for name in os.environ.keys() - order["environment"].keys():
        del os.environ[name]
    os.environ.update(order["environment"])
    os.chdir(order["cwd"])
    for limit, numbers in order["limits"]:
        resource.setrlimit(limit, numbers)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # chosen by the environment
    sys.argv[:] = ["-c", "--multiprocessing-fork"]
    sys.orig_argv[:] = order["args"]
    signal.pthread_sigmask(signal.SIG_SETMASK, order["masked"])
