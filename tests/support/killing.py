"""A log that is written and rotated without pause, and its follower, which is killed again and again."""

import gzip
import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select

from apientreprise_gateway.database.engine import DatabaseError, reading
from apientreprise_gateway.database.tables import calls, calls_by_day
from apientreprise_gateway.database.types import instant_text
from apientreprise_gateway.journal.line import COLUMNS, Outcome, Row, parse
from support import zygote
from support.lines import BEGAN, line
from support.programs import environment

AT_ONCE = 100
"""Lines of a write."""
_WAIT_SECONDS = 300
_OLD = 3
"""Rotated files that stay as they are; older ones are compressed."""


def follow(url: str, errors: Path, *files: Path, **settings: str) -> zygote.Process:
    """A follower of files, as a process, with more settings if need be."""
    kept = {name: value for name, value in environment().items() if not name.startswith("PORTAL_")}
    with errors.open("ab") as log:
        command = ["journal", "follow", *map(str, files)]
        return zygote.popen(command, env=kept | {"PORTAL_DATABASE_URL": url} | settings, stdout=log, stderr=log)


class Writer:
    """Writes lines in a thread, at a rate, and rotates the file now and then, in both ways."""

    def __init__(self, log: Path, *, rate: float, chance: random.Random) -> None:
        self.log = log
        self.lines: list[bytes] = []
        self.rotations: Counter[str] = Counter()
        self._pause = AT_ONCE / rate
        self._chance = chance
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def end(self) -> None:
        """Write no more."""
        self._ended.set()
        self._thread.join()

    def _write(self) -> None:
        next_at = time.monotonic()
        while not self._ended.is_set():
            with self.log.open("ab", buffering=0) as file:
                text = b"".join(self._next() for _ in range(AT_ONCE))
                cut = self._chance.randrange(len(text))
                file.write(text[:cut])  # a reader may come in between, amid a line
                file.write(text[cut:])
            if self._chance.random() < 0.06:
                self._rotate(self._chance.choice(("rename", "copy")))
            next_at += self._pause
            self._ended.wait(max(0.0, next_at - time.monotonic()))

    def _next(self) -> bytes:
        number = len(self.lines)
        at = (BEGAN + timedelta(milliseconds=number / 2)).isoformat(timespec="microseconds")
        self.lines.append(line(number, time=at, user_id=f"agent-{self._chance.randrange(10**6)}"))
        return self.lines[-1] + b"\n"

    def _rotate(self, way: str) -> None:
        """As logrotate does: numbers go up, and what is older than some is compressed."""
        self.rotations[way] += 1
        for number in range(sum(self.rotations.values()) - 1, 0, -1):
            for end in ("", ".gz"):
                old = self.log.with_name(f"{self.log.name}.{number}{end}")
                if old.exists():
                    old.rename(self.log.with_name(f"{self.log.name}.{number + 1}{end}"))
        first = self.log.with_name(f"{self.log.name}.1")
        if way == "rename":
            self.log.rename(first)
        else:
            shutil.copy2(self.log, first)
            os.truncate(self.log, 0)
        oldest = self.log.with_name(f"{self.log.name}.{_OLD + 1}")
        if oldest.exists():
            packed, stat = oldest.with_name(f"{oldest.name}.gz"), oldest.stat()
            packed.write_bytes(gzip.compress(oldest.read_bytes(), 1))
            os.utime(packed, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            oldest.unlink()


def stored_rows(engine: Engine) -> int:
    """The number of calls; none while the database is away."""
    with suppress(DatabaseError), reading(engine) as connection:
        return connection.scalar(select(func.count()).select_from(calls)) or 0
    return 0


def until(condition: Callable[[], bool], complaint: str, *, seconds: float = _WAIT_SECONDS) -> None:
    """Wait until something is so."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < end, complaint
        pause.wait(0.05)


def differences(engine: Engine, lines: list[bytes]) -> tuple[int, int]:
    """How many lines are missing or stored otherwise, and how many rows are more than there should be."""
    expected: Counter[Row] = Counter()
    for each in lines:
        row = parse(each)
        assert not isinstance(row, Outcome)
        expected[row] += 1
    with reading(engine) as connection:
        columns = [calls.c[name] for name in COLUMNS]
        found: Counter[Row] = Counter()
        for row in connection.execution_options(yield_per=1000).execute(select(*columns)):
            values = (instant_text(row.time) if name == "time" else getattr(row, name) for name in COLUMNS)
            found[tuple(bytes(value) if isinstance(value, memoryview) else value for value in values)] += 1
        counted = connection.scalar(select(func.sum(calls_by_day.c.calls))) or 0
    assert counted == found.total(), "the counts are not those of the rows"
    return (expected - found).total(), (found - expected).total()


def kill_again_and_again(
    url: str,
    engine: Engine,
    folder: Path,
    *,
    kills: int,
    chance: random.Random,
    rate: float = 2000,
    longest: float = 2.0,
    between: Callable[[int], None] = lambda _kill: None,
) -> Writer:
    """Kill a follower so many times, at random moments of its first seconds, while lines are written; then let one end.

    Args:
        url: the database.
        engine: the same.
        folder: where the log is.
        kills: how many times.
        chance: what is random.
        rate: lines a second.
        longest: seconds that a follower lives at most.
        between: called after each kill, with its number.

    Returns:
        What was written, once all of it, or more, is stored.
    """
    log = folder / "access.log"
    writer = Writer(log, rate=rate, chance=random.Random(chance.random()))
    try:
        for kill in range(kills):
            process = follow(url, folder / "errors", log)
            threading.Event().wait(chance.uniform(0, longest))
            process.kill()
            process.wait()
            between(kill)
    finally:
        writer.end()
    process = follow(url, folder / "errors", log)
    try:
        until(lambda: stored_rows(engine) >= len(writer.lines), "not all lines are stored")
        process.terminate()
        process.wait()
    finally:
        process.kill()
        process.wait()
    return writer
