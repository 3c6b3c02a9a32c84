"""systemd accepts the units that write the status page as static files, and what they name is ours."""

import re
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from apientreprise_gateway.cli.main import make_parser
from support.programs import START_SECONDS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
EXPORT, TIMER = DEPLOY / "apientreprise-status-export.service", DEPLOY / "apientreprise-status-export.timer"
INSTALLED = "/opt/apientreprise-gateway/bin/apientreprise-gateway"
MOST_EXPOSED = 2.0
"""Of 10, as `systemd-analyze security` counts."""


def _said(unit: Path, name: str) -> str:
    (found,) = re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)
    return str(found)


def _systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze on this machine (Debian: apt-get install systemd)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=START_SECONDS, check=False)


def test_systemd_accepts_them(tmp_path: Path) -> None:
    """Its own checker finds nothing, once the program is where the unit says; they have few rights."""
    program = Path(sysconfig.get_path("scripts")) / "apientreprise-gateway"
    copies = [tmp_path / unit.name for unit in (EXPORT, TIMER)]
    for unit, copy in zip((EXPORT, TIMER), copies, strict=True):
        copy.write_text(unit.read_text().replace(INSTALLED, str(program)))
    done = _systemd_analyze("verify", "--man=no", *map(str, copies))
    assert (done.returncode, done.stderr) == (0, "")
    done = _systemd_analyze("security", "--offline=yes", "--no-pager", str(copies[0]))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= MOST_EXPOSED


def test_the_command_is_ours_and_writes_where_it_may() -> None:
    """Below the folder that systemd makes for it; the timer starts the unit of its name each minute."""
    program, *arguments = shlex.split(_said(EXPORT, "ExecStart"))
    assert program == INSTALLED
    assert make_parser().parse_args(arguments).folder == Path("/var/lib") / _said(EXPORT, "StateDirectory")
    assert TIMER.stem == EXPORT.stem
    done = _systemd_analyze("calendar", "--iterations=2", "--base-time=2026-11-28", _said(TIMER, "OnCalendar"))
    assert {"00:00:15", "00:01:15"} <= set(re.findall(r"\d\d:\d\d:\d\d", done.stdout)), done.stderr
