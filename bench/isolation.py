"""What a provider that hangs does to calls to another: `docs/providers.md` is written from its output.

    .venv/bin/python bench/isolation.py [--rate 200] [--seconds 25] [--rounds 3]

k6 calls one provider at a constant rate, first alone, then while 500 connections call another one, each about a second
after its last answer: one that answers, to show the effect of load alone, then one that never does. The cases are
measured in turns, several times; the medians count. On a machine that has other work, run it under `sudo chrt -r 10`.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from latency import arrivals
from testbed import (
    HERE,
    QUERY,
    MissingToolError,
    Server,
    Testbed,
    bearer,
    free_port,
    machine,
    need,
    say,
    started,
    testbed,
)

CALLERS = 500
HANGS = "/v3/infogreffe/rcs/unites_legales/130025265/extrait_kbis" + QUERY
ANSWERS = "/v3/european_commission/unites_legales/130025265/numero_tva" + QUERY
NEVER = 10**9
"""Milliseconds, longer than any call waits."""


class Case(NamedTuple):
    """One case to measure."""

    name: str
    calls: str = ""
    """Path that the 500 connections call; empty for none."""
    settings: Mapping[str, str] = MappingProxyType({})


CASES = (
    Case("alone"),
    Case("the 500 call a third one, which answers", ANSWERS),
    Case("the 500 call one that hangs", HANGS),
    Case("the same, its cap is 100", HANGS, {"providers__infogreffe__max_calls": "100"}),
    Case("the same, without breakers", HANGS, {"breaker": "off"}),
)


@contextlib.contextmanager
def provider(prepared: Testbed, milliseconds: int) -> Iterator[int]:
    """Run a provider that answers after so many milliseconds; yields its port."""
    port = free_port()
    command = [sys.executable, str(HERE / "slow.py"), str(port), str(milliseconds)]
    with started(command, prepared.folder / f"slow-{port}", port=port, cpu=prepared.cpus):
        yield port


@contextlib.contextmanager
def callers(server: Server, prepared: Testbed, path: str) -> Iterator[None]:
    """Have the 500 connections call another provider, until the end of the block."""
    command = ["taskset", "-c", prepared.cpus, "wrk", "-t1", f"-c{CALLERS}", "-d600", "--timeout", "60"]
    command += ["-s", str(HERE / "hang.lua"), "-H", bearer(), server.url + path]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure(case: Case, prepared: Testbed, hanging: int, *, rate: int, seconds: int) -> dict[str, float]:
    """The times of the calls to the provider that answers, in milliseconds."""
    settings = {
        "duplicates": "count",
        "providers__infogreffe__base_url": f"http://127.0.0.1:{hanging}",
        **case.settings,
    }
    with prepared.gateway(**settings) as server:
        arrivals(server.url, prepared, rate=rate, seconds=2)  # warm-up
        cpu, began = server.cpu(), time.monotonic()
        with callers(server, prepared, case.calls) if case.calls else contextlib.nullcontext():
            figures = arrivals(server.url, prepared, rate=rate, seconds=seconds)
        return figures | {"cpu": (server.cpu() - cpu) / (time.monotonic() - began) * 100}


def table(prepared: Testbed, hanging: int, *, rate: int, seconds: int, rounds: int) -> None:
    """Print the medians of all cases."""
    found: dict[str, list[dict[str, float]]] = {case.name: [] for case in CASES}
    for number in range(rounds):
        for case in CASES:
            say(f"round {number + 1}: {case.name}")
            found[case.name].append(measure(case, prepared, hanging, rate=rate, seconds=seconds))
    print("| | p50 ms | p99 ms | p99 against alone | CPU of the gateway |\n|---|---|---|---|---|")
    medians = {
        name: {each: statistics.median(row[each] for row in rows) for each in ("p50", "p99", "cpu")}
        for name, rows in found.items()
    }
    for name, row in medians.items():
        ratio = row["p99"] / medians["alone"]["p99"]
        print(f"| {name} | {row['p50']:.2f} | {row['p99']:.2f} | {ratio:.2f} | {row['cpu']:.0f} % |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--milliseconds", type=int, nargs="*", default=[0, 100], help="what the other provider takes")
    options = parser.parse_args()
    try:
        need("wrk", "k6")
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, testbed(Path(folder)) as prepared:
            print(machine())
            for milliseconds in options.milliseconds:
                print(f"\n{options.rate} calls per second to a provider that takes {milliseconds} ms\n")
                with provider(prepared, milliseconds) as answers, provider(prepared, NEVER) as hanging:
                    table(
                        replace(prepared, upstream_port=answers),
                        hanging,
                        rate=options.rate,
                        seconds=options.seconds,
                        rounds=options.rounds,
                    )
    except MissingToolError as error:
        sys.exit(f"bench: {error}")


if __name__ == "__main__":
    main()
