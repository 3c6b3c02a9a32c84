"""Moves the memory of a process into huge pages, where the system allows it.

A worker reads many small objects for each call, spread over tens of MiB. In pages of 4 KiB these are more than a
processor remembers the places of (its TLB), and looking one up costs most in a virtual machine. In pages of 2 MiB they
are a few dozen: 3 to 12 % less CPU per call (docs/performance.md). Only ranges that are in use anyway are moved, so
that no memory is added. Linux from 6.1 on moves at once (`MADV_COLLAPSE`); an older one does it bit by bit; where
`/sys/kernel/mm/transparent_hugepage/enabled` says `never`, nothing happens.
"""

import ctypes
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_PAUSES: Final = (0.3, 60.0)
"""Seconds before each move: the first takes what was made at the start, and is over before there is much to do; the
second takes what the first calls have added."""
_HUGE_BYTES: Final = 2 * 1024 * 1024
_IN_USE: Final = 0.75
"""Share of a range that must be in memory: less is a stack, or kept for later."""
_MADV_HUGEPAGE: Final = 14
_MADV_COLLAPSE: Final = 25
_MAPS: Final = Path("/proc/self/smaps")
_RANGE: Final = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0 *(?:|\[heap\]|\[anon:.*\])\nSize: .*\n(?:(?!Rss).*\n)*Rss: +(\d+) kB$",
    re.MULTILINE,
)
"""A range of anonymous memory in the system's list, with how much of it is in memory."""


class Range(NamedTuple):
    """Addresses of memory, from `start` up to `end`, whole huge pages."""

    start: int
    end: int


def move_soon() -> None:
    """Have a thread move memory twice, soon after the start, which it would delay by a tenth of a second, and later."""

    def run() -> None:
        for pause in _PAUSES:
            # Not `time.sleep`, which fails where the clock jumps.
            threading.Event().wait(pause)
            move()

    threading.Thread(target=run, name="huge-pages", daemon=True).start()


def move() -> int:
    """Move what is in memory now into huge pages; returns the bytes that were moved at once.

    It takes a tenth of a second, hardly any of it with the interpreter's lock.
    """
    try:
        madvise = ctypes.CDLL(None).madvise
        ranges = list(in_use(_MAPS.read_text()))
    except (OSError, AttributeError):  # no Linux, or no list of ranges
        return 0
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    moved = 0
    for start, end in ranges:
        if madvise(start, end - start, _MADV_HUGEPAGE) == 0 and madvise(start, end - start, _MADV_COLLAPSE) == 0:
            moved += end - start
    return moved


def in_use(maps: str) -> Iterator[Range]:
    """The ranges worth moving, from the system's list (`/proc/PID/smaps`, see proc(5))."""
    for first, last, resident in _RANGE.findall(maps):
        low, high = int(first, 16), int(last, 16)
        start, end = -(-low // _HUGE_BYTES) * _HUGE_BYTES, high // _HUGE_BYTES * _HUGE_BYTES
        if start < end and int(resident) * 1024 >= _IN_USE * (high - low):
            yield Range(start, end)
