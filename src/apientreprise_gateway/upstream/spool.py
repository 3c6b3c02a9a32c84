"""Temporary files for long answers, written while they come in.

Such a file has no name, so that nothing is left of it once it is closed, even if the process dies. The disk is accessed
in threads of its own, shared fairly among providers: a slow disk delays only long answers, and a provider that sends
much delays only itself.
"""

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final, Protocol, TypeVar

from apientreprise_gateway.net.threads import FairThreads

_THREADS: Final = 4
_T = TypeVar("_T")


class Sink(Protocol):
    """Receives a long body, part by part."""

    async def write(self, data: bytes) -> None:
        """Write the next part; await it before the next call."""

    async def close(self) -> None:
        """Note that the body is complete."""

    def discard(self) -> None:
        """Delete the body; allowed at any time, also during a `write`, and more than once."""


class SpoolFile:
    """A body in a temporary file, which lives until it is discarded."""

    def __init__(self, folder: Path | None, threads: FairThreads, owner: str) -> None:
        self._folder = folder
        self._threads = threads
        self._owner = owner
        self._lock = threading.Lock()
        """Held while a thread uses the file."""
        self._file: IO[bytes] | None = None
        self._discarded = False
        self.size = 0
        """Bytes written so far."""

    async def write(self, data: bytes) -> None:
        """Write the next part.

        Raises:
            OSError: it cannot be written.
        """
        await self._in_thread(lambda: self._append(data))
        self.size += len(data)

    async def close(self) -> None:
        """Note that the body is complete; `file` may then be read from its start."""
        await self._in_thread(self._rewind)

    def discard(self) -> None:
        """Delete the file; a write under way ends first, in its thread."""
        self._discarded = True
        try:
            self._threads.submit(self._owner, self._free)
        except RuntimeError:  # the threads have ended
            self._free()

    @property
    def file(self) -> IO[bytes]:
        """The open file, at its start once `close` has been awaited; read it in a thread.

        Raises:
            ValueError: nothing was written yet, or it was discarded.
        """
        if self._file is None or self._discarded:
            raise ValueError("nothing is spooled")
        return self._file

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await self._threads.run(self._owner, work)

    def _append(self, data: bytes) -> None:
        with self._lock:
            if not self._discarded:
                self._open().write(data)

    def _rewind(self) -> None:
        with self._lock:
            if not self._discarded:
                self._open().seek(0)  # flushes

    def _open(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - `discard` closes it
        return self._file

    def _free(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class Spool:
    """Makes temporary files, when called."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take the folder; the system's own if None."""
        self._folder = folder
        self.threads: Final = FairThreads(_THREADS, "spool")

    def __call__(self, owner: str = "") -> SpoolFile:
        """A new file for an answer of the provider `owner`; it is not opened before something is written."""
        return SpoolFile(self._folder, self.threads, owner)

    def close(self) -> None:
        """End the threads, once their work is done."""
        self.threads.close()
