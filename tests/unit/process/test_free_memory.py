"""Freed memory is kept within a bound, where the C library is glibc."""

import ctypes
import os
import subprocess
import sys

import pytest

from apientreprise_gateway.process import free_memory
from apientreprise_gateway.process.free_memory import ARENAS, KEPT_BYTES

OURS = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_ARENA_MAX")
BLOCKS = """
import resource, sys
from apientreprise_gateway.process import free_memory
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
def faults(size, count):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        blocks = [bytes(size) for _ in range(count)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
"""
"""The beginning of a program that counts pages made for blocks that live for a moment."""


def told(program: str, **variables: str) -> list[int]:
    """What a program prints, in a process whose environment has no say but by these variables."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=kept | variables
    )
    return [int(word) for word in done.stdout.split()]


def has_glibc() -> bool:
    """Whether the C library is glibc."""
    return hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


needs_glibc = pytest.mark.skipif(not has_glibc(), reason="the C library is not glibc")


@needs_glibc
def test_blocks_of_a_hundred_kilobytes_come_from_memory_that_is_there() -> None:
    """64 of them, again and again, make pages anew each time before, and hardly any afterwards."""
    program = BLOCKS + "print(faults(100_000, 64)); free_memory.keep(); faults(100_000, 64); print(faults(100_000, 64))"
    before, after = told(program)
    assert before > 5000
    assert after < 500


@needs_glibc
def test_what_is_kept_is_bounded() -> None:
    """After ten times as many bytes in blocks of any size, no more than the bound stays."""
    program = (
        BLOCKS
        + """
free_memory.keep()
before = resident()
for size in (20_000, 100_000, 1_000_000, 3_900_000, 5_000_000, 40_000_000):
    faults(size, max(1, 200_000_000 // size))
    print(resident() - before)
"""
    )
    for kept in told(program):
        assert kept < KEPT_BYTES + 4 * 1024 * 1024


@needs_glibc
def test_threads_share_few_arenas() -> None:
    """However many threads take memory at once."""
    program = """
import ctypes, sys, threading
from apientreprise_gateway.process import free_memory
free_memory.keep()
all_there = threading.Barrier(24)
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
def take():
    all_there.wait()
    libc.malloc(50_000)
    all_there.wait()
threads = [threading.Thread(target=take) for _ in range(24)]
for thread in threads: thread.start()
for thread in threads: thread.join()
read, write = __import__("os").pipe()
libc.fdopen.restype, libc.malloc_info.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
libc.fflush.argtypes = [ctypes.c_void_p]
stream = libc.fdopen(write, b"w")
libc.malloc_info(0, stream)
libc.fflush(stream)
print(__import__("os").read(read, 65536).count(b"<heap nr="))
"""
    assert told(program) == [ARENAS]


@needs_glibc
@pytest.mark.parametrize(
    "variables",
    [{"MALLOC_TRIM_THRESHOLD_": "131072"}, {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=131072"}],
    ids=["variable", "tunable"],
)
def test_what_the_operator_says_holds(variables: dict[str, str]) -> None:
    """By glibc's own variables, of which one for something else says nothing."""
    program = BLOCKS + "free_memory.keep(); faults(100_000, 64); print(faults(100_000, 64))"
    assert told(program, **variables)[0] > 5000
    assert told(program, GLIBC_TUNABLES="glibc.pthread.rseq=1")[0] < 500


@pytest.mark.parametrize("found", ["", "musl"])
def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    """Neither without that library nor with another of its name."""

    def opened(_name: str) -> object:
        if not found:
            raise OSError(_name)
        return object()

    monkeypatch.setattr(ctypes, "CDLL", opened)
    free_memory.keep()
