"""Work on a provider's answer: it has the provider's deadline, and holds up no other provider's."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.papers import ASSOCIATION, PROBTP, VIGILANCE_V3, Papers, as_base64, as_file, encoded, envelope, pdf
from support.programs import Program
from support.site import EXTRAIT_RCS, GOOD_BODY, LONG, ROOMY, UNITE_LEGALE, Site, codes, fresh, wait_until
from support.site import site as started
from support.stub import answer

SMALL = pdf(2000)
MB = 1024 * 1024
DEADLINE = 1.5
"""Seconds that providers have here."""


def long_answer(text: str) -> bytes:
    """The answer that has a text in place of the file."""
    return answer(b'{"data":{"document":"%b"},"links":{},"meta":{}}' % text.encode())


def chunked(raw: bytes) -> bytes:
    """An answer in chunks, without a length."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"content-length")]
    parts = [body[start : start + 50_000] for start in range(0, len(body), 50_000)]
    return b"\r\n".join([*lines, b"transfer-encoding: chunked", b"", b""]) + b"".join(
        b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""]
    )


def escaped(text: str) -> str:
    """A text whose every sign is escaped."""
    return "".join(f"\\u{ord(sign):04x}" for sign in text)


HEAVY = {
    "escaped": lambda: long_answer(escaped(encoded(pdf(8 * MB)))),
    "escaped, in chunks": lambda: chunked(long_answer(escaped(encoded(pdf(8 * MB))))),
    "percent-encoded": lambda: long_answer("data:application/pdf;base64," + "%4A" * (20 * MB)),
    "escaped slashes": lambda: long_answer("\\/" * (30 * MB)),
    "escaped quotes": lambda: long_answer('\\"' * (30 * MB)),
    "blanks": lambda: long_answer(" " * (60 * MB)),
    "many strings": lambda: answer(b"[" + b'"",' * (20 * MB) + b"1]"),
}
"""Answers that take long to read."""


def _seconds(program: Program) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{program.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watch:
    """Begins now."""

    def __init__(self, site: Site) -> None:
        self._program = site.program
        self._began, self._used = time.monotonic(), _seconds(site.program)

    def seconds(self) -> float:
        """Seconds since then, without those in which the machine had something else to do than the gateway's work."""
        return min(time.monotonic() - self._began, _seconds(self._program) - self._used)


@contextmanager
def under_way(site: Site, path: str, *, calls: int = 1) -> Iterator[list[tuple[int, list[str], float]]]:
    """Calls in the background: status, codes and seconds of each, complete once the block has ended."""
    found: list[tuple[int, list[str], float]] = []

    def call() -> None:
        watch = Watch(site)
        response = site.call(path, token=fresh())
        said = [] if response.status_code == 200 else codes(response)
        found.append((response.status_code, said, watch.seconds()))

    threads = [threading.Thread(target=call) for _ in range(calls)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for thread in threads:
            thread.join(2 * LONG)


@pytest.mark.parametrize("kind", HEAVY)
def test_the_deadline_covers_what_is_done_with_an_answer(tmp_path: Path, kind: str) -> None:
    """However an answer is written, its call ends by its provider's deadline, and the work with it.

    Meanwhile another provider's document takes the time that it takes.
    """
    raw = HEAVY[kind]()
    # The other provider has a longer deadline: on a slow machine, whoever waits for nobody is slow as well.
    patient = {"providers__probtp__timeout": str(4 * DEADLINE)}
    with started(tmp_path, upstream_timeout=str(DEADLINE), **patient, **ROOMY) as own:
        own.provider.handler = Papers({VIGILANCE_V3: raw, PROBTP: as_base64(SMALL)})
        others: list[int] = []
        with under_way(own, VIGILANCE_V3, calls=3) as heavy:
            while len(heavy) < 3:
                others.append(own.call(PROBTP, token=fresh()).status_code)
        assert set(others) == {200}
        assert all(status in (200, 502, 504) for status, _, _ in heavy)
        assert all(said == ["04002"] for status, said, _ in heavy if status == 504)
        assert all(seconds < DEADLINE + 2.5 for _, _, seconds in heavy), heavy
        before = _seconds(own.program)
        own.call(PROBTP, token=fresh())
        assert _seconds(own.program) - before < 0.5, "the work that nobody waits for goes on"


def test_a_deadline_that_passes(tmp_path: Path) -> None:
    """What is not decoded in time is the provider's late answer: 504, said in the log, and nothing of it is kept."""
    raw = long_answer("data:application/pdf;base64," + "%4A" * (25 * MB))
    with started(tmp_path, upstream_timeout="0.7", **ROOMY) as own:
        own.provider.handler = Papers({VIGILANCE_V3: raw})
        with under_way(own, VIGILANCE_V3, calls=4) as heavy:
            pass
        assert {(status, *said) for status, said, _ in heavy} == {(504, "04002")}
        wait_until(lambda: own.metric('gateway_work_waiting{pool="documents-decode"}') == 0)
        files = [each for each in (tmp_path / "documents").rglob("*") if each.is_file()]
        assert [each.name for each in files if each.parent.name.isdigit()] == []


def test_a_hundred_documents_of_another(tmp_path: Path) -> None:
    """An answer with many large documents delays another provider's small one by turns, not by its length."""
    entry = {"data": {"timestamp": "1", "type": "Statuts", "errors": [], "document": encoded(pdf(600_000))}}
    listed = answer(
        b'{"data":[%b],"links":{},"meta":{"nombre_documents":60,"nombre_documents_deficients":0}}'
        % b",".join([envelope(**entry["data"])] * 60)
    )
    with started(tmp_path, **ROOMY) as own:
        own.provider.handler = Papers({ASSOCIATION: listed, PROBTP: as_base64(SMALL), VIGILANCE_V3: as_file(SMALL)})
        took: list[float] = []
        with under_way(own, ASSOCIATION, calls=3) as heavy:
            while len(heavy) < 3:
                for path in (PROBTP, VIGILANCE_V3):
                    watch = Watch(own)
                    assert own.call(path, token=fresh()).status_code == 200
                    took.append(watch.seconds())
        assert {status for status, _, _ in heavy} <= {200, 504}
        assert sorted(took)[len(took) // 2] < 1


@pytest.mark.parametrize("unit", [b"[],", b'{"a":1},', b'"a",'])
def test_json_of_many_megabytes(tmp_path: Path, unit: bytes) -> None:
    """JSON that is no document is read up to a length that holds up nobody for long, and refused beyond it."""

    def body(size: int) -> bytes:
        return b'{"data":{"siren":"1","x":[%b1]},"links":{},"meta":{}}' % (unit * (size // len(unit)))

    with started(tmp_path, **ROOMY) as own:
        for size, status in ((7 * MB, 200), (64 * MB, 502)):
            own.provider.handler = Papers({UNITE_LEGALE: answer(body(size)), EXTRAIT_RCS: answer(GOOD_BODY)})
            took: list[float] = []
            with under_way(own, UNITE_LEGALE) as heavy:
                while not heavy:
                    watch = Watch(own)
                    assert own.call(EXTRAIT_RCS, token=fresh()).status_code == 200
                    took.append(watch.seconds())
            assert [(found, said) for found, said, _ in heavy] == [(status, [] if status == 200 else ["01999"])]
            assert max(took, default=0) < 3
