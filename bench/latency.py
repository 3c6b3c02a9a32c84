"""Time that the gateway adds to a provider's, at a constant rate of arrivals, and what calls in flight cost it.

    .venv/bin/python bench/latency.py [--rate 1000] [--seconds 20]

First k6 calls the provider directly at the rate, then through the gateway: the gateway adds the difference. Then wrk
keeps more and more calls in flight at a provider that takes 300 ms: memory per call in flight and CPU per answer should
not grow with their number.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from compare import load
from testbed import BIN, HERE, QUERY, MissingToolError, Testbed, bearer, free_port, machine, need, say, started, testbed

IN_FLIGHT = (250, 500, 1000, 2000)
WARM = 100
"""Calls in flight of the warm-up, after which memory is first read."""
PROVIDER_MILLISECONDS = 300


def arrivals(base: str, prepared: Testbed, *, rate: int, seconds: int) -> dict[str, float]:
    """Call at a constant rate; return times in milliseconds, and numbers of answers."""
    given = {"BASE": base, "RATE": rate, "SECONDS": seconds, "QUERY": QUERY, "BEARER": bearer().partition(": ")[2]}
    command = ["taskset", "-c", prepared.cpus, str(BIN / "k6"), "run", "--quiet", "--no-usage-report"]
    for name, value in given.items():
        command += ["-e", f"{name}={value}"]
    told = subprocess.run([*command, str(HERE / "latency.js")], capture_output=True, text=True, check=False)
    try:
        figures: dict[str, float] = json.loads(told.stdout)
    except json.JSONDecodeError:
        raise RuntimeError(told.stdout[-500:] + told.stderr[-2000:]) from None
    if figures["wrong"]:
        raise RuntimeError(f"{figures['wrong']:.0f} calls were not answered with 200")
    return figures


def added(prepared: Testbed, *, rate: int, seconds: int) -> None:
    """Print the time that the gateway adds at a constant rate."""
    say("the provider alone")
    alone = arrivals(prepared.upstream, prepared, rate=rate, seconds=seconds)
    say("through the gateway")
    with prepared.gateway() as server:
        arrivals(server.url, prepared, rate=rate, seconds=2)  # warm-up
        through = arrivals(server.url, prepared, rate=rate, seconds=seconds)
    print(f"\n{rate} calls per second for {seconds} s\n")
    print("| ms | p50 | p99 | slowest | not sent in time |\n|---|---|---|---|---|")
    for name, each in (("provider alone", alone), ("through the gateway", through)):
        print(f"| {name} | {each['p50']:.2f} | {each['p99']:.2f} | {each['max']:.1f} | {each['dropped']:.0f} |")
    print(f"| added | {through['p50'] - alone['p50']:.2f} | {through['p99'] - alone['p99']:.2f} | | |")


def in_flight(prepared: Testbed, *, seconds: int) -> None:
    """Print what calls in flight cost."""
    print(f"\nA provider that takes {PROVIDER_MILLISECONDS} ms\n")
    print("| in flight | answers/s | CPU µs per answer | MiB | KiB per call in flight |\n|---|---|---|---|---|")
    port = free_port()
    command = [sys.executable, str(HERE / "slow.py"), str(port), str(PROVIDER_MILLISECONDS)]
    slow = replace(prepared, upstream_port=port)
    provider = started(command, prepared.folder / "slow", port=port, cpu=prepared.cpus)
    with provider, slow.gateway(waiting_calls=str(max(IN_FLIGHT))) as server:
        load(server, slow, connections=WARM, seconds=2)
        base = server.memory()
        for count in IN_FLIGHT:
            say(f"{count} in flight")
            each = load(server, slow, connections=count, seconds=seconds)
            per_call = (each.memory - base) * 1024 / (count - WARM)
            print(f"| {count} | {each.per_second:.0f} | {each.cpu:.0f} | {each.memory:.0f} | {per_call:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    try:
        need("wrk", "k6")
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, testbed(Path(folder)) as prepared:
            print(machine())
            added(prepared, rate=options.rate, seconds=options.seconds)
            in_flight(prepared, seconds=max(3, options.seconds // 4))
    except MissingToolError as error:
        sys.exit(f"bench: {error}")


if __name__ == "__main__":
    main()
