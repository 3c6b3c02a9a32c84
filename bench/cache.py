"""What a cached answer costs, beside an ordinary call: `docs/performance.md` has the table.

    .venv/bin/python bench/cache.py [--rounds 7] [--seconds 3] [--connections 64] [--json FILE]

Three gateways of one worker, with Redis and every check, header, metric and access line: one without a cache, one with
a cache in memory, one with a cache in Redis. They are called in turn. CPU is that of the worker, per answer, and each
ratio is one of the same round.
"""

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import figures
from compare import load
from testbed import MissingToolError, Testbed, machine, need, say, testbed

ORDINARY = "ordinary call, no cache"
CASES = {
    ORDINARY: ("off", False),
    "hit in memory": ("memory", True),
    "hit in Redis": ("redis", True),
    "miss, then kept in memory": ("memory", False),
    "miss, then kept in Redis": ("redis", False),
}
"""Where answers are kept, and whether all calls ask the same, by the name of the case."""
GOALS = {"hit in memory": "at most 0.6", "hit in Redis": "at most 0.6"}


def measure(place: Testbed, *, rounds: int, seconds: int, connections: int) -> dict[str, list[float]]:
    """CPU microseconds per answer of each case, round by round."""
    spent: dict[str, list[float]] = {case: [] for case in CASES}
    with ExitStack() as stack:
        # All calls have one token: identical ones must not be refused as duplicates.
        servers = {
            cache: stack.enter_context(place.gateway(cache=cache, duplicates="count"))
            for cache in dict.fromkeys(cache for cache, _ in CASES.values())
        }
        for number in range(-1, rounds):
            say(f"round {number + 1} of {rounds}")
            for case, (cache, same) in CASES.items():
                found = load(
                    servers[cache], place, connections=connections, seconds=seconds if number >= 0 else 1, same=same
                )
                if number >= 0:  # else it was the warm-up
                    spent[case].append(found.cpu)
    return spent


def ratios(spent: dict[str, list[float]]) -> dict[str, float]:
    """CPU of each case over that of the ordinary call: the median of the rounds."""
    return {
        case: statistics.median(each / base for each, base in zip(found, spent[ORDINARY], strict=True))
        for case, found in spent.items()
    }


def table(spent: dict[str, list[float]]) -> str:
    """The figures in Markdown: medians, and those of the ratios of each round."""
    lines = ["| | CPU µs per answer | of the ordinary call |", "|---|---|---|"]
    for case, ratio in ratios(spent).items():
        lines.append(f"| {case} | {statistics.median(spent[case]):.0f} | {ratio:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    figures.add_option(parser)
    given = parser.parse_args()
    try:
        need("wrk")
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, testbed(Path(folder)) as place:
            spent = measure(place, rounds=given.rounds, seconds=given.seconds, connections=given.connections)
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    print(f"{machine()}; {given.rounds} rounds, {given.connections} connections\n\n{table(spent)}")
    figures.write(
        given.json,
        (
            figures.Figure(case, "gateway", "CPU", ratio, "of an ordinary call", GOALS.get(case, ""))
            for case, ratio in ratios(spent).items()
            if case != ORDINARY
        ),
    )


if __name__ == "__main__":
    main()
