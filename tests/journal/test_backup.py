"""Backup and restore, by the commands of the runbook; what is restored is verified, and followed on."""

import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from apientreprise_gateway.database.engine import connect, is_postgresql, reading, writing
from apientreprise_gateway.database.migrate import require_migrated
from apientreprise_gateway.database.tables import calls
from apientreprise_gateway.journal.follower import Follower
from apientreprise_gateway.journal.importing import import_lines
from apientreprise_gateway.journal.metrics import JournalMetrics
from apientreprise_gateway.journal.partitions import make_partitions
from apientreprise_gateway.journal.seals import Fault, make_seals, verify
from support import databases
from support.lines import line, lines

LATER = datetime(2026, 11, 29, 1, tzinfo=UTC)


def _commands(page: str, mark: str) -> list[list[str]]:
    """The commands of the runbook that name the journal's backup."""
    chapter = page.split("\n## Backup and restore of the journal\n")[1].split("\n## ", maxsplit=1)[0]
    found = re.findall(r"^    (\S.*?)(?:  +#.*)?$", chapter, re.MULTILINE)
    return [shlex.split(each) for each in found if each.startswith(mark)]


def _follow(engine: Engine, log: Path) -> None:
    follower = Follower(engine, [log], host="test", metrics=JournalMetrics())
    while follower.round():
        pass
    follower.stop()
    follower.run()


@pytest.fixture
def filled(engine: Engine, tmp_path: Path) -> Engine:
    """A database with followed, imported and stray calls, and seals."""
    log = tmp_path / "access.log"
    log.write_bytes(lines(0, 50))
    make_partitions(engine, today=LATER.date())
    _follow(engine, log)
    for time in ("2026-10-02T00:00:00+00:00", "2031-01-01T00:00:00+00:00"):  # one in no partition
        list(import_lines(engine, BytesIO(line(0, time=time)), "test"))
    assert len(make_seals(engine, now=LATER)) == 2
    with log.open("ab") as file:
        file.write(lines(50, 60))  # after the backup
    return engine


def test_what_is_restored_holds_and_is_followed_on(
    filled: Engine, url: str, tmp_path: Path, kind: str, pytestconfig: pytest.Config, request: pytest.FixtureRequest
) -> None:
    """All calls, their partitions, seals and the position in the file."""
    page = Path(pytestconfig.rootpath, "docs", "runbook.md").read_text()
    restore = _postgresql if kind == "postgresql" else _sqlite
    other = connect(restore(page, url, tmp_path, request))
    request.addfinalizer(other.dispose)
    require_migrated(other)
    assert [each for each in verify(other) if isinstance(each, Fault)] == []
    if is_postgresql(other):
        with reading(other) as connection:
            parts = "SELECT count(*) FROM pg_partition_tree('calls') WHERE isleaf"
            assert connection.scalar(text(parts)) == 5
    make_partitions(other, today=datetime(2027, 6, 1, tzinfo=UTC).date())
    _follow(other, tmp_path / "access.log")
    with reading(other) as connection:
        numbers = list(connection.scalars(select(calls.c.request_id).where(calls.c.time < LATER)))
    assert sorted(numbers) == sorted([*(f"request-{number}" for number in range(60)), "request-0"])
    assert len(make_seals(other, now=LATER)) == 1
    with writing(other) as connection:
        connection.execute(text("UPDATE calls SET status = 500 WHERE request_id = 'request-7'"))
    assert [str(each.day) for each in verify(other) if isinstance(each, Fault)] == ["2026-11-27"]


def _run(commands: list[list[str]], values: dict[str, str]) -> None:
    for command in commands:
        filled = [values.get(part, part) for part in command]
        done = subprocess.run(filled, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def _postgresql(page: str, url: str, folder: Path, request: pytest.FixtureRequest) -> str:
    server: databases.PostgreSql = request.getfixturevalue("postgresql")
    programs = {name: str(server.binaries / name) for name in ("pg_dump", "pg_restore")}
    if not all(Path(each).exists() for each in programs.values()):
        pytest.skip("this PostgreSQL comes without pg_dump")
    server.execute("CREATE DATABASE restored TEMPLATE template0")
    request.addfinalizer(lambda: server.execute("DROP DATABASE restored WITH (FORCE)"))
    new = server.url("restored")
    values = {"$JOURNAL": url, "$NEW": new, "journal.dump": str(folder / "dump"), **programs}
    commands = [*_commands(page, "pg_dump"), *_commands(page, "pg_restore")]
    assert len(commands) == 2
    _run(commands, values)
    return new


def _sqlite(page: str, url: str, folder: Path, _request: pytest.FixtureRequest) -> str:
    if shutil.which("sqlite3") is None:
        pytest.skip("no sqlite3 on this machine (Debian: apt-get install sqlite3)")
    file, copy = url.removeprefix("sqlite:///"), folder / "journal-backup.sqlite"
    (command,) = _commands(page, "sqlite3")
    _run([[part.replace("journal-backup.sqlite", str(copy)) for part in command]], {"journal.sqlite": file})
    return f"sqlite:///{copy}"
