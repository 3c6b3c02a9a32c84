"""What an answer costs with several workers, compared with one, and with as many gateways of one worker.

    .venv/bin/python bench/scaling.py [--rounds 3] [--seconds 4]

All processes share CPU 0, with 64 connections for each: CPU time per answer is compared, not answers per second. Any
processes that share a CPU push each other out of its caches; only the cost beyond that, in the last column, is due to
workers.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from compare import Measurement, load
from testbed import MissingToolError, Server, Testbed, machine, need, say, testbed

WORKERS = (1, 2, 4)
CONNECTIONS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    together: dict[int, list[float]] = {}
    alone: dict[int, list[float]] = {}
    try:
        need("wrk")
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, testbed(Path(folder)) as prepared:
            print(machine())
            for number in range(options.rounds):
                for workers in WORKERS:
                    say(f"round {number + 1} of {options.rounds}: {workers} workers")
                    with prepared.gateway(workers=workers) as server:
                        load(server, prepared, connections=CONNECTIONS * workers, seconds=2 * workers)
                        figures = load(server, prepared, connections=CONNECTIONS * workers, seconds=options.seconds)
                        together.setdefault(workers, []).append(figures.cpu)
                    alone.setdefault(workers, []).append(_of_single_ones(prepared, workers, options.seconds))
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    print(f"\nMedian of {options.rounds} rounds, CPU µs per answer\n")
    print("| workers | CPU | of one worker's | as many gateways of one worker | of theirs |\n|---|---|---|---|---|")
    one = statistics.median(together[1])
    for workers, each in together.items():
        cost, single = statistics.median(each), statistics.median(alone[workers])
        print(f"| {workers} | {cost:.0f} | {cost / one:.2f} | {single:.0f} | {cost / single:.2f} |")


def _of_single_ones(prepared: Testbed, count: int, seconds: int) -> float:
    """CPU microseconds per answer of so many gateways of one worker, called at the same time."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(prepared.gateway()) for _ in range(count)]

        def call(server: Server) -> Measurement:
            load(server, prepared, connections=CONNECTIONS, seconds=2)
            return load(server, prepared, connections=CONNECTIONS, seconds=seconds)

        with ThreadPoolExecutor(count) as pool:
            figures = list(pool.map(call, servers))
    return sum(each.cpu * each.per_second for each in figures) / sum(each.per_second for each in figures)


if __name__ == "__main__":
    main()
