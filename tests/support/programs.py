"""Started programs: the gateway and the sandbox as a user starts them, on real sockets."""

import json
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import httpx

from support import zygote
from support.tokens import SECRET

START_SECONDS = 90
LINE_SECONDS = 60
_MARK = "access_log_reopened"
_ADDRESS = re.compile(r"^(?:Gateway|Fictive providers): +(https?)://127\.0\.0\.1:(\d+)", re.MULTILINE)
_READY = re.compile(r'"url":"(https?)://127\.0\.0\.1:(\d+)"')
TRACE = {"context": "tests", "object": "essai", "recipient": "13002526500013", "user_id": "agent-7"}
"""The traceability parameters of an ordinary call."""
MDWE = "import ctypes, os, sys; assert not ctypes.CDLL(None).prctl(65, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""What MemoryDenyWriteExecute does, by the kernel's own means (PR_SET_MDWE), for the program that is then run."""


@dataclass
class Program:
    """A started program."""

    process: zygote.Process
    port: int
    output: Path
    errors: Path
    scheme: str = field(default="http", kw_only=True)
    workers: int = field(default=1, kw_only=True)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def stop(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 40) -> int:
        """Signal it and wait for its end; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)

    def access_lines(self, *, count: int = 0, event: str = "access") -> list[dict[str, Any]]:
        """The lines written so far; waits until there are `count`, as lines are written after the answers."""
        return _lines(self.output, event, count)

    def logged(self, event: str, *, count: int = 0) -> list[dict[str, Any]]:
        """The lines of one event in the operators' log so far; waits until there are `count`."""
        return _lines(self.errors, event, count)

    def all_logged(self) -> str:
        """The operators' log of a gateway, with all that it has to say of what was answered before.

        It is asked for something that it logs, which each of its processes does after all else.
        """
        if self.process.poll() is None:
            marks = len(self.logged(_MARK)) + self.workers
            self.process.send_signal(signal.SIGUSR1)
            assert len(self.logged(_MARK, count=marks)) >= marks, self.errors.read_text()
        return self.errors.read_text()


def _lines(file: Path, event: str, count: int) -> list[dict[str, Any]]:
    """The lines of one event in a file, once there are `count` of them, or will not be."""
    end = time.monotonic() + LINE_SECONDS
    while True:
        content = file.read_bytes()
        if content.count(b'"event":"%b"' % event.encode()) >= count or time.monotonic() > end:
            texts = [text for text in content.split(b"\n")[:-1] if text.startswith(b"{")]
            lines = [line for line in map(json.loads, texts) if line["event"] == event]
            if len(lines) >= count or time.monotonic() > end:
                return lines
        select.select([], [], [], 0.01)


def environment(**settings: str) -> dict[str, str]:
    """The environment of a program: ours without gateway settings, and with these (names without the prefix)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return kept | {f"GATEWAY_{name.upper()}": value for name, value in settings.items()}


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the gateway to its end."""
    return told("", *arguments, **settings)


def told(text: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the gateway to its end, with a text on its standard input."""
    with (
        TemporaryFile("w+", encoding="utf-8") as given,
        TemporaryFile("w+", encoding="utf-8") as out,
        TemporaryFile("w+", encoding="utf-8") as err,
    ):
        given.write(text)
        given.seek(0)
        process = zygote.popen(arguments, env=environment(**settings), stdin=given.fileno(), stdout=out, stderr=err)
        try:
            status = process.wait(START_SECONDS)
        finally:
            process.kill()
            process.wait()
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(process.args, status, out.read(), err.read())


@contextmanager
def start(folder: Path, *arguments: str, **settings: str) -> Iterator[Program]:
    """Start a command that serves, on a port of its own, until the end of the block."""
    output, errors = folder / "output", folder / "errors"
    with output.open("wb") as out, errors.open("wb") as err:
        process = zygote.popen([*arguments, "--port", "0"], env=environment(**settings), stdout=out, stderr=err)
    program = Program(process, 0, output, errors)
    try:
        program.scheme, program.port = _address_of(
            program, quiet=settings.get("log_level", "INFO") not in ("DEBUG", "INFO")
        )
        yield program
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@contextmanager
def gateway(folder: Path, *, upstream: str, **settings: str) -> Iterator[Program]:
    """Start `serve` in front of a provider's address."""
    usual = {"jwt_secrets": SECRET, "upstream_url": upstream, "documents": str(folder / "documents")}
    usual["revocations_copy"] = str(folder / "revocations.json")
    with start(folder, "serve", **(usual | settings)) as program:
        yield program


@contextmanager
def sandbox(folder: Path, *arguments: str) -> Iterator[Program]:
    """Start `sandbox`."""
    with start(folder, "sandbox", *arguments) as program:
        yield program


def _address_of(program: Program, *, quiet: bool) -> tuple[str, int]:
    """Scheme and port on which a program answers; `quiet` for a program that does not print them."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if program.process.poll() is not None:
            raise AssertionError(f"it stopped at once: {program.errors.read_text()}")
        for scheme, port in _announced(program) or (_listening(program.process.pid) if quiet else []):
            try:
                httpx.get(f"{scheme}://127.0.0.1:{port}/livez", timeout=5, verify=False).raise_for_status()
            except httpx.TransportError:
                continue
            return scheme, port
        select.select([], [], [], 0.02)
    raise AssertionError(f"it does not answer: {program.errors.read_text()}")


def _announced(program: Program) -> list[tuple[str, int]]:
    """The schemes and ports that a program has printed.

    `demo` listens on a second port, for the fictive providers, and a gateway may on another, for its metrics.
    """
    says = _ADDRESS.search(program.output.read_text()) or _READY.search(program.errors.read_text())
    return [] if says is None else [(says[1], int(says[2]))]


def _listening(pid: int) -> list[tuple[str, int]]:
    """The TCP ports that a process listens on, from /proc, as it is without TLS."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [("http", int(row[1].partition(":")[2], 16)) for row in rows if row[3] == "0A" and row[9] in inodes]
