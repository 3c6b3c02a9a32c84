"""Memory is moved into huge pages where the system allows it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from apientreprise_gateway.process import huge_pages
from apientreprise_gateway.process.huge_pages import Range, in_use

ALLOWED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
MIB = 1024 * 1024


def listed(start: int, size: int, *, resident: int, name: str = "", rights: str = "rw-p", inode: int = 0) -> str:
    """A range of memory as the system lists it, sizes in kB."""
    head = f"{start:x}-{start + size * 1024:x} {rights} 00000000 00:00 {inode} {name}".rstrip()
    return f"{head}\nSize: {size} kB\nKernelPageSize: 4 kB\nRss: {resident} kB\nPss: 1 kB\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (listed(0x7F0000000000, 4096, resident=4096), [Range(0x7F0000000000, 0x7F0000400000)]),
        (listed(0x5500000FF000, 6144, resident=6000, name=" [heap]"), [Range(0x550000200000, 0x550000600000)]),
        (listed(0x7F0000000000, 4096, resident=4096, name=" [anon: a]"), [Range(0x7F0000000000, 0x7F0000400000)]),
        (listed(0x7F0000000000, 8192, resident=200), []),
        (listed(0x7F0000001000, 3072, resident=3072), []),
        (listed(0x7F0000000000, 4096, resident=4096, name=" [stack]"), []),
        (listed(0x7F0000000000, 4096, resident=4096, rights="r-xp"), []),
        (listed(0x7F0000000000, 4096, resident=4096, inode=77, name=" /usr/lib/libx.so"), []),
        ("", []),
    ],
    ids=["whole", "inner part", "named", "hardly used", "no whole page", "stack", "code", "file", "nothing"],
)
def test_only_memory_in_use_is_moved(text: str, expected: list[Range]) -> None:
    """A range counts by its aligned inner part; code, files, stacks and what is hardly used stay."""
    around = listed(0x7E0000000000, 4, resident=4)
    assert list(in_use(around + text + around)) == expected


def test_memory_is_in_huge_pages_afterwards() -> None:
    """In a process of its own, whose large block the system then counts as huge pages, without more memory."""
    if not ALLOWED.exists() or "[never]" in ALLOWED.read_text():
        pytest.skip("the system has no transparent huge pages")
    program = """
import re
from pathlib import Path
from apientreprise_gateway.process.huge_pages import move
block = bytearray(b"x" * (32 << 20))
def sizes():
    text = Path("/proc/self/smaps_rollup").read_text()
    return [int(re.search(rf"^{name}: +([0-9]+)", text, re.M)[1]) for name in ("Rss", "AnonHugePages")]
before = sizes()
print(move() >> 20, *before, *sizes())
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    moved, rss_before, huge_before, rss, huge = map(int, told.split())
    if moved == 0:
        pytest.skip("this system moves nothing at once (Linux before 6.1, or no huge page is free)")
    assert huge >= huge_before
    assert huge >= 16 * 1024
    assert rss < rss_before + 16 * 1024


def test_without_the_list_of_ranges_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on other systems than Linux."""
    monkeypatch.setattr(huge_pages, "_MAPS", tmp_path / "missing")
    assert huge_pages.move() == 0


def test_the_systems_own_list_is_understood() -> None:
    """Each range that is found is one of the list, aligned."""
    maps = Path("/proc/self/smaps").read_text()
    found = list(in_use(maps))
    spans = [(int(a, 16), int(b, 16)) for a, b in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw-p", maps, re.MULTILINE)]
    for start, end in found:
        assert start % (2 * MIB) == end % (2 * MIB) == 0
        assert any(low <= start < end <= high for low, high in spans)
