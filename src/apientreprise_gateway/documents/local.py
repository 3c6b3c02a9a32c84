"""A document store in a folder, shared by the workers of a host, or by several hosts over a network file system.

    folder/incoming/    documents that are being written; moved once complete
    folder/{hour}/      documents that expire in that hour, named by a digest
    folder/seal         the secret that seals links

After the start the disk is accessed in threads only.
"""

import asyncio
import errno
import math
import os
import secrets
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from apientreprise_gateway.config.private import ONLY_OURS, own_folder
from apientreprise_gateway.documents.files import Content, Disk, OpenFile, write_all
from apientreprise_gateway.documents.links import is_past
from apientreprise_gateway.documents.store import SECRET_BYTES, Kept, StoreError
from apientreprise_gateway.net.threads import FairThreads
from apientreprise_gateway.observability.pause import pause

ABANDONED_SECONDS: Final = 3600.0
"""Seconds after which a document that is still being written was left by a process that died."""
TIMEOUT_SECONDS: Final = 30.0
"""Seconds that a disk may take for one operation."""
_CHUNK_BYTES: Final = 128 * 1024
_COPY_BYTES: Final = 4 * 1024 * 1024
"""Bytes copied at once: between two parts other owners get their turn, and a cancelled copy stops."""
_SWEEPER: Final = "removal"
_INCOMING: Final = "incoming"
_SEAL: Final = "seal"
_FIRST_SECONDS: Final = 1.0
"""Seconds that the first writer may take; after that it is taken for dead, and its file is replaced."""
_THREADS: Final = 8
_T = TypeVar("_T")


class LocalStore:
    """A `DocumentStore` in a folder."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Make the folder, which only the user of this process may enter.

        Args:
            folder: made if it does not exist, with its parent.
            clock: Unix time in seconds, to find what processes that died have left.

        Raises:
            OSError: it cannot be made or written to.
            PermissionError: it belongs to somebody else, or others may enter it.
        """
        self._folder = folder
        self._incoming = folder / _INCOMING
        self._clock = clock
        self._make()
        self.threads: Final = FairThreads(_THREADS, "documents")

    @property
    def incoming(self) -> Path:
        """A folder for temporary files, on the same disk as the documents."""
        return self._incoming

    async def start(self) -> None:
        """Do nothing: the folder was made before."""

    async def put(self, key: str, content: Content, *, owner: str = "") -> None:
        """Keep a document.

        Raises:
            StoreError: it cannot be written.
        """
        incoming = self._incoming / secrets.token_hex(16)
        moved = False
        try:
            file = await self._in_thread(owner, lambda: _create(incoming))
            for start in range(0, content.size, _COPY_BYTES):
                await self._in_thread(owner, partial(_copy, content, file, start))
            await self._in_thread(owner, lambda: self._move(incoming, key))
            moved = True
        finally:
            if not moved:
                with suppress(RuntimeError):  # the threads have ended: the sweeper will remove the file
                    self.threads.submit(owner, lambda: incoming.unlink(missing_ok=True))

    async def open(self, key: str, *, owner: str = "") -> Kept | None:
        """The document of a key; None if there is none.

        Raises:
            StoreError: the disk cannot be read.
        """
        disk = await self._in_thread(owner, lambda: self._open(key))
        return None if disk is None else _OpenFile(disk, lambda work: self._in_thread(owner, work))

    async def secret(self, proposed: bytes) -> bytes:
        """The secret that seals links; `proposed` is kept and returned if there was none.

        Raises:
            StoreError: the disk cannot be read or written to.
        """
        return await self._in_thread("", lambda: self._secret_or(proposed))

    async def remove_ended(self, moment: float, *, most: int, beyond: float = math.inf) -> int:
        """Remove documents of hours that are over at `moment` or begin after `beyond`, and what dead processes left.

        Raises:
            StoreError: the folder cannot be read.
        """
        return await self._in_thread(_SWEEPER, lambda: self._remove(moment, beyond, most))

    async def close(self) -> None:
        """End the threads once all queued work is done."""
        self.threads.close()

    async def _in_thread(self, owner: str, work: Callable[[], _T]) -> _T:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self.threads.run(owner, work)
        except TimeoutError as error:
            raise StoreError(f"{self._folder}: no answer within {TIMEOUT_SECONDS:.0f} s") from error
        except OSError as error:
            raise StoreError(str(error)) from error

    # These run in a thread, except the first `_make`.

    def _make(self) -> None:
        """Make the folders; they may have been removed since the start."""
        own_folder(self._folder)
        self._incoming.mkdir(mode=ONLY_OURS, exist_ok=True)
        if not os.access(self._incoming, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self._incoming))

    def _move(self, incoming: Path, key: str) -> None:
        """Move a complete document to the place of its key."""
        place = self._folder / key
        place.parent.mkdir(mode=ONLY_OURS, exist_ok=True)
        try:
            incoming.replace(place)
        except FileNotFoundError:  # the empty folder of the hour was removed meanwhile, by a clock that is ahead
            place.parent.mkdir(mode=ONLY_OURS, exist_ok=True)
            incoming.replace(place)

    def _open(self, key: str) -> Disk | None:
        try:
            return Disk(OpenFile(os.open(self._folder / key, os.O_RDONLY | os.O_NOFOLLOW)))
        except FileNotFoundError:
            return None

    def _secret_or(self, proposed: bytes) -> bytes:
        place = self._folder / _SEAL
        found = _read(place)
        if len(found) >= SECRET_BYTES:
            return found
        self._make()
        incoming = self._incoming / secrets.token_hex(16)
        try:
            file = _create(incoming)
            write_all(file.fd, proposed)
            if not _link(incoming, place):
                _write_first(place, proposed)
            if len(found := _read(place)) >= SECRET_BYTES:
                return found  # ours, or that of a process that was faster
            incoming.replace(place)
        finally:
            incoming.unlink(missing_ok=True)
        return proposed

    def _remove(self, moment: float, beyond: float, most: int) -> int:
        self._make()
        removed = 0
        for place in self._ended(moment, beyond):
            if removed >= most:
                return removed
            removed += _unlink(place)
        for bucket in self._buckets(moment, beyond):
            _remove_folder(bucket)
        return removed

    def _ended(self, moment: float, beyond: float) -> Iterator[Path]:
        """Files to remove, found without listing all files."""
        for folder in self._buckets(moment, beyond):
            yield from (Path(entry.path) for entry in _entries(folder))
        now = self._clock()  # a file dated in the future was written by a clock that was ahead: hence `abs`
        for entry in _entries(self._incoming):
            if abs(now - _modified(entry)) > ABANDONED_SECONDS:
                yield Path(entry.path)

    def _buckets(self, moment: float, beyond: float) -> Iterator[Path]:
        """The folders of hours that are over, or too far in the future."""
        names = [entry.name for entry in _entries(self._folder)]
        yield from (self._folder / name for name in names if is_past(name, moment, beyond=beyond))


