"""The commands on real processes: what a shell sees, and what a kill leaves."""

import json
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, func
from sqlalchemy import select as query

from apientreprise_gateway.database.engine import reading
from apientreprise_gateway.database.tables import calls
from support.databases import PostgreSql
from support.lines import lines
from support.programs import environment

PROGRAM = (sys.executable, "-m", "apientreprise_gateway")
WAIT_SECONDS = 60


def _environment(url: str) -> dict[str, str]:
    kept = {name: value for name, value in environment().items() if not name.startswith("PORTAL_")}
    return kept | {"PORTAL_DATABASE_URL": url}


def _run(url: str, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=_environment(url),
        input=given,
        capture_output=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


def _follow(url: str, errors: Path, *files: Path) -> "subprocess.Popen[bytes]":
    with errors.open("ab") as log:
        return subprocess.Popen([*PROGRAM, "journal", "follow", *map(str, files)], env=_environment(url), stderr=log)


def _until(condition: Callable[[], bool], complaint: str) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, complaint
        select.select([], [], [], 0.05)


def _count(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.scalar(query(func.count()).select_from(calls)) or 0


def test_from_nothing_to_stored_lines(empty_url: str) -> None:
    """Migrate, check, import, list the rejects."""
    refused = _run(empty_url, "journal", "import", given=lines(0, 1))
    assert refused.returncode == 2
    assert b"portal migrate" in refused.stderr
    assert _run(empty_url, "portal", "migrate").returncode == 0
    checked = _run(empty_url, "portal", "check")
    assert (checked.returncode, checked.stderr) == (0, b"")
    given = lines(0, 2) + b'broken "x"\n{"event":"ready","level":"info","timestamp":"t"}\n'
    done = _run(empty_url, "journal", "import", given=given)
    assert (done.returncode, done.stdout) == (
        0,
        b"4 lines read: 2 stored, 0 known already, 1 rejected, 1 skipped\n",
    )
    assert b"2 known already" in _run(empty_url, "journal", "import", given=given).stdout
    listed = _run(empty_url, "journal", "rejects")
    assert listed.returncode == 0
    assert b'broken "x"' in listed.stdout
    (reject,) = json.loads(_run(empty_url, "journal", "rejects", "--json").stdout)
    assert reject["line"] == 'broken "x"'


def test_a_follower_stops_within_a_second(url: str, engine: Engine, tmp_path: Path) -> None:
    """With status 0, and with all it has stored."""
    log = tmp_path / "access.log"
    log.write_bytes(lines(0, 10))
    process = _follow(url, tmp_path / "errors", log)
    try:
        _until(lambda: _count(engine) == 10, "nothing is stored")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
        assert time.monotonic() - began < 30  # on a loaded machine; by its own timer it is 0.8 s
    finally:
        process.kill()
        process.wait()


def test_killed_again_and_again_it_stores_each_line_once(url: str, engine: Engine, tmp_path: Path) -> None:
    """SIGKILL at random moments, while lines are written and the file is rotated both ways."""
    chance = random.Random(16)
    log, written = tmp_path / "access.log", 0
    for turn in range(5):
        process = _follow(url, tmp_path / "errors", log)
        try:
            before = _count(engine)
            for _ in range(5):
                with log.open("ab") as file:
                    file.write(lines(written, written + 400))
                written += 400
                if chance.random() < 0.4:
                    log.rename(tmp_path / f"access.log.{turn}-{written}")
                select.select([], [], [], chance.random() * 0.1)
            if turn % 2:
                _until(lambda before=before: _count(engine) > before, "nothing is stored")  # type: ignore[misc]
        finally:
            process.kill()
            process.wait()
    process = _follow(url, tmp_path / "errors", log)
    try:
        _until(lambda: _count(engine) >= written, "not all lines are stored")
    finally:
        process.kill()
        process.wait()
    with reading(engine) as connection:
        distinct = connection.scalar(query(func.count(func.distinct(calls.c.request_id))))
    assert (_count(engine), distinct) == (written, written)


def test_a_database_that_goes_away_loses_nothing(tmp_path: Path, postgresql: PostgreSql) -> None:
    """The follower says so once, and goes on when it is back."""
    from apientreprise_gateway.database.engine import connect
    from support import databases

    url = databases.new_postgresql(postgresql)
    engine = connect(url)
    log, errors = tmp_path / "access.log", tmp_path / "errors"
    log.write_bytes(lines(0, 5))
    process = _follow(url, errors, log)
    try:
        _until(lambda: _count(engine) == 5, "nothing is stored")
        postgresql.stop()
        with log.open("ab") as file:
            file.write(lines(5, 9))
        _until(lambda: b"journal_database_away" in errors.read_bytes(), "it does not say that the database is away")
        postgresql.start()
        engine.dispose()
        _until(lambda: _count(engine) == 9, "it does not go on")
        _until(lambda: b"journal_database_back" in errors.read_bytes(), "it does not say that it goes on")
    finally:
        process.kill()
        process.wait()
        engine.dispose()
        if postgresql.process is None:
            postgresql.start()
