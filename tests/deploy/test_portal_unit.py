"""systemd accepts the unit of the portal, and what it names is ours."""

import re
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from apientreprise_gateway.cli.main import make_parser
from apientreprise_gateway.portal.app import Portal
from support.programs import START_SECONDS

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "apientreprise-portal.service"
INSTALLED = "/opt/apientreprise-gateway/bin/apientreprise-gateway"
MOST_EXPOSED = 2.0
"""Of 10, as `systemd-analyze security` counts."""


def _said(name: str) -> list[str]:
    return [line.partition("=")[2] for line in UNIT.read_text().splitlines() if line.startswith(f"{name}=")]


def _systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze on this machine (Debian: apt-get install systemd)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=START_SECONDS, check=False)


def test_systemd_accepts_it(tmp_path: Path) -> None:
    """systemd's own checker finds nothing, once the program is where the unit says; it is hardly exposed."""
    program = Path(sysconfig.get_path("scripts")) / "apientreprise-gateway"
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(INSTALLED, str(program)))
    done = _systemd_analyze("verify", "--man=no", str(copy))
    assert (done.returncode, done.stderr) == (0, "")
    counted = _systemd_analyze("security", "--offline=yes", "--no-pager", str(copy))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", counted.stdout)
    assert found, counted.stderr
    assert float(found[1]) <= MOST_EXPOSED


def test_its_commands_are_ours_and_it_has_time_to_stop() -> None:
    """Each command line can be parsed; systemd kills it later than it ends by itself."""
    for command in (*_said("ExecStart"), *_said("ExecStartPre")):
        program, *arguments = shlex.split(command)
        assert program == INSTALLED
        make_parser().parse_args(arguments)
    assert float(_said("TimeoutStopSec")[0]) > Portal.stop_timeout
