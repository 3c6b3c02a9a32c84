"""Gives a disk back what the stored part of a file takes, for files that nobody rotates.

The file keeps its length, and its first bytes, by which it is known; what is stored reads as zeros from then on.
"""

import ctypes
import os
from typing import Final

import structlog

KEPT_BYTES: Final = 64 * 1024
"""Bytes at its beginning that a file keeps; whole blocks of any disk."""
LEAST_BYTES: Final = 16 * 1024 * 1024
"""Bytes that are given back at once."""
_PUNCH_HOLE: Final = 0x02 | 0x01  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
_log = structlog.get_logger(__name__)


class Freeing:
    """How far the space of one open file is given back."""

    def __init__(self) -> None:
        self._freed = KEPT_BYTES
        self._is_possible = True

    def up_to(self, descriptor: int, position: int) -> None:
        """Give back what lies before a position, once that is worth it."""
        end = position - position % KEPT_BYTES
        if not self._is_possible or end - self._freed < LEAST_BYTES:
            return
        try:
            _punch(descriptor, self._freed, end)
        except OSError as error:
            self._is_possible = False
            _log.warning("journal_space_not_freed", reason=error.strerror, effect="the file grows")
        self._freed = end


def _punch(descriptor: int, start: int, end: int) -> None:
    writable = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_CLOEXEC)  # the same file, whatever its name
    try:
        fallocate = ctypes.CDLL(None, use_errno=True).fallocate
        fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
        if fallocate(writable, _PUNCH_HOLE, start, end - start):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(writable)
