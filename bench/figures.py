"""What scripts hand to `make bench`: with `--json FILE` they write a list of figures there, one object each.

    {"condition": "hit in memory", "server": "gateway", "figure": "CPU", "value": 0.52,
     "unit": "of a call without a cache", "goal": "at most 0.6"}

A ratio is one number here: what it is the median of is printed by the script.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Figure(NamedTuple):
    """One number, and what it is."""

    condition: str
    """What was measured, as the table names it."""
    server: str
    figure: str
    """What the number counts: CPU, answers per second, p99."""
    value: float
    unit: str
    goal: str = ""
    """What it should be, where something was aimed at."""


def add_option(parser: argparse.ArgumentParser) -> None:
    """Let a script take `--json FILE`."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")


def write(path: Path | None, figures: Iterable[Figure]) -> None:
    """Write the figures, if a file was asked for."""
    if path is not None:
        path.write_text(json.dumps([each._asdict() for each in figures], indent=1, ensure_ascii=False) + "\n")


def read(path: Path) -> list[Figure]:
    """The figures that a script has written."""
    return [Figure(**each) for each in json.loads(path.read_text())]
