"""The configuration of rsyslog: rsyslog accepts it, and feeds the journal with it."""

import os
import shutil
import signal
import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from apientreprise_gateway.database.engine import connect
from support import databases
from support.killing import stored_rows, until
from support.lines import lines
from support.programs import environment

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "rsyslog" / "journal.conf"
INSTALLED = "/opt/apientreprise-gateway/bin/apientreprise-gateway"
OUTPUT = "/var/log/apientreprise-gateway-journal.log"


@pytest.fixture
def rsyslogd() -> str:
    """The program."""
    program = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin")
    if program is None:
        pytest.skip("no rsyslogd on this machine (Debian: apt-get install rsyslog)")
    return program


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for a socket."""
    with TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def test_rsyslog_accepts_it(rsyslogd: str) -> None:
    """Its own check finds nothing wrong."""
    done = subprocess.run([rsyslogd, "-N1", "-f", str(CONFIGURATION)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower().replace("no errors", "")


def _configured(folder: Path) -> Path:
    """The configuration with an input, and with paths of this folder."""
    program = Path(sysconfig.get_path("scripts")) / "apientreprise-gateway"
    text = CONFIGURATION.read_text()
    assert INSTALLED in text
    assert OUTPUT in text
    text = text.replace(INSTALLED, str(program)).replace(OUTPUT, str(folder / "output"))
    before = (
        f'global(workDirectory="{folder}" maxMessageSize="64k")\n'
        'module(load="imuxsock" SysSock.Use="off")\n'
        f'input(type="imuxsock" Socket="{folder}/log" RateLimit.Interval="0")\n'
    )
    made = folder / "rsyslog.conf"
    made.write_text(before + text)
    return made


def _importers(parent: int) -> list[int]:
    """The programs that rsyslog has started."""
    threads = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(each) for thread in threads for each in thread.read_text().split()]


def test_lines_that_rsyslog_is_given_are_stored(rsyslogd: str, folder: Path) -> None:
    """Each once, although its program is killed three times; lines of other programs are left alone."""
    url = databases.new_sqlite(folder)
    engine = connect(url)
    kept = {name: value for name, value in environment().items() if not name.startswith("PORTAL_")}
    command = [rsyslogd, "-n", "-f", str(_configured(folder)), "-i", str(folder / "pid")]
    process = subprocess.Popen(command, env=kept | {"PORTAL_DATABASE_URL": url})
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        until((folder / "log").exists, "rsyslog does not start")

        def send(first: int, end: int, program: bytes = b"apientreprise-gateway") -> None:
            for each in lines(first, end).splitlines():
                sender.sendto(b"<134>" + program + b"[7]: " + each, str(folder / "log"))

        send(100, 110, b"another")
        send(0, 20)
        until(lambda: stored_rows(engine) == 20, "the lines are not stored")
        for first, end in ((20, 260), (260, 500), (500, 740)):
            until(lambda: len(_importers(process.pid)) == 1, "the program is not started again")
            (importer,) = _importers(process.pid)
            send(first, end - 100)
            os.kill(importer, signal.SIGKILL)
            send(end - 110, end)
            until(lambda end=end: stored_rows(engine) == end, "lines are lost with the kill", seconds=90)  # type: ignore[misc]
        process.terminate()
        assert process.wait(60) == 0
        assert stored_rows(engine) == 740
    finally:
        process.kill()
        process.wait()
        sender.close()
        engine.dispose()
