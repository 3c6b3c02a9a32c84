"""What documents of 20 MB cost a process that serves JSON at the same time: memory, and time of the JSON calls.

    .venv/bin/python bench/documents.py [--documents 8] [--megabytes 20] [--s3]

Starts a provider and a gateway (one process, a folder; with --s3 a local S3 server) as programs of their own. For each
form in which a provider gives a file, and for downloads, it makes that many calls at once while others ask for JSON,
and reads the gateway's memory from /proc every few milliseconds. A second gateway (the bystander), which has nothing to
do with the documents, is asked for the same JSON at the same time: if its calls take longer than usual, the machine is
the cause, and the difference between the two gateways is due to the documents. docs/documents.md is written from it.
"""

import argparse
import asyncio
import multiprocessing
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support import programs
from support.buckets import buckets
from support.papers import VIGILANCE_V2, VIGILANCE_V3, VIGILANCE_V4, envelope, pdf
from support.site import GOOD_BODY, ROOMY, UNITE_LEGALE, fresh
from support.stub import answer
from support.wire import request

JSON_CALLERS = 4
JSON_PAUSE = 0.01
MEGABYTE = 1024 * 1024
CLOCK = os.sysconf("SC_CLK_TCK")


def provide(port: "multiprocessing.Queue[int]", size: int) -> None:
    """Serve as a provider that answers with a file, JSON with the file, JSON with its address, or small JSON."""
    file = pdf(size)
    answers = {
        VIGILANCE_V3: answer(file, content_type="application/pdf"),
        VIGILANCE_V4: answer(envelope(document=b64encode(file).decode()).replace(b"/", b"\\/")),
        UNITE_LEGALE: answer(GOOD_BODY),
        "/file.pdf": answer(file, content_type="application/pdf"),
    }

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ")[1].partition(b"?")[0].decode()
                raw = memoryview(answers[path])
                for start in range(0, len(raw), MEGABYTE):
                    writer.write(raw[start : start + MEGABYTE])
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        number = server.sockets[0].getsockname()[1]
        answers[VIGILANCE_V2] = answer(b'{"url":"http://127.0.0.1:%d/file.pdf"}' % number)
        port.put(number)
        await server.serve_forever()

    asyncio.run(main())


async def call(port: int, path: str, *, token: str | None) -> bytes:
    """Make a call on a connection of its own; return the body if it is JSON, only its first bytes if it is long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    query = {} if token is None else programs.TRACE
    writer.write(request(token=token, path=path, query=query, headers={"Connection": "close"}))
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise RuntimeError(path + (head + await reader.read(1000)).decode())
    first = await reader.read(65_536)
    while await reader.read(262_144):
        pass
    writer.close()
    return first


async def ask(port: int, times: list[float], until: asyncio.Event) -> None:
    """Ask for JSON on one connection, again and again with pauses, and add the time of each call to `times`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = request(token=fresh())
    while not until.is_set():
        started = time.perf_counter()
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head)
        await reader.readexactly(int(found[1]) if found else 0)
        times.append(time.perf_counter() - started)
        await asyncio.sleep(JSON_PAUSE)
    writer.close()


class Ports(NamedTuple):
    """The ports of the two gateways."""

    measured: int
    bystander: int


class Watch:
    """Watches the memory and CPU of a process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def resident(self) -> float:
        """Megabytes of its resident memory now."""
        return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * 4096 / MEGABYTE

    def cpu(self) -> float:
        """CPU seconds that it has used."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK

    async def peak(self, peaks: list[float], until: asyncio.Event) -> None:
        """Add its memory to `peaks` again and again, until `until` is set."""
        while not until.is_set():
            peaks.append(self.resident())
            await asyncio.sleep(0.005)


class Found(NamedTuple):
    """The figures of a measurement."""

    seconds: float
    cpu: float
    more: float
    """Megabytes of memory beyond those before, at the peak."""
    times: list[float]
    """Times of JSON calls to the gateway that is measured."""
    others: list[float]
    """Times of JSON calls to the bystander."""


