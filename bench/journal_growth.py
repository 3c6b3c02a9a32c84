"""What the journal costs as it grows: memory and speed of the follower, times of queries at 1 and at 10 million rows.

    bench/journal_growth.py [--millions 10] [--sqlite]

The lines are of 90 days and of 200 tokens, in their order. A follower, a process, stores them a million at a time; its
file is removed after each. The first million is stored in a second database as well: both are asked in turns, about
their newest days, as pages do, once to warm up and 40 times to count.
PostgreSQL of this machine is started for it in a folder of its own, which takes 5 GB.
"""

import argparse
import os
import statistics as numbers
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from sqlalchemy import Engine, select

from apientreprise_gateway.database.engine import connect, reading
from apientreprise_gateway.database.tables import files
from apientreprise_gateway.journal.partitions import make_partitions
from apientreprise_gateway.journal.search import Criteria, begin_search
from apientreprise_gateway.journal.statistics import statistics
from journal import jti, size_of
from support import databases
from support.killing import until
from support.lines import BEGAN, line

MILLION = 1_000_000
DAYS = 90
ASKED = 40
_DAY = timedelta(days=1)
_MOST_SECONDS = 3600


def write_million(path: Path, first: int, step: timedelta) -> datetime:
    """A million lines from a number on; returns the time of the last."""
    before, after = line(0, time="@1", request_id="@2", identifier="@3", jti="@4", seconds="@5").split(b"@1")
    parts = [before.decode(), *_split(after.decode())]
    at = BEGAN
    with path.open("w") as file:
        for number in range(first, first + MILLION):
            at = BEGAN - DAYS * _DAY + number * step
            values = (at.isoformat(), f"request-{number}", f"{number % 5003:09d}", jti(number * 7919))
            text = "".join(part + value for part, value in zip(parts, values, strict=False))
            file.write(f"{text}{parts[4][:-1]}{number % 977 / 1000}{parts[5][1:]}\n")
    return at


def _split(text: str) -> Iterator[str]:
    for place in range(2, 6):
        part, text = text.split(f"@{place}")
        yield part
    yield text


def memory_of(pid: int) -> float:
    """Most MiB that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def queries(engine: Engine, now: datetime, rows: int) -> dict[str, Callable[[int], object]]:
    """What is asked, by its name; each takes a number."""

    def search(**criteria: object) -> list[object]:
        return list(begin_search(engine, Criteria(**criteria), who="bench", reason="bench").found())  # type: ignore[arg-type]

    return {
        "statistics of a token": lambda number: statistics(engine, jti(number), now=now),
        "calls of a token, a day": lambda number: search(jti=jti(number), since=now - _DAY, until=now),
        "calls about a company, 7 days": lambda number: search(identifier=f"{number:09d}", since=now - 7 * _DAY),
        "one request": lambda number: search(request_id=f"request-{rows - 1 - number * 1009}"),
        "one request, with its day": lambda number: search(
            request_id=f"request-{rows - 1 - number * 101}", since=now - _DAY
        ),
    }


def milliseconds(ask: Callable[[int], object], number: int) -> float:
    """How long a query takes."""
    began = time.perf_counter()
    ask(number)
    return (time.perf_counter() - began) * 1000


def compare(small: "Grown", large: "Grown") -> None:
    """Ask both in turns, so that whatever else the machine does falls on both; print a line for each query."""
    asked = [queries(each.engine, each.now, each.rows) for each in (small, large)]
    for name in asked[0]:
        took: tuple[list[float], list[float]] = ([], [])
        for number in [0, *range(ASKED)]:
            for times, ask in zip(took, asked, strict=True):
                times.append(milliseconds(ask[name], number))
        (middle, most), (more, last) = (
            (numbers.median(each[1:]), numbers.quantiles(each[1:], n=20)[-1]) for each in took
        )
        print(
            f"    {name:<32} {middle:.1f} and {more:.1f} ms, p95 {most:.1f} and {last:.1f} ms: {last / most:.1f} times"
        )


def stored(engine: Engine) -> int:
    """Lines that the follower has stored."""
    with reading(engine) as connection:
        return sum(connection.scalars(select(files.c.lines)))


@dataclass(frozen=True)
class Grown:
    """A database with so many rows, the last of them at a time."""

    engine: Engine
    rows: int
    now: datetime


def grow(url: str, folder: Path, millions: int, step: timedelta) -> Grown:
    """Have a follower store so many million lines; print a line for each million."""
    engine = connect(url)
    for days in range(0, DAYS + 28, 28):
        make_partitions(engine, today=(BEGAN - timedelta(days=DAYS - days)).date())
    log, now = folder / f"access-{millions}.log", BEGAN
    command = [sys.executable, "-m", "apientreprise_gateway", "journal", "follow", str(log)]
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(command, env={**os.environ, "PORTAL_DATABASE_URL": url}, stderr=errors)
    try:
        until(lambda: "journal_file_missing" in (folder / "errors").read_text(), "the follower does not start")
        for rows in range(MILLION, (millions + 1) * MILLION, MILLION):
            now = write_million(folder / "next", rows - MILLION, step)
            began = time.monotonic()
            (folder / "next").rename(log)
            until(lambda rows=rows: stored(engine) == rows, "not all is stored", seconds=_MOST_SECONDS)  # type: ignore[misc]
            took = time.monotonic() - began
            log.unlink()
            print(
                f"{rows:>10,} rows: {MILLION / took:>7,.0f} lines/s, follower {memory_of(process.pid):.0f} MiB, "
                f"{size_of(engine) / rows:.0f} bytes a row",
                flush=True,
            )
    finally:
        process.kill()
        process.wait()
    return Grown(engine, millions * MILLION, now)


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=int, default=10)
    parser.add_argument("--sqlite", action="store_true")
    options = parser.parse_args()
    step = DAYS * _DAY / (options.millions * MILLION)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.sqlite:
            urls = [databases.new_sqlite(folder) for _ in range(2)]
        else:
            server = stack.enter_context(databases.postgresql(in_memory=False))
            urls = [databases.new_postgresql(server) for _ in range(2)]
        grown = [grow(url, folder, millions, step) for url, millions in zip(urls, (1, options.millions), strict=True)]
        compare(*grown)
        for each in grown:
            each.engine.dispose()


if __name__ == "__main__":
    main()
