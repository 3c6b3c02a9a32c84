"""Has glibc keep memory that was freed, for a while, in place of returning each large block to the system at once.

An answer of 100 KiB is a few blocks of that size, which live for a millisecond. glibc gives them back to the system as
soon as 128 KiB are free at the end of its memory, and the next answer has its pages made and cleared again: 7 to 10
page faults an answer, where there are now hardly any (docs/performance.md). It learns better only from still larger
blocks, and then without much of a bound: up to 64 MiB for each of its arenas, of which there may be eight for each
processor.

Other C libraries are left alone, and so is whatever the environment of the process says by glibc's own variables.
"""

import ctypes
import os
from typing import Final, NamedTuple

KEPT_BYTES: Final = 16 * 1024 * 1024
"""Free bytes that may stay at the end of an arena: blocks of 100 KiB for 64 calls at once, twice."""
LARGE_BYTES: Final = 4 * 1024 * 1024
"""Size from which a block is the system's own, and returned when it is freed."""
ARENAS: Final = 2
"""So twice `KEPT_BYTES` are the most that a process keeps so. Threads take turns anyway, for the interpreter's lock."""

_TUNABLES: Final = "GLIBC_TUNABLES"


class _Option(NamedTuple):
    """A parameter of glibc's `mallopt`, the value it gets, and the variable by which an operator gives another."""

    number: int
    value: int
    variable: str


_OPTIONS: Final = (
    _Option(-1, KEPT_BYTES, "MALLOC_TRIM_THRESHOLD_"),
    _Option(-3, LARGE_BYTES, "MALLOC_MMAP_THRESHOLD_"),
    _Option(-8, ARENAS, "MALLOC_ARENA_MAX"),
)


def keep() -> None:
    """Keep free memory from now on."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # no glibc
        return
    if "glibc.malloc" in os.environ.get(_TUNABLES, ""):
        return
    for number, value, variable in _OPTIONS:
        if variable not in os.environ:
            mallopt(number, value)
