"""Whose turn it is to fetch, among processes that share a file."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apientreprise_gateway.config.private import takes_lock


class Turn:
    """A file that is locked during a fetch; its date is that of the last one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._own = 0.0

    @property
    def age(self) -> float:
        """Seconds since any of them last began to fetch."""
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

    def note(self) -> None:
        """A fetch begins."""
        self._own = time.time()
        if self._path is not None:
            try:
                self._path.write_bytes(b"The date of this file is that of the last fetch.\n")
            except OSError:
                return  # told of with the copy

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Whether it is ours, until the end of the block."""
        try:
            lock = None if self._path is None else os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            lock = None  # told of with the copy
        if lock is None:
            yield True
            return
        try:
            yield takes_lock(lock)
        finally:
            os.close(lock)