class _OpenFile:
    """A document that is being read."""

    chunk = _CHUNK_BYTES

    def __init__(self, disk: Disk, in_thread: "_InThread") -> None:
        self._disk: Disk | None = disk
        self._in_thread = in_thread
        self.size = disk.size

    async def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on.

        Raises:
            StoreError: they cannot be read.
        """
        disk = self._disk
        assert disk is not None, "read after close"  # noqa: S101 - a bug of the caller
        return await self._in_thread(lambda: disk.read(start, length))

    async def close(self) -> None:
        """Close the file, once no thread reads it any more."""
        self._disk = None


_InThread = Callable[[Callable[[], bytes]], Coroutine[Any, Any, bytes]]


def _create(place: Path) -> OpenFile:
    return OpenFile(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _read(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except FileNotFoundError:
        return b""


def _link(source: Path, place: Path) -> bool:
    """Hard-link a file, unless the name is taken; False if the file system has no hard links."""
    try:
        os.link(source, place)
    except FileExistsError:
        return True
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        return False
    return True


def _write_first(place: Path, content: bytes) -> None:
    """Create a file, or wait until the process that created it has written it: without hard links it is empty first."""
    try:
        file = _create(place)
        write_all(file.fd, content)
    except FileExistsError:
        end = time.monotonic() + _FIRST_SECONDS
        while len(_read(place)) < len(content) and time.monotonic() < end:
            pause(_FIRST_SECONDS / 100)


def _copy(content: Content, file: OpenFile, start: int) -> None:
    content.copy_to(file.fd, start, _COPY_BYTES)


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """The entries of a folder; none if another worker has removed it."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return


def _unlink(place: Path) -> int:
    """Remove a file; return the number of files removed, 0 or 1."""
    try:
        place.unlink()
    except FileNotFoundError:  # another worker was faster
        return 0
    return 1


def _remove_folder(folder: Path) -> None:
    """Remove the folder of an hour, if it is empty by now."""
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise


def _modified(entry: "os.DirEntry[str]") -> float:
    """When a file was last written to, Unix time in seconds; infinity if it is gone."""
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return math.inf
