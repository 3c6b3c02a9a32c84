"""What the gateway keeps of the memory that answers took."""

import ctypes
import resource
from contextlib import ExitStack
from pathlib import Path

import pytest

from apientreprise_gateway.process.free_memory import ARENAS, KEPT_BYTES
from support.site import ROOMY, Site, fresh, site, wait_until
from support.stub import always, answer
from support.wire import request, wire

LIMITS = ROOMY | {"limit_json": "100000", "duplicates": "count"}
has_glibc = hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


def long_answer(size: int) -> bytes:
    """The raw answer of a provider with so many bytes of data."""
    return answer(b'{"data":{"siren":"130025265","x":"' + b"a" * size + b'"},"links":{},"meta":{}}')


def ask(asked: Site, *, at_once: int, times: int) -> None:
    """Make calls on several connections at once, so many times."""
    data = request(token=fresh())
    with ExitStack() as kept:
        wires = [kept.enter_context(wire(asked.program.port)) for _ in range(at_once)]
        for _ in range(times):
            for each in wires:
                each.send(data)
            for each in wires:
                assert each.answer().status == 200


def made_pages(asked: Site) -> int:
    """Pages that the system has made for the process so far."""
    return int(Path(f"/proc/{asked.program.process.pid}/stat").read_text().rpartition(")")[2].split()[7])


def resident(asked: Site) -> int:
    """Bytes of its memory."""
    return int(Path(f"/proc/{asked.program.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not has_glibc, reason="the C library is not glibc")
def test_answers_of_100_kib_take_memory_that_is_there(tmp_path: Path) -> None:
    """An answer of 100 KiB has 25 pages for each of its copies; hardly one of them is made anew."""
    with site(tmp_path, always(long_answer(100 * 1024)), **LIMITS) as own:
        ask(own, at_once=32, times=4)
        before = made_pages(own)
        ask(own, at_once=32, times=20)
        assert made_pages(own) - before < 640


@pytest.mark.parametrize("size", [1_000_000, 3_500_000])
def test_memory_of_long_answers_is_given_back(tmp_path: Path, size: int) -> None:
    """Of many at once, no more stays than what may be kept, and what they leave between other things."""
    with site(tmp_path, always(long_answer(size)), **LIMITS) as own:
        ask(own, at_once=4, times=2)
        before = resident(own)
        ask(own, at_once=8, times=6)
        wait_until(lambda: resident(own) - before < ARENAS * KEPT_BYTES + 32 * 1024 * 1024)
