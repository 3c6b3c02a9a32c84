"""Where lines are written to: a file, a pipe, a socket, a terminal.

No write blocks in the system until somebody reads: a blocked thread could neither be given another sink nor be ended.
Lines of up to `PIPE_BUF` bytes go into a pipe whole or not at all, whoever else writes to it.
"""

import fcntl
import os
import select
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from apientreprise_gateway.config.private import takes_lock

_ATOMIC_BYTES: Final = select.PIPE_BUF
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Sink:
    """An open file that lines are written to, in one thread."""

    def __init__(self, fd: int, *, owned: bool, lock: int | None = None) -> None:
        """Write to a descriptor.

        Args:
            fd: opened for writing; one that may block is polled before each write.
            owned: whether to close it at the end.
            lock: descriptor of the file whose lock makes several processes write one after the other, if they do.
        """
        kind = os.fstat(fd).st_mode
        self._fd = fd
        self._owned = owned
        self._lock = lock
        self._is_locked = False
        self._is_file = stat.S_ISREG(kind)
        self.is_terminal = os.isatty(fd)
        """Whether lines are shown on a terminal."""
        self._asks = not self._is_file and os.get_blocking(fd)
        self._socket = socket.socket(fileno=os.dup(fd)) if stat.S_ISSOCK(kind) else None
        self._end = -1

    def write(self, data: memoryview) -> int:
        """Write some of the data; return how many bytes were taken.

        Raises:
            BlockingIOError: there is no room now.
            OSError: it cannot be written to.
        """
        if self._is_file:
            count = os.write(self._fd, data)
            self._end = -1 if count == len(data) else os.fstat(self._fd).st_size
            return count
        piece = _whole_lines(data)
        if self._socket is not None:
            return self._socket.send(piece, socket.MSG_DONTWAIT)
        if self._asks and not self.wait(0):
            raise BlockingIOError
        return os.write(self._fd, piece)

    def wait(self, seconds: float) -> bool:
        """Wait so many seconds for room; return whether there is some, or an error to meet."""
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        return bool(poll.poll(seconds * 1000))

    def take_back(self, count: int) -> None:
        """Remove the last `count` bytes written, part of a line; does nothing where the sink is no file."""
        if not count or not self._is_file:
            return
        with suppress(OSError):
            if os.fstat(self._fd).st_size == self._end:  # nobody else has written since
                os.ftruncate(self._fd, self._end - count)
                os.lseek(self._fd, 0, os.SEEK_END)

    def lock(self) -> bool:
        """Whether this process may write now; if so, it may until `unlock`."""
        if self._lock is not None and not self._is_locked:
            self._is_locked = takes_lock(self._lock)
            return self._is_locked
        return True

    def unlock(self) -> None:
        """Let other processes write."""
        if self._lock is not None and self._is_locked:
            with suppress(OSError):
                fcntl.flock(self._lock, fcntl.LOCK_UN)
            self._is_locked = False

    def close(self) -> None:
        """Close the descriptors that it owns."""
        self.unlock()
        if self._socket is not None:
            self._socket.close()
        for fd in {self._fd if self._owned else None, self._lock}:
            if fd is not None:
                with suppress(OSError):  # a network file system may report an error only here
                    os.close(fd)


def open_file(path: Path) -> Sink:
    """A sink that appends to a file, which is made if it is not there; processes that share it write in turns.

    Raises:
        OSError: it cannot be opened; a named pipe must have a reader.
    """
    fd = os.open(path, _FLAGS | os.O_CREAT, 0o640)
    return Sink(fd, owned=True, lock=fd)


def standard(fd: int, *, lock: Path | None = None) -> Sink:
    """A sink for standard output (1) or standard error (2).

    Args:
        fd: which of them.
        lock: a file whose lock makes several processes write one after the other.

    Raises:
        OSError: it is closed, or the lock cannot be opened.
    """
    turns = None if lock is None else os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        # Opened anew to be non-blocking for us alone: the descriptor is shared with others, such as a shell.
        with suppress(OSError):  # a socket, or another user's
            own = os.open(f"/proc/self/fd/{fd}", _FLAGS)
            return Sink(own, owned=True, lock=turns)
    return Sink(fd, owned=False, lock=turns)


def _whole_lines(data: memoryview) -> memoryview:
    """The lines that a pipe takes in one piece; only the start of the first one if it is longer than that."""
    if len(data) <= _ATOMIC_BYTES:
        return data
    end = bytes(data[:_ATOMIC_BYTES]).rfind(b"\n") + 1
    return data[: end or _ATOMIC_BYTES]
