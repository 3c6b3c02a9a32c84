"""An S3 server, started as a program of its own (moto)."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from support.stores import free_port

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_REGION": "us-east-1"}
_START_SECONDS = 60


@dataclass
class Buckets:
    """A started S3 server."""

    url: str
    process: "subprocess.Popen[bytes]"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a client of this server."""
        return CREDENTIALS | {"AWS_ENDPOINT_URL": self.url}

    def make(self, name: str) -> None:
        """Make a bucket."""
        httpx.put(f"{self.url}/{name}").raise_for_status()

    def keys(self, name: str) -> list[str]:
        """The keys of a bucket."""
        listed = httpx.get(f"{self.url}/{name}").raise_for_status().text
        return [part.partition("</Key>")[0] for part in listed.split("<Key>")[1:]]


@contextmanager
def buckets(folder: Path) -> Iterator[Buckets]:
    """Start an S3 server until the end of the block."""
    port = free_port()
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=log,
            stderr=log,
            env=os.environ | {"MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": "1048576"},
        )
    started = Buckets(f"http://127.0.0.1:{port}", process)
    try:
        _wait(started, folder / "s3.log")
        yield started
    finally:
        process.kill()
        process.wait()


def _wait(started: Buckets, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and started.process.poll() is None:
        try:
            httpx.get(started.url, timeout=5)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the S3 server does not answer: {log.read_text()}")
