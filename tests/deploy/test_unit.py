"""systemd accepts the unit, and the gateway works within its bounds."""

import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import httpx
import pytest

from apientreprise_gateway.cli.main import make_parser
from apientreprise_gateway.gateway.settings import environment_name, fields_of
from apientreprise_gateway.providers.products import PRODUCTS
from support.programs import MDWE, START_SECONDS, TRACE, environment
from support.site import GOOD, LONG, UNITE_LEGALE, fresh
from support.stores import free_port, until
from support.stub import stub
from support.tokens import SECRET

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "apientreprise-gateway.service"
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
    """systemd's own checker finds nothing, once the program is where the unit says."""
    program = Path(sysconfig.get_path("scripts")) / "apientreprise-gateway"
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(INSTALLED, str(program)))
    done = _systemd_analyze("verify", "--man=no", str(copy))
    assert (done.returncode, done.stderr) == (0, "")


def test_it_has_few_rights(tmp_path: Path) -> None:
    """By systemd's own count the service is hardly exposed."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text())
    done = _systemd_analyze("security", "--offline=yes", "--no-pager", str(copy))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= MOST_EXPOSED


def test_its_commands_and_settings_are_ours() -> None:
    """Each command line can be parsed, each variable is a setting, and a hangup is what reloads."""
    (start,), (before,) = _said("ExecStart"), _said("ExecStartPre")
    for command in (start, before):
        program, *arguments = shlex.split(command)
        assert program == INSTALLED
        make_parser().parse_args(arguments)
    names = {value.partition("=")[0] for value in _said("Environment")}
    known = {environment_name(field) for field in fields_of(PRODUCTS)} | {"GATEWAY_CONFIG", "PYTHONUNBUFFERED"}
    assert names <= known
    assert _said("ExecReload") == ["/bin/kill -HUP $MAINPID"]


def test_it_is_given_the_time_to_stop() -> None:
    """systemd waits for the default times of stopping, tells the parent alone, and then kills whoever is left."""
    needed = sum(fields_of(PRODUCTS)[name].default for name in ("drain_delay", "stop_timeout"))
    assert float(_said("TimeoutStopSec")[0]) >= needed + 5
    assert _said("KillMode") == ["mixed"]


def test_it_needs_no_memory_that_can_be_written_and_run(tmp_path: Path) -> None:
    """With memory as MemoryDenyWriteExecute leaves it, calls are answered: no library makes code while it runs."""
    assert _said("MemoryDenyWriteExecute") == ["yes"]
    probe = [sys.executable, "-c", MDWE, sys.executable, "-c", "import mmap; mmap.mmap(-1, 4096, prot=7)"]
    if subprocess.run([sys.executable, "-c", MDWE, "/bin/true"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel does not know PR_SETMDWE (Linux 6.3 does)")
    assert subprocess.run(probe, capture_output=True, check=False).returncode == 1, "such memory is refused"
    port = free_port()
    with stub(GOOD) as provider, (tmp_path / "output").open("wb") as output:
        serve = ["-m", "apientreprise_gateway", "serve", "--port", str(port)]
        process = subprocess.Popen(
            [sys.executable, "-c", MDWE, sys.executable, *serve],
            env=environment(jwt_secrets=SECRET, upstream_url=provider.url),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            until(lambda: _answers(port), "it does not answer")
            answer = httpx.get(
                f"http://127.0.0.1:{port}{UNITE_LEGALE}",
                params=TRACE,
                headers={"Authorization": f"Bearer {fresh()}"},
                timeout=LONG,
            )
            assert answer.status_code == 200
        finally:
            process.terminate()
            assert process.wait(START_SECONDS) == 0


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=LONG).status_code == 200
    except httpx.TransportError:
        return False
