"""What a cached answer costs, compared with one from the provider: `docs/cache.md` has the table.

.venv/bin/python bench/cache.py [--rounds 3] [--seconds 4]
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from compare import load
from testbed import MissingToolError, machine, need, say, testbed

CONNECTIONS = 64
CASES = (
    ("off", False, "no cache"),
    ("memory", False, "miss, then kept in memory"),
    ("redis", False, "miss, then kept in Redis"),
    ("memory", True, "hit in memory"),
    ("redis", True, "hit in Redis"),
)
"""Setting of the cache, whether all calls ask the same, and the name of the case."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    spent: dict[str, list[float]] = {}
    try:
        need("wrk")
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, testbed(Path(folder)) as prepared:
            print(machine())
            for number in range(options.rounds):
                for setting, same, name in CASES:
                    say(f"round {number + 1} of {options.rounds}: {name}")
                    # All calls have one token: identical ones must not be refused as duplicates.
                    with prepared.gateway(cache=setting, duplicates="count") as server:
                        load(server, prepared, connections=CONNECTIONS, seconds=1, same=same)
                        figures = load(server, prepared, connections=CONNECTIONS, seconds=options.seconds, same=same)
                        spent.setdefault(name, []).append(figures.cpu)
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    print(f"\nMedian of {options.rounds} rounds, {CONNECTIONS} connections\n\n| | CPU µs per answer |\n|---|---|")
    for name, each in spent.items():
        print(f"| {name} | {statistics.median(each):.0f} |")


if __name__ == "__main__":
    main()
