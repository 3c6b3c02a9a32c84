"""Fleets: several gateways on one store, each with any number of workers, and clients that call them together."""

import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx

from support import zygote
from support.programs import START_SECONDS, Program, environment
from support.site import UNITE_LEGALE, scrape
from support.stores import until
from support.tokens import SECRET
from support.wire import Answer, Wire, request, wire

T = TypeVar("T")
ANY_NUMBER = {
    "limit_ip": "1000000",
    "ignored_429_limit": "1000000",
    "limit_json": "1000000",
    "duplicates": "count",
}
"""Settings with which no call is refused, except for limits that a test sets."""


@dataclass
class Gateway(Program):
    """A started gateway."""

    pipe: int | None = None
    """File descriptor to read its standard output from, if that is a pipe."""

    def worker_pids(self) -> set[int]:
        """The process ids of its workers."""
        return {pid for pid in _children(self.process.pid) if b" worker " in _command(pid)}

    def modes(self, *, count: int = 0) -> list[str]:
        """The modes of the store that it has logged, in order; waits until there are `count`, and one of each process.

        Each process logs one when it starts.
        """
        return [line["mode"] for line in self.logged("store_mode", count=max(count, self.workers))]

    def faults(self, *events: str) -> list[str]:
        """The reasons in the lines of some events, but for those of a machine that stood still for a moment."""
        self.all_logged()
        reasons = [line["reason"] for event in events for line in self.logged(event)]
        slow = ("did not answer within", "Timeout")
        return [reason for reason in reasons if not any(sign in reason for sign in slow)]

    def metrics(self, *, port: int | None = None) -> dict[str, float]:
        """The values of a scrape, by sample."""
        address = f"{self.scheme}://127.0.0.1:{port or self.port}"
        text = scrape(address)
        rows = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in rows}

    def in_mode(self, mode: str) -> float:
        """Number of its processes that are in a mode of the store."""
        return self.metrics().get(f'gateway_store_mode{{mode="{mode}"}}', 0)

    def settles_in(self, mode: str) -> None:
        """Wait until all of its processes are in a mode."""
        until(lambda: self.in_mode(mode) == self.workers, f"the mode is not {mode}")

    def ask(
        self,
        *,
        token: str | None,
        path: str = UNITE_LEGALE,
        source: str = "127.0.0.1",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make an ordinary call on a connection of its own."""
        with wire(self.port, source=source) as line:
            line.send(request(token=token, path=path, headers=headers))
            return line.answer()

    def says(self, data: bytes, *, source: str = "127.0.0.1") -> bytes:
        """The bytes that a new connection answers to some bytes; empty if it is closed without an answer."""
        with wire(self.port, source=source) as line:
            line.send(data)
            return line.some()

    def wait_ready(self) -> None:
        """Wait until all of its processes answer."""
        try:
            until(self._is_ready, "it does not answer", seconds=START_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.errors.read_text()}") from error

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"it stopped at once: {self.errors.read_text()}")
        if self.port == 0:
            told = self.logged("ready") + self.logged("starting")
            if told:
                url = urlsplit(told[0]["url"])
                self.scheme, self.port = url.scheme, url.port or 0
        try:
            modes = self.metrics() if self.port else {}
        except httpx.TransportError:
            return False
        return sum(count for name, count in modes.items() if name.startswith("gateway_store_mode")) == self.workers

    def end(self) -> None:
        """Kill it and its workers, whatever state they are in."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            workers = self.worker_pids()
            self.process.kill()
            self.process.wait()
            for pid in workers:
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None


@contextmanager
def fleet(folder: Path, count: int, workers: int = 1, /, *, upstream: str, **settings: str) -> Iterator[list[Gateway]]:
    """Start `count` gateways with `workers` workers each, until the end of the block; each has a folder of its own."""
    with _started(folder, count, workers, pipe=False, upstream=upstream, settings=settings) as members:
        yield members


@contextmanager
def gateway(folder: Path, workers: int = 1, /, *, upstream: str, **settings: str) -> Iterator[Gateway]:
    """Start one gateway until the end of the block."""
    with _started(folder, 1, workers, pipe=False, upstream=upstream, settings=settings) as (only,):
        yield only


@contextmanager
def piped(folder: Path, workers: int = 1, /, *, upstream: str, **settings: str) -> Iterator[Gateway]:
    """Start one gateway whose standard output is a pipe, until the end of the block."""
    with _started(folder, 1, workers, pipe=True, upstream=upstream, settings=settings) as (only,):
        yield only


@contextmanager
def _started(
    folder: Path, count: int, workers: int, *, pipe: bool, upstream: str, settings: Mapping[str, str]
) -> Iterator[list[Gateway]]:
    usual = {"jwt_secrets": SECRET, "upstream_url": upstream} | ANY_NUMBER
    members: list[Gateway] = []
    try:
        for number in range(count):
            own = folder / f"gateway-{len(list(folder.glob('gateway-*')))}-{number}"
            own.mkdir(parents=True)
            members.append(_launch(own, workers, pipe=pipe, settings={**usual, **settings}))
        for member in members:
            member.wait_ready()
        yield members
    finally:
        for member in members:
            if member.process.poll() is None:
                member.process.terminate()
        for member in members:
            member.end()


@contextmanager
def at_port(folder: Path, port: int, workers: int = 1, /, *, upstream: str, **settings: str) -> Iterator[Gateway]:
    """Start one gateway on a given port until the end of the block; its log files are appended to."""
    folder.mkdir(parents=True, exist_ok=True)
    usual = {"jwt_secrets": SECRET, "upstream_url": upstream} | ANY_NUMBER
    started = _launch(folder, workers, pipe=False, settings={**usual, **settings}, port=port)
    try:
        started.wait_ready()
        yield started
    finally:
        started.end()


def _launch(folder: Path, workers: int, *, pipe: bool, settings: Mapping[str, str], port: int = 0) -> Gateway:
    output, errors = folder / "output", folder / "errors"
    settings = {"revocations_copy": str(folder / "revocations.json")} | dict(settings)
    reader, writer = os.pipe() if pipe else (None, os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    try:
        with errors.open("ab") as err:
            process = zygote.popen(
                ["serve", "--port", str(port), "--workers", str(workers)],
                env=environment(**settings),
                stdout=writer,
                stderr=err,
            )
    finally:
        os.close(writer)
    return Gateway(process, port, output, errors, reader, workers=workers)


def _children(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(folder.name))
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def together(calls: Sequence[Callable[[], T]], *, threads: int = 40) -> list[T]:
    """Run calls in parallel, at most `threads` at once; returns their results, in order."""
    with ThreadPoolExecutor(threads) as pool:
        return [done.result() for done in [pool.submit(call) for call in calls]]


def pause(seconds: float) -> None:
    """Sleep, where there is no condition to wait for."""
    select.select([], [], [], seconds)


class Taken(NamedTuple):
    """An answer under load."""

    at: float
    """When the call was made, in seconds of the monotonic clock."""
    seconds: float
    """Duration of the call."""
    answer: Answer

    @property
    def ended(self) -> float:
        """When the answer was whole, in seconds of the monotonic clock."""
        return self.at + self.seconds

    def overlaps(self, other: "Taken") -> bool:
        """Whether both were under way at some time."""
        return self.at < other.ended and other.at < self.ended

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return self.answer.status


@dataclass
class Load:
    """Clients that call continuously, each on a connection of its own."""

    clients: int
    taken: list[Taken] = field(default_factory=list)
    broken: int = 0
    """Connections that ended before the answer to a call."""
    refused: int = 0
    """Connections that could not be made."""
    stopped: threading.Event = field(default_factory=threading.Event)

    def grows_by(self, answers: int) -> None:
        """Wait for so many more answers."""
        goal = len(self.taken) + answers
        until(lambda: len(self.taken) >= goal, "the answers do not come")

    def statuses(self) -> set[int]:
        """The statuses of all answers."""
        return {taken.status for taken in self.taken}

    def slow(self, beats: "Load", *, since: float, beyond: float = 0.09) -> int:
        """Number of answers received since `since` that took longer than `beyond` seconds for a reason of their own.

        A machine that stands still makes calls slow that wait for nothing. So those are not counted during which one of
        `beats`, calls that need nothing but the gateway, took long as well.
        """
        pauses = [beat for beat in beats.taken if beat.seconds > beyond / 3]
        return sum(
            taken.seconds > beyond and taken.ended >= since and not any(map(taken.overlaps, pauses))
            for taken in self.taken
        )

    def call_all_the_time(self, port: int, data: Callable[[], bytes], source: str) -> None:
        """Call until `stopped` is set."""
        while not self.stopped.is_set():
            try:
                with wire(port, source=source) as line:
                    self._call_on(line, data)
            except ConnectionRefusedError:
                self.refused += 1
                self.stopped.wait(0.02)
            except (OSError, IndexError):
                self.broken += 1

    def _call_on(self, line: Wire, data: Callable[[], bytes]) -> None:
        while not self.stopped.is_set():
            started = time.monotonic()
            line.send(data())
            answer = line.answer()
            self.taken.append(Taken(started, time.monotonic() - started, answer))
            if answer.headers.get("connection") == "close":
                return
            self.stopped.wait(0.004)


@contextmanager
def load(
    members: Sequence[Gateway], data: Callable[[], bytes], *, clients: int = 8, source: str = "127.0.0.1"
) -> Iterator[Load]:
    """Call all gateways until the end of the block; answers are complete once it has ended."""
    running = Load(clients)
    with ThreadPoolExecutor(clients) as pool:
        futures = [
            pool.submit(running.call_all_the_time, members[number % len(members)].port, data, source)
            for number in range(clients)
        ]
        try:
            yield running
        finally:
            running.stopped.set()
    for future in futures:
        future.result()


def undisturbed(members: Sequence[Gateway], attempt: Callable[[], T], *, tries: int = 5) -> T:
    """Repeat an attempt until no gateway loses its store during it; returns its result.

    A machine that pauses for a tenth of a second makes the store look absent, so one attempt may not be enough.
    """
    for _ in range(tries):
        before = _changes_of_mode(members)
        result = attempt()
        for member in members:
            member.settles_in("shared")
        if before == _changes_of_mode(members):
            return result
    raise AssertionError(f"in each of {tries} attempts the store was out of reach of some gateway")


def _changes_of_mode(members: Sequence[Gateway]) -> int:
    for member in members:
        member.all_logged()
    return sum(len(member.logged("store_mode")) for member in members)