async def meanwhile(ports: Ports, watch: Watch, work: Callable[[], Awaitable[object]]) -> Found:
    """Do some work while both gateways are asked for JSON."""
    done, times, others, peaks = asyncio.Event(), list[float](), list[float](), list[float]()
    before, cpu = watch.resident(), watch.cpu()
    callers = [asyncio.create_task(ask(ports.measured, times, done)) for _ in range(JSON_CALLERS)]
    callers += [asyncio.create_task(ask(ports.bystander, others, done)) for _ in range(JSON_CALLERS)]
    callers.append(asyncio.create_task(watch.peak(peaks, done)))
    started = time.perf_counter()
    await work()
    seconds = time.perf_counter() - started
    done.set()
    await asyncio.gather(*callers)
    return Found(seconds, watch.cpu() - cpu, max(peaks) - before, times, others)


def row(name: str, count: int, found: Found) -> str:
    """A row of the table."""
    per = "" if not count else f"{found.more / count:.1f}"
    figures = [f"{found.seconds:.1f}", f"{found.cpu:.1f}", f"{found.more:.0f}", per]
    for times in (found.times, found.others):
        figures += [f"{statistics.median(times) * 1000:.1f}", f"{statistics.quantiles(times, n=100)[98] * 1000:.1f}"]
    return f"| {name} | {count or ''} | {' | '.join(figures)} |"


async def measure(ports: Ports, pid: int, count: int) -> None:
    """Print the table."""
    port = ports.measured
    watch = Watch(pid)
    for path in (VIGILANCE_V3, VIGILANCE_V4, VIGILANCE_V2):
        await call(port, path, token=fresh())  # so that what is made only once is there
    print("| | at once | s | CPU s | MB more | per document | JSON p50 ms | p99 ms | bystander p50 ms | p99 ms |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    print(row("JSON alone", 0, await meanwhile(ports, watch, lambda: asyncio.sleep(5))))
    links: list[bytes] = []

    async def documents(path: str) -> None:
        links.extend(await asyncio.gather(*(call(port, path, token=fresh()) for _ in range(count))))

    for name, path in (("file", VIGILANCE_V3), ("base64", VIGILANCE_V4), ("address", VIGILANCE_V2)):
        print(row(name, count, await meanwhile(ports, watch, lambda path=path: documents(path))))
    found = re.search(rb"/documents/[^\"]+", links[0])
    assert found is not None
    link = found[0].decode()

    async def downloads() -> None:
        await asyncio.gather(*(call(port, link, token=None) for _ in range(count)))

    print(row("download", count, await meanwhile(ports, watch, downloads)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=8, help="how many at once")
    parser.add_argument("--megabytes", type=int, default=20, help="how long each is")
    parser.add_argument("--s3", action="store_true", help="keep them in a local S3 server instead of a folder")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, {time.strftime('%F')}")
    ports: multiprocessing.Queue[int] = multiprocessing.Queue()
    provider = multiprocessing.Process(target=provide, args=(ports, options.megabytes * MEGABYTE), daemon=True)
    provider.start()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, ExitStack() as stack:
        settings = {"upstream": f"http://127.0.0.1:{ports.get()}", "upstream_timeout": "60", "limit_json": "1000000"}
        if options.s3:
            server = stack.enter_context(buckets(Path(folder)))
            server.make("documents")
            os.environ |= server.environment
            settings["documents"] = "s3://documents"
        (Path(folder) / "bystander").mkdir()
        program = stack.enter_context(programs.gateway(Path(folder), **settings, **ROOMY))
        other = stack.enter_context(programs.gateway(Path(folder) / "bystander", **settings, **ROOMY))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(Ports(program.port, other.port), program.process.pid, options.documents))
    provider.terminate()


if __name__ == "__main__":
    main()
