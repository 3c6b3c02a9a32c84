"""What an answer costs with several workers, against one.

    .venv/bin/python bench/scaling.py [--rounds 3] [--seconds 4]

Workers share CPU 0, with 64 connections each: what is compared is the CPU per answer, not the answers per second.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from compare import load
from ground import MissingToolError, ground, machine, need, say

WORKERS = (1, 2, 4)
CONNECTIONS = 64


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    spent: dict[int, list[float]] = {}
    try:
        need("wrk")
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, ground(Path(folder)) as prepared:
            print(machine())
            for number in range(options.rounds):
                for workers in WORKERS:
                    say(f"round {number + 1} of {options.rounds}: {workers} workers")
                    with prepared.gateway(workers=workers) as server:
                        count = CONNECTIONS * workers
                        load(server, prepared, connections=count, seconds=2)
                        figures = load(server, prepared, connections=count, seconds=options.seconds)
                        spent.setdefault(workers, []).append(figures.cpu)
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    print(f"\nMedian of {options.rounds} rounds\n\n| workers | CPU µs per answer | of one worker's |\n|---|---|---|")
    one = statistics.median(spent[1])
    for workers, each in spent.items():
        print(f"| {workers} | {statistics.median(each):.0f} | {statistics.median(each) / one:.2f} |")


if __name__ == "__main__":
    main()
