"""Options that cannot be: one clear line, which names the option and the remedy."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from support import programs
from support.tokens import SECRET

SERVED = {"jwt_secrets": SECRET, "upstream_url": "http://127.0.0.1:1"}
MAKE_CERTIFICATE = Path(__file__).resolve().parents[3] / "deploy" / "make-certificate"

WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    **{
        f"latency {value}": (("sandbox", "--latency-ms", value), "give milliseconds from 0")
        for value in ("-4", "-0.5", "nan", "inf", "1e99", "soon", "")
    },
    **{
        f"rate {value}": (("sandbox", "--error-rate", value), "give a number between 0 and 1")
        for value in ("-0.1", "1.5", "nan", "half", "")
    },
    "an unknown fault": (("sandbox", "--fault", "no-such"), "is none of slow, drip"),
    "a misspelt fault": (("sandbox", "--fault", "time-out"), "did you mean timeout?"),
    **{
        f"{command} port {value}": ((command, "--port", value), "give a number from 0 to 65535")
        for command in ("demo", "serve", "sandbox")
        for value in ("65536", "-1", "http", "9" * 5000, "٣")
    },
    **{
        f"{command} host {value}": ((command, "--host", value), "such as 127.0.0.1 or ::1")
        for command in ("demo", "serve", "sandbox")
        for value in ("", "http://127.0.0.1", "a b")
    },
    **{
        f"{command} host {value}": ((command, "--port", "0", "--host", value), "127.0.0.1, or 0.0.0.0 for all.")
        for command in ("demo", "serve", "sandbox")
        for value in ("300.1.1.1", "no-such.invalid", "192.0.2.1", "2001:db8::1", "localhost:80", "a..b")
    },
    **{
        f"{command} cases {value[:20]}": ((command, "--cases", value), "is no folder: give one with files of cases")
        for command in ("demo", "sandbox")
        for value in ("/nowhere", __file__, "", "a" * 5000)
    },
    "workers": (("serve", "--workers", "two"), "give one from 1 to 512"),
    "many workers": (("serve", "--workers", "1000000"), "give one from 1 to 512"),
    "no workers": (("serve", "--workers", "0"), "Give 1 or more."),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be(name: str) -> None:
    """The last line names the option and the remedy, and the status is 2."""
    arguments, remedy = WRONG[name]
    settings = SERVED if arguments[0] == "serve" else {}
    done = programs.run(*arguments, **settings)
    line = done.stderr.splitlines()[-1]
    assert done.returncode == 2, done.stderr
    assert next(each for each in reversed(arguments) if each.startswith("--")) in line
    assert remedy in line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["demo", "serve", "sandbox"])
def test_a_port_in_use(command: str) -> None:
    """A port that another program listens on is told, with the option that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = programs.run(command, "--port", str(port), **(SERVED if command == "serve" else {}))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert f"127.0.0.1:{port} cannot be used (Address already in use). Choose another with --port." in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every port")
def test_a_privileged_port() -> None:
    """A port for root alone is told, with those that are for everybody."""
    done = programs.run("sandbox", "--port", "1")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "Choose one from 1024 on with --port." in done.stderr


def _make_certificate(*names: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    given = {**os.environ, "CERTIFICATES": str(folder)}
    return subprocess.run(["sh", MAKE_CERTIFICATE, *names], env=given, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_of_make_certificate(tmp_path: Path, option: str) -> None:
    """`make-certificate --help` explains, and makes nothing."""
    done = _make_certificate(option, folder=tmp_path / "made")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: make-certificate")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", ["-x", "--days", "a b", "", "300.1.1.1", "1:2:3", "http://x"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    """What is no name of a machine is refused in one line."""
    done = _make_certificate(name, folder=tmp_path / "made")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_addresses_of_both_kinds(tmp_path: Path) -> None:
    """Names and addresses of both kinds are taken."""
    assert _make_certificate("localhost", "127.0.0.1", "::1", folder=tmp_path / "made").returncode == 0
    assert (tmp_path / "made" / "tls.crt").read_text().startswith("-----BEGIN CERTIFICATE")
