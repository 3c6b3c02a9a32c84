"""What a cached answer costs, compared with one from the provider: `docs/cache.md` has the table.

.venv/bin/python bench/cache.py [--rounds 3] [--seconds 4] [--json FILE]
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import figures
from compare import load
from testbed import MissingToolError, machine, need, say, testbed

CONNECTIONS = 64
NONE = "no cache"
CASES = (
    ("off", False, NONE),
    ("memory", False, "miss, then kept in memory"),
    ("redis", False, "miss, then kept in Redis"),
    ("memory", True, "hit in memory"),
    ("redis", True, "hit in Redis"),
)
"""Setting of the cache, whether all calls ask the same, and the name of the case."""
GOALS = {"hit in memory": "at most 0.6", "hit in Redis": "at most 0.6"}


def ratios(spent: dict[str, list[float]]) -> dict[str, float]:
    """CPU of each case over that without a cache: the median of the rounds."""
    return {
        name: statistics.median(each / base for each, base in zip(found, spent[NONE], strict=True))
        for name, found in spent.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    figures.add_option(parser)
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
                        found = load(server, prepared, connections=CONNECTIONS, seconds=options.seconds, same=same)
                        spent.setdefault(name, []).append(found.cpu)
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    print(f"\nMedian of {options.rounds} rounds, {CONNECTIONS} connections\n")
    print("| | CPU µs per answer | of that without a cache |\n|---|---|---|")
    for name, ratio in ratios(spent).items():
        print(f"| {name} | {statistics.median(spent[name]):.0f} | {ratio:.2f} |")
    figures.write(
        options.json,
        (
            figures.Figure(name, "gateway", "CPU", ratio, "of a call without a cache", GOALS.get(name, ""))
            for name, ratio in ratios(spent).items()
            if name != NONE
        ),
    )


if __name__ == "__main__":
    main()
