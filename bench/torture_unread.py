"""A gateway whose access lines and log go into pipes that nobody reads."""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import time

from testbed import Server, free_port
from torture_clients import EXPIRY, HEALTHY, SIRET
from torture_scene import Scene

from support import stores
from support.programs import environment
from support.tokens import token
from support.wire import request

RESETS = 15_000
STOP_SECONDS = 5
_LINGER = struct.pack("ii", 1, 0)


def unread(scene: Scene) -> list[tuple[str, str]]:
    """Call such a gateway until it keeps no more lines, and reset thousands of calls; return the figures.

    Raises:
        RuntimeError: the gateway does not answer `/livez`, does not end in time, or its memory grows.
    """
    port = free_port()
    pipes = [full_pipe(), full_pipe()]
    settings = scene.settings | {"stop_timeout": str(STOP_SECONDS), "limit_ip": "10000000", "limit_json": "10000000"}
    process = subprocess.Popen(
        [sys.executable, "-m", "apientreprise_gateway", "serve", "--port", str(port)],
        env=environment(**settings),
        stdout=pipes[0][1],
        stderr=pipes[1][1],
    )
    try:
        return _figures(scene, process, port)
    finally:
        process.kill()
        process.wait()
        for pair in pipes:
            for end in pair:
                os.close(end)


def full_pipe() -> tuple[int, int]:
    """A pipe that is full."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x")
    os.set_blocking(writer, True)
    return reader, writer


def is_live(port: int) -> bool:
    """Whether the gateway answers `/livez` within five seconds."""
    with contextlib.suppress(OSError, IndexError), socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n")
        return b" 200 " in line.recv(100)
    return False


def _figures(scene: Scene, process: "subprocess.Popen[bytes]", port: int) -> list[tuple[str, str]]:
    server = Server(process, port, scene.folder)
    stores.until(lambda: is_live(port), "the gateway that nobody reads does not live")
    first = server.memory()
    bearer = token(exp=EXPIRY)
    refused = fill(port, bearer)
    full = server.memory()
    reset(port, bearer)
    last = server.memory()
    if not is_live(port):
        raise RuntimeError("a gateway whose output nobody reads does not say that it lives")
    start = time.monotonic()
    process.terminate()
    try:
        status = process.wait(STOP_SECONDS + 10)
    except subprocess.TimeoutExpired:
        raise RuntimeError("a gateway whose output nobody reads does not end") from None
    return [
        ("output that nobody reads: calls answered before one was refused for it", str(refused)),
        (f"MiB at first, full, and after {RESETS} calls that were reset", f"{first:.0f}, {full:.0f}, {last:.0f}"),
        (f"seconds to its end ({STOP_SECONDS} allowed), exit status", f"{time.monotonic() - start:.1f}, {status}"),
    ]


def fill(port: int, bearer: str) -> int:
    """Call until a call waits or is refused as its line cannot be kept; return the number of calls answered."""
    answered = 0
    long = dict.fromkeys(("context", "object"), "x" * 256) | {"recipient": SIRET}
    data = request(token=bearer, path="/v4/nowhere", query=long)
    with socket.create_connection(("127.0.0.1", port), timeout=3) as line, contextlib.suppress(TimeoutError):
        while True:
            line.sendall(data)
            if b" 404 " not in line.recv(65536).partition(b"\r\n")[0]:
                break
            answered += 1
    return answered


def reset(port: int, bearer: str) -> None:
    """Call, and reset the connection at once, thousands of times."""
    data = request(token=bearer, path=HEALTHY[0])
    for _ in range(RESETS):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            line.sendall(data)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
