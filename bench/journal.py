"""What the journal costs: lines a second beside COPY alone, memory of the follower, bytes a row, times of queries.

    bench/journal.py [--lines 200000] [--sqlite]

COPY alone is given the same rows, ready as it takes them, in transactions of 20,000, into the same tables with their
indexes, before the follower and after it: the mean counts, as what runs first is quicker.
PostgreSQL of this machine is started for it in a folder of its own.
"""

import argparse
import io
import resource
import statistics as numbers
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from sqlalchemy import Engine, text

from apientreprise_gateway.database.engine import connect, is_postgresql, reading, writing
from apientreprise_gateway.journal.follower import Follower
from apientreprise_gateway.journal.line import COLUMNS
from apientreprise_gateway.journal.metrics import JournalMetrics
from apientreprise_gateway.journal.partitions import make_partitions
from apientreprise_gateway.journal.statistics import statistics
from apientreprise_gateway.journal.storing import Sorted, write_rows
from support import databases
from support.lines import BEGAN, line

TOKENS = 200
AT_ONCE = 20_000


def jti(number: int) -> str:
    """One of the tokens."""
    return f"{number % TOKENS:08d}-2222-4333-8444-555555555555"


def write_log(path: Path, count: int) -> None:
    """A file of so many access lines, a hundred a second."""
    with path.open("wb") as file:
        for number in range(count):
            at = (BEGAN + timedelta(seconds=number / 100)).isoformat()
            file.write(line(number, time=at, jti=jti(number), identifier=f"{number % 5003:09d}") + b"\n")


def copy_alone(engine: Engine, path: Path) -> float:
    """Seconds that COPY takes for the rows of a file, which are made ready beforehand."""
    took = 0.0
    for ready in _ready(path):
        began = time.perf_counter()
        with writing(engine) as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            names = ", ".join((*COLUMNS, "batch"))
            with driver.cursor() as cursor, cursor.copy(f"COPY calls ({names}) FROM STDIN") as copy:
                copy.write(ready)
        took += time.perf_counter() - began
    return took


def _ready(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while lines := file.readlines(AT_ONCE * 480):
            out = io.StringIO()
            for each in _rows(lines):
                cells = (_cell(value) for value in (*each, 0))
                out.write("\t".join(cells) + "\n")
            yield out.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return str(value)


def _rows(lines: list[bytes]) -> list[tuple[object, ...]]:
    batch = Sorted()
    for each in lines:
        batch.add(each)
    return batch.rows


def insert_alone(engine: Engine, path: Path) -> float:
    """Seconds that SQLite takes for rows that are read beforehand."""
    took = 0.0
    with path.open("rb") as file:
        while lines := file.readlines(AT_ONCE * 480):
            rows = _rows(lines)
            began = time.perf_counter()
            with writing(engine) as connection:
                write_rows(connection, rows, 0)
            took += time.perf_counter() - began
    return took


def follow(engine: Engine, path: Path) -> float:
    """Seconds that a follower takes for a file."""
    follower = Follower(engine, [path], host="bench", metrics=JournalMetrics())
    began = time.perf_counter()
    while follower.round():
        pass
    took = time.perf_counter() - began
    follower.stop()
    follower.run()
    return took


def empty(engine: Engine) -> None:
    """Remove all calls, so that they can be written again."""
    with writing(engine) as connection:
        connection.execute(text("TRUNCATE calls" if is_postgresql(engine) else "DELETE FROM calls"))


def size_of(engine: Engine) -> int:
    """Bytes of all calls, indexes included."""
    query = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    if is_postgresql(engine):
        query = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('calls')"
    with reading(engine) as connection:
        return int(connection.scalar(text(query)) or 0)


def query_milliseconds(engine: Engine) -> float:
    """The 95th percentile of the times of the statistics of a token, in ms."""
    times = []
    for number in range(20):
        began = time.perf_counter()
        statistics(engine, jti(number), now=BEGAN + timedelta(hours=1))
        times.append((time.perf_counter() - began) * 1000)
    return numbers.quantiles(times, n=20)[-1]


@contextmanager
def engines(folder: Path, *, on_sqlite: bool) -> Iterator[tuple[Engine, Engine]]:
    """Two databases with their tables."""
    if on_sqlite:
        yield connect(databases.new_sqlite(folder)), connect(databases.new_sqlite(folder))
        return
    with databases.postgresql(in_memory=False) as server:
        both = connect(databases.new_postgresql(server)), connect(databases.new_postgresql(server))
        for each in both:
            make_partitions(each, today=BEGAN.date())
        yield both
        for each in both:
            each.dispose()


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--sqlite", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, engines(Path(name), on_sqlite=options.sqlite) as (alone, followed):
        log = Path(name) / "access.log"
        write_log(log, options.lines)
        measure = insert_alone if options.sqlite else copy_alone
        before = measure(alone, log)
        processor = time.process_time()
        took = follow(followed, log)
        processor = time.process_time() - processor
        empty(alone)
        plain = (before + measure(alone, log)) / 2
        print(f"alone:     {options.lines / plain:>10,.0f} rows/s")
        print(f"follower:  {options.lines / took:>10,.0f} lines/s, {plain / took:.2f} of it")
        print(f"processor: {processor / options.lines * 1e6:>10,.1f} microseconds a line, without PostgreSQL's own")
        print(f"size:      {size_of(followed) / options.lines:>10,.0f} bytes a row")
        print(f"query p95: {query_milliseconds(followed):>10,.1f} ms")
        print(f"memory:    {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:>10,.0f} MiB, the bench included")


if __name__ == "__main__":
    main()
