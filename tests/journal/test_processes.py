"""Followers as processes: killed, two on one file, without a database, without room on its disk."""

import os
import random
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from sqlalchemy import Engine, make_url

from apientreprise_gateway.database.engine import connect
from support import databases
from support.databases import PostgreSql
from support.disks import disk, fill
from support.killing import differences, follow, kill_again_and_again, stored_rows, until
from support.lines import line, lines


@contextmanager
def _following(url: str, errors: Path, *files: Path, **settings: str) -> "Iterator[Callable[..., bool]]":
    """A follower until the end of the block; gives what says whether it has logged an event, so many times."""
    process = follow(url, errors, *files, **settings)
    try:
        yield lambda event, times=1: errors.read_text().count(event) == times
    finally:
        process.kill()
        process.wait()


def test_a_follower_stops_within_a_second(url: str, engine: Engine, tmp_path: Path) -> None:
    """With status 0, and with all it has stored."""
    log = tmp_path / "access.log"
    log.write_bytes(lines(0, 10))
    process = follow(url, tmp_path / "errors", log)
    try:
        until(lambda: stored_rows(engine) == 10, "nothing is stored")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert time.monotonic() - began < 30  # on a loaded machine; by its own timer it is 0.8 s
    finally:
        process.kill()
        process.wait()


def test_killed_again_and_again_it_stores_each_line_once(url: str, engine: Engine, tmp_path: Path) -> None:
    """SIGKILL at random moments, while lines are written and the file is rotated both ways; each row is as its line."""
    writer = kill_again_and_again(url, engine, tmp_path, kills=5, chance=random.Random(16), longest=1.0)
    assert differences(engine, writer.lines) == (0, 0)


def test_the_second_follower_of_a_file_waits_for_the_first(url: str, engine: Engine, tmp_path: Path) -> None:
    """It says so, stores nothing meanwhile, and goes on when the first is killed."""
    log, errors = tmp_path / "access.log", tmp_path / "second"
    log.write_bytes(lines(0, 5))
    with _following(url, tmp_path / "first", log):
        until(lambda: stored_rows(engine) == 5, "nothing is stored")
        second = follow(url, errors, log)
        try:
            until(lambda: "journal_file_taken" in errors.read_text(), "the second does not say that it waits")
            with log.open("ab") as file:
                file.write(lines(5, 9))
            until(lambda: stored_rows(engine) == 9, "the first does not go on")
            assert "journal_file_free" not in errors.read_text()
        except BaseException:
            second.kill()
            raise
    try:
        with log.open("ab") as file:
            file.write(lines(9, 12))
        until(lambda: stored_rows(engine) == 12, "the second does not go on")
        assert errors.read_text().count("journal_file_taken") == 1
        assert errors.read_text().count("journal_file_free") == 1
    finally:
        second.kill()
        second.wait()
    assert differences(engine, [line(number) for number in range(12)]) == (0, 0)


def test_a_database_that_goes_away_loses_nothing(tmp_path: Path, postgresql: PostgreSql) -> None:
    """The follower says so once, and goes on when it is back."""
    url = databases.new_postgresql(postgresql)
    engine = connect(url)
    log = tmp_path / "access.log"
    log.write_bytes(lines(0, 5))
    try:
        with _following(url, tmp_path / "errors", log) as said:
            until(lambda: stored_rows(engine) == 5, "nothing is stored")
            postgresql.stop()
            with log.open("ab") as file:
                file.write(lines(5, 9))
            until(lambda: said("journal_database_away"), "it does not say that the database is away")
            postgresql.start()
            engine.dispose()
            until(lambda: stored_rows(engine) == 9, "it does not go on")
            until(lambda: said("journal_database_back"), "it does not say that it goes on")
            assert said("journal_database_away")
        assert differences(engine, [line(number) for number in range(9)]) == (0, 0)
    finally:
        engine.dispose()
        if postgresql.process is None:
            postgresql.start()


@pytest.fixture
def small(kind: str, request: pytest.FixtureRequest) -> "Iterator[tuple[str, Path]]":
    """A database whose calls lie on a small disk of their own, and that disk."""
    with TemporaryDirectory(dir="/tmp") as parent, disk(Path(parent) / "small", 6 * 1024) as folder:
        if kind == "sqlite":
            yield databases.new_sqlite(folder), folder
            return
        server: PostgreSql = request.getfixturevalue("postgresql")
        (folder / "space").mkdir(mode=0o700)
        if server.user is not None:
            os.chown(folder / "space", server.user, -1)
        Path(parent).chmod(0o711)  # the server is another user
        server.execute(f"CREATE TABLESPACE small LOCATION '{folder / 'space'}'")
        url = databases.new_postgresql(server)
        name = make_url(url).database
        server.execute(f"ALTER DATABASE {name} SET default_tablespace = small")
        yield url, folder
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        server.execute("DROP TABLESPACE small")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def test_without_room_it_waits_and_stores_each_line_once(
    small: tuple[str, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """It says so once, counts it, and goes on when there is room."""
    url, folder = small
    engine = connect(url)
    request.addfinalizer(engine.dispose)
    log, ballast = tmp_path / "access.log", folder / "ballast"
    log.write_bytes(lines(0, 10))
    port = _free_port()

    def failures() -> float:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        (found,) = re.findall(r"^journal_failures_total (\S+)", text, re.MULTILINE)
        return float(found)

    with _following(url, tmp_path / "errors", log, PORTAL_METRICS_PORT=str(port)) as said:
        until(lambda: stored_rows(engine) == 10, "nothing is stored")
        before = failures()
        fill(ballast)
        with log.open("ab") as file:
            file.write(lines(10, 500))
        until(lambda: said("journal_database_away"), "it does not say that there is no room")
        assert failures() > before
        ballast.unlink()
        until(lambda: stored_rows(engine) == 500, "it does not go on")
        until(lambda: said("journal_database_back"), "it does not say that it goes on")
        assert said("journal_database_away")
    assert differences(engine, [line(number) for number in range(500)]) == (0, 0)
