"""systemd accepts the units of the journal, and what they name is ours."""

import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from apientreprise_gateway.cli.main import make_parser
from apientreprise_gateway.portal.settings import Settings
from support.programs import MDWE, START_SECONDS, environment

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FOLLOW, PURGE, TIMER = (
    DEPLOY / f"apientreprise-{name}" for name in ("journal.service", "journal-purge.service", "journal-purge.timer")
)
GATEWAY = DEPLOY / "apientreprise-gateway.service"
INSTALLED = "/opt/apientreprise-gateway/bin/apientreprise-gateway"
MOST_EXPOSED = 2.0
"""Of 10, as `systemd-analyze security` counts."""
BOTH = pytest.mark.parametrize("unit", [FOLLOW, PURGE], ids=lambda unit: str(unit.name))


def _said(unit: Path, name: str) -> list[str]:
    return [line.partition("=")[2] for line in unit.read_text().splitlines() if line.startswith(f"{name}=")]


def _systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze on this machine (Debian: apt-get install systemd)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=START_SECONDS, check=False)


def test_systemd_accepts_them(tmp_path: Path) -> None:
    """systemd's own checker finds nothing, once the program is where the units say."""
    program = Path(sysconfig.get_path("scripts")) / "apientreprise-gateway"
    copies = [tmp_path / unit.name for unit in (FOLLOW, PURGE, TIMER)]
    for unit, copy in zip((FOLLOW, PURGE, TIMER), copies, strict=True):
        copy.write_text(unit.read_text().replace(INSTALLED, str(program)))
    done = _systemd_analyze("verify", "--man=no", *map(str, copies))
    assert (done.returncode, done.stderr) == (0, "")


@BOTH
def test_they_have_few_rights(unit: Path, tmp_path: Path) -> None:
    """By systemd's own count they are hardly exposed."""
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text())
    done = _systemd_analyze("security", "--offline=yes", "--no-pager", str(copy))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= MOST_EXPOSED


@BOTH
def test_their_commands_and_settings_are_ours(unit: Path) -> None:
    """Each command line can be parsed, and each variable is a setting."""
    for command in (*_said(unit, "ExecStart"), *_said(unit, "ExecStartPre")):
        program, *arguments = shlex.split(command)
        assert program == INSTALLED
        make_parser().parse_args(arguments)
    names = {value.partition("=")[0] for value in _said(unit, "Environment")}
    assert names <= {f"PORTAL_{name.upper()}" for name in Settings.model_fields} | {"PYTHONUNBUFFERED"}


def test_the_follower_can_read_what_the_gateway_writes() -> None:
    """By the gateway's group, in the folder of its log."""
    assert _said(FOLLOW, "Group") == _said(GATEWAY, "Group")
    (file,) = make_parser().parse_args(shlex.split(_said(FOLLOW, "ExecStart")[0])[1:]).files
    assert file.parent == Path("/var/log") / _said(GATEWAY, "LogsDirectory")[0]
    assert _said(GATEWAY, "LogsDirectoryMode") == ["0750"]
    assert _said(GATEWAY, "UMask") == ["0027"]


def test_they_need_no_memory_that_can_be_written_and_run(tmp_path: Path) -> None:
    """With memory as MemoryDenyWriteExecute leaves it, the tables are made and a purge runs."""
    for unit in (FOLLOW, PURGE):
        assert _said(unit, "MemoryDenyWriteExecute") == ["yes"]
    if subprocess.run([sys.executable, "-c", MDWE, "/bin/true"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel does not know PR_SET_MDWE (Linux 6.3 does)")
    given = environment() | {"PORTAL_DATABASE_URL": f"sqlite:///{tmp_path}/journal.sqlite"}
    for command in (("portal", "migrate"), ("journal", "purge")):
        program = [sys.executable, "-c", MDWE, sys.executable, "-m", "apientreprise_gateway", *command]
        done = subprocess.run(program, env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_purge_is_started_each_night() -> None:
    """By the timer of its name, also after a night without power."""
    assert TIMER.stem == PURGE.stem
    assert _said(TIMER, "Persistent") == ["yes"]
    done = _systemd_analyze("calendar", "--iterations=3", "--base-time=2026-11-28", _said(TIMER, "OnCalendar")[0])
    assert done.returncode == 0, done.stderr
    assert re.findall(r"\d{4}-\d\d-\d\d", done.stdout)[-3:] == ["2026-11-28", "2026-11-29", "2026-11-30"]
