"""A long run: `python -m fuzz --seconds 300` prints what was tried, and what broke."""

import argparse
import sys
import time
import traceback
from collections import Counter
from itertools import chain, count
from random import Random

from fuzz.inputs import changed, corpus
from fuzz.targets import TARGETS

_MAX_SHOWN = 3


def _fuzz(name: str, seconds: float, random: Random) -> tuple[Counter[str], list[tuple[bytes, str]]]:
    """Try a target for so long; what came of it, and what broke it."""
    results: Counter[str] = Counter()
    crashes: list[tuple[bytes, str]] = []
    end = time.monotonic() + seconds
    for data in chain(corpus(name), (changed(random, name) for _ in count())):
        try:
            results["accepted" if TARGETS[name](data) else "refused"] += 1
        except Exception:
            results["crashes"] += 1
            crashes = [*crashes, (data, traceback.format_exc())][:_MAX_SHOWN]
        if time.monotonic() > end:
            break
    return results, crashes


def main() -> int:
    """Run all targets; 1 if one of them broke."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Feed every reader of outside data with any bytes.")
    parser.add_argument("--seconds", type=float, default=300, help="in all (default: 300)")
    parser.add_argument("--seed", type=int, default=time.time_ns(), help="to repeat a run (default: the time)")
    parser.add_argument("targets", nargs="*", metavar="target", help=f"among {', '.join(TARGETS)} (default: all)")
    options = parser.parse_args()
    names = options.targets or list(TARGETS)
    total: Counter[str] = Counter()
    print(f"seed {options.seed}", file=sys.stderr)
    print("| reader | inputs | accepted | refused | crashes |\n|---|---:|---:|---:|---:|")
    for name in names:
        results, crashes = _fuzz(name, options.seconds / len(names), Random(options.seed))
        total += results
        print(_row(name, results), flush=True)
        for data, trace in crashes:
            print(f"{data[:2000]!r}\n{trace}", file=sys.stderr)
    print(_row("all", total))
    return 1 if total["crashes"] else 0


def _row(name: str, results: Counter[str]) -> str:
    figures = (results.total(), results["accepted"], results["refused"], results["crashes"])
    return f"| {name} | {' | '.join(f'{figure:,}' for figure in figures)} |"


if __name__ == "__main__":
    sys.exit(main())
