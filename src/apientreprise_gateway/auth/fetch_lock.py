"""A file lock, so that processes that share a copy of a key set fetch it one at a time."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apientreprise_gateway.config.private import takes_lock


class FetchLock:
    """A file that is locked during a fetch; its modification time is that of the last fetch."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._own = 0.0

    @property
    def seconds_since_fetch(self) -> float:
        """Seconds since any process last began to fetch."""
        # Taking the lock makes an empty file; only a fetch writes into it.
        last = self._noted() or self._own
        now = time.time()
        return now - last if last <= now else now  # the clock was set back

    def _noted(self) -> float:
        try:
            stat = None if self._path is None else self._path.stat()
        except OSError:
            return 0.0
        return 0.0 if stat is None or not stat.st_size else stat.st_mtime

    def note_fetch(self) -> None:
        """Record that a fetch begins now."""
        self._own = time.time()
        if self._path is not None:
            try:
                self._path.write_bytes(b"The date of this file is that of the last fetch.\n")
            except OSError:
                return  # logged with the copy

    @contextmanager
    def acquired(self) -> Iterator[bool]:
        """Try to take the lock for the block; yields whether this process holds it (True if the file is unusable)."""
        try:
            lock = None if self._path is None else os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            lock = None  # logged with the copy
        if lock is None:
            yield True
            return
        try:
            yield takes_lock(lock)
        finally:
            os.close(lock)
