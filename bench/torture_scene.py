"""The scene of a torture run: two gateways, their Redis with its disk, and their providers."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from testbed import BIN, Server, free_port, say, started
from torture_clients import CEILING, Report
from torture_providers import escaped_document, hang, large_document, misbehave

from support import fleet, stores
from support.stub import always, stub
from support.tokens import SECRET

WORKERS = 2
LIMIT = 60
"""Calls per minute and token on JSON endpoints."""
DEADLINE = 2
"""Seconds that a call to a provider may take."""


class Disk(stores.Server):
    """A Redis set up as docs/store.md says: its data outlives the process."""

    def _kept(self) -> list[str]:
        return ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--dir", str(self.folder)]

    def forget(self) -> None:
        """Delete what is on its disk."""
        for file in (self.folder / "appendonlydir").iterdir():
            file.unlink()


@dataclass
class Scene:
    """The processes and files of a torture run, and what clients report."""

    folder: Path
    report: Report
    store: Disk
    settings: dict[str, str]
    ports: list[int]
    stacks: list[ExitStack]
    gateways: list[fleet.Gateway]
    sandbox_port: int
    sandbox: ExitStack
    calm: float
    """Seconds without trouble in the middle of the run."""
    begun: float = field(default_factory=time.time)
    unread: list[tuple[str, str]] = field(default_factory=list)
    """Figures of a gateway whose output nobody reads."""
    codes: list[int] = field(default_factory=list)
    """Exit statuses of gateways that were told to stop."""

    def now(self, what: str) -> None:
        """Show what happens."""
        say(f"{time.time() - self.begun:4.0f} s  {what}")

    def log_to(self, place: int, file: str) -> None:
        """Set where a gateway writes access lines from its next reload on: a file of its folder, or another path."""
        folder = self.folder / f"gateway-{place}"
        folder.mkdir(exist_ok=True)
        (folder / "settings.toml").write_text(f'access_log = "{folder / file}"\n')

    def reload(self) -> None:
        """Reload both gateways."""
        for member in self.gateways:
            member.process.send_signal(signal.SIGHUP)

    def gateway(self, place: int) -> None:
        """Start a gateway on its port."""
        folder = self.folder / f"gateway-{place}"
        config = str(folder / "settings.toml")
        member = fleet.at_port(folder, self.ports[place], WORKERS, upstream="", config=config, **self.settings)
        self.stacks[place] = ExitStack()
        self.gateways[place] = self.stacks[place].enter_context(member)

    def roll(self, place: int) -> None:
        """Stop a gateway with SIGTERM, and start it again."""
        start = time.time()
        self.codes.append(self.gateways[place].stop())
        self.report.rolls.append((start, time.time()))
        self.stacks[place].close()
        self.gateway(place)

    def provider(self) -> None:
        """Start the sandbox."""
        command = [str(BIN / "apientreprise-gateway"), "sandbox", "--port", str(self.sandbox_port), "--latency-ms", "5"]
        cpus = f"0-{(os.cpu_count() or 1) - 1}"
        self.sandbox.enter_context(started(command, self.folder / "sandbox", port=self.sandbox_port, cpu=cpus))

    @contextmanager
    def without_store(self) -> Iterator[None]:
        """Record Redis as away from now until all processes have found it again after the block."""
        start = time.time()
        yield
        for member in self.gateways:
            member.settles_in("shared")
        self.report.away.append((start, time.time()))


class Weight(NamedTuple):
    """Memory of the processes of a gateway at one time."""

    at: float
    sizes: list[float]
    """MiB of the parent, then of each worker."""


def watch_memory(scene: Scene, weights: list[Weight], end: threading.Event) -> None:
    """Record each second the memory of the gateway whose workers are not killed."""
    parent, workers = scene.gateways[1].process, sorted(scene.gateways[1].worker_pids())
    server = Server(parent, scene.ports[1], scene.folder)
    while not end.wait(1):
        sizes = server.memories()
        weights.append(Weight(time.time(), [sizes[pid] for pid in (parent.pid, *workers)]))


@contextmanager
def built(folder: Path, *, calm: float) -> Iterator[Scene]:
    """Start Redis, the providers and the gateways."""
    with ExitStack() as stack:
        store = Disk("redis-server", folder, stores.free_port())
        stack.callback(store.stop)
        store.start()
        sick = stack.enter_context(stub(misbehave))
        hanging = stack.enter_context(stub(hang))
        heavy = stack.enter_context(stub(always(escaped_document())))
        large = stack.enter_context(stub(always(large_document())))
        sandbox_port = free_port()
        sandbox = stack.enter_context(ExitStack())
        settings = {
            "jwt_secrets": SECRET,
            "redis_url": store.url,
            "upstream_url": f"http://127.0.0.1:{sandbox_port}",
            "upstream_timeout": str(DEADLINE),
            "limit_json": str(LIMIT),
            "limit_ip": str(CEILING),
            "client_timeout": "2",
            "stop_timeout": "8",
            "documents": str(folder / "documents"),
            "providers__ademe__base_url": sick.url,
            "providers__probtp__base_url": sick.url,
            "providers__qualifelec__base_url": hanging.url,
            "providers__fntp__base_url": heavy.url,
            "providers__cnetp__base_url": large.url,
        }
        ports = [free_port(), free_port()]
        nobody: list[fleet.Gateway] = [None, None]  # type: ignore[list-item]
        stacks = [ExitStack(), ExitStack()]
        scene = Scene(folder, Report(), store, settings, ports, stacks, nobody, sandbox_port, sandbox, calm)
        scene.provider()
        for place in range(len(ports)):
            scene.log_to(place, "access.jsonl")
            scene.gateway(place)
        try:
            yield scene
        finally:
            scene.report.stopped.set()
            for each in scene.stacks:
                each.close()
