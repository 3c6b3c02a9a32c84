"""Processes as operators meet them: found by name and port, and told by signals what the runbook says."""

import os
import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from support import programs
from support.certificates import Authority
from support.configuration import Configuration, hang_up
from support.fleet import Gateway, fleet, gateway
from support.site import LONG, fresh
from support.stores import Server, until
from support.stub import Stub

ROOT = Path(__file__).resolve().parents[3]


def _shown(pid: int) -> str:
    """What `ps` shows a process as; nothing if it has gone, as one that was just killed may at any moment."""
    shown = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()


def _recipe(start: str) -> str:
    """The command of the runbook that begins like this."""
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    (found,) = re.findall(rf"^    ({re.escape(start)}.*?)(?:  +#.*)?$", runbook, re.MULTILINE)
    return str(found)


def _run(command: str, member: Gateway, folder: Path) -> str:
    """What a command of the runbook prints, run in a shell as it stands there."""
    done = subprocess.run(
        ["sh", "-c", f"gw() {{ :; }}; {command}"],
        env={"PATH": os.environ["PATH"], "PORT": str(member.port)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_names_of_processes(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Each process shows what it is and where it listens; a worker that is replaced has its predecessor's number."""
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url) as both:
        at = f"127.0.0.1:{both.port}"
        assert _shown(both.process.pid) == f"apientreprise-gateway serve {at} with 2 workers"
        names = {f"apientreprise-gateway worker {number} of {at}" for number in (1, 2)}
        assert {_shown(pid) for pid in both.worker_pids()} == names
        os.kill(max(both.worker_pids()), signal.SIGKILL)
        until(lambda: {_shown(pid) for pid in both.worker_pids()} == names, "it is not replaced")
    with gateway(tmp_path, upstream=provider.url) as only:
        assert _shown(only.process.pid) == f"apientreprise-gateway serve 127.0.0.1:{only.port}"
    for command in ("sandbox", "demo"):
        folder = tmp_path / command
        folder.mkdir()
        with programs.start(folder, command) as program:
            assert _shown(program.process.pid) == f"apientreprise-gateway {command} 127.0.0.1:{program.port}"


@pytest.mark.parametrize("command", ["sandbox", "demo"])
def test_a_signal_that_asks_for_nothing(tmp_path: Path, command: str) -> None:
    """SIGUSR1 ends neither the sandbox nor the demonstration."""
    with programs.start(tmp_path, command) as program:
        for _ in range(3):
            program.process.send_signal(signal.SIGUSR1)
            assert httpx.get(f"{program.url}/livez", timeout=LONG).status_code < 500
        assert program.stop() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_recipes_find_their_gateway(tmp_path: Path, store: Server, provider: Stub, workers: int) -> None:
    """The runbook's commands reach the gateway on the port that is named, whatever else runs on the machine."""
    log = tmp_path / "access.log"
    settings = {"redis_url": store.url, "access_log": str(log)}
    with fleet(tmp_path, 2, workers, upstream=provider.url, **settings) as (other, ours):
        listed = _run(_recipe("ps -eo"), ours, tmp_path)
        pids = {ours.process.pid, *ours.worker_pids()}
        assert {int(line.split()[0]) for line in listed.splitlines()} == pids
        ours.ask(token=fresh())
        until(lambda: log.read_text().count("\n") == 1, "it is not written")
        _run(_recipe("mv access.log"), ours, tmp_path)
        until(lambda: len(ours.logged("access_log_reopened")) == workers, "it is not opened anew")
        assert ours.logged("access_log_reopened")[0]["file"] == str(log)
        ours.ask(token=fresh())
        until(lambda: log.exists() and log.read_text().count("\n") == 1, "it is not written")
        _run(_recipe("gw check && pkill"), ours, tmp_path)
        until(lambda: len(ours.logged("reloaded")) == workers, "it is not reloaded")
        assert other.logged("access_log_reopened") == other.logged("reloaded") == []
        assert (tmp_path / "access.log.1").read_text().count("\n") == 1


def test_standard_output_is_not_opened_anew(tmp_path: Path, provider: Stub) -> None:
    """SIGUSR1 leaves standard output as it is, and says so."""
    with gateway(tmp_path, upstream=provider.url) as only:
        hang_up(only, event="access_log_reopened", number=signal.SIGUSR1)
        assert only.logged("access_log_reopened")[0]["file"] == "standard output"
        assert only.logged("reloaded") == []
        only.ask(token=fresh())
        assert len(only.access_lines(count=1)) == 1


def test_a_folder_that_is_gone(tmp_path: Path, provider: Stub) -> None:
    """A log that cannot be opened anew is told of, and goes on where it is open."""
    folder = tmp_path / "logs"
    folder.mkdir()
    with gateway(tmp_path, upstream=provider.url, access_log=str(folder / "access.log")) as only:
        folder.rename(tmp_path / "moved")
        hang_up(only, event="access_log_not_reopened", number=signal.SIGUSR1)
        only.ask(token=fresh())
        until(lambda: (tmp_path / "moved" / "access.log").read_text().count("\n") == 1, "the line is missing")


def test_a_reload_names_renewed_files(tmp_path: Path, provider: Stub) -> None:
    """A certificate, a key or an authority whose file has changed is told of, though no setting has."""
    authority = Authority(tmp_path)
    own = authority.sign("own")
    ca = tmp_path / "providers.pem"
    ca.write_bytes(authority.file.read_bytes())
    file = Configuration(
        tmp_path, upstream_url=provider.url, tls_certificate=str(own.certificate), tls_key=str(own.key)
    )
    with file.path.open("a") as more:
        more.write(f'[providers.insee]\nbase_url = "https://127.0.0.1:9"\nca = "{ca}"\n')
    with gateway(tmp_path, upstream="", **file.variables) as only:
        hang_up(only)
        authority.sign("own")
        hang_up(only)
        ca.write_bytes(ca.read_bytes() * 2)
        hang_up(only)
        told = only.logged("reloaded", count=3)
        assert [line["changed"] for line in told] == [
            [],
            ["GATEWAY_TLS_CERTIFICATE", "GATEWAY_TLS_KEY"],
            ["GATEWAY_PROVIDERS__INSEE"],
        ]
        assert ["certificate_ends" in line for line in told] == [False, True, False]
