"""What calls cost Redis: CPU per million calls, and memory per active token and address.

    .venv/bin/python bench/capacity.py [--calls 200000] [--tokens 10000] [--server redis-server]

Starts a server of its own, admits calls through the gateway's own store from this process, and reads the server's CPU
from /proc and its memory from INFO. docs/capacity.md is written from its output.
"""

import argparse
import asyncio
import platform
import random
import sys
import tempfile
import time
import uuid
from pathlib import Path

import redis
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from apientreprise_gateway.ratelimit.lua import WindowScripts, first_call, sliding
from apientreprise_gateway.ratelimit.redis import RedisLimiter
from apientreprise_gateway.store.link import link
from apientreprise_gateway.store.url import parse_url
from support import stores

CONCURRENT = 64
WITHOUT_LIMIT = 10**9


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def admit(url: str, scripts: WindowScripts, *, calls: int, tokens: int) -> tuple[float, float]:
    """Admit calls of many tokens from as many addresses; return seconds passed, and CPU seconds of this process."""
    limiter = RedisLimiter(
        link(parse_url(url)), ip_limit=WITHOUT_LIMIT, ignored_429_limit=WITHOUT_LIMIT, window=scripts, fallback=None
    )
    await limiter.start()
    ids = [str(uuid.UUID(int=number + 2**100)) for number in range(tokens)]

    async def client(seed: int) -> None:
        chosen = random.Random(seed)
        for _ in range(calls // CONCURRENT):
            number = chosen.randrange(tokens)
            address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            await limiter.admit(address, (ids[number], "json"), WITHOUT_LIMIT)

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client(seed) for seed in range(CONCURRENT)))
    passed = time.perf_counter() - started, time.process_time() - cpu
    await limiter.close()
    return passed


def fill(client: redis.Redis, key: str, entries: int) -> int:
    """Fill a window with so many calls; return the bytes that it takes."""
    now = time.time_ns() // 1000
    client.rpush(key, *(str(now + step * 1000) for step in range(entries)))
    used = int(client.memory_usage(key) or 0)
    client.delete(key)
    return used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--server", default=stores.valkey_server())
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {time.strftime('%F')}, {Path(options.server).name}"
    )
    for name, scripts in (("sliding", sliding()), ("first-call", first_call())):
        with tempfile.TemporaryDirectory() as folder, stores.server(Path(folder), options.server) as server:
            client = server.client()
            assert server.process is not None
            empty, before = int(client.info("memory")["used_memory"]), cpu_seconds(server.process.pid)
            passed, own = uvloop.run(admit(server.url, scripts, calls=options.calls, tokens=options.tokens))
            spent = cpu_seconds(server.process.pid) - before
            used = int(client.info("memory")["used_memory"]) - empty
            millions = options.calls / 1e6
            print(
                f"{name} window, {options.tokens} tokens and addresses, {options.calls / options.tokens:.0f} calls each"
            )
            print(f"  through one process: {options.calls / passed:.0f} calls/s")
            print(f"  CPU per million calls: store {spent / millions:.1f} s, its client {own / millions:.1f} s")
            print(f"  memory per token with its address: {used / options.tokens:.0f} bytes")
            if name == "sliding":
                for what, entries in (
                    ("token, 50 calls", 50),
                    ("token, 250 calls", 250),
                    ("address, 1000 calls", 1000),
                ):
                    print(f"  memory of a full window, {what}: {fill(client, 'gw:{x}:w', entries)} bytes")


if __name__ == "__main__":
    main()
