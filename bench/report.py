"""Measure what docs/performance.md has tables of under "How fast" and "Scale", and write it there: `make bench`.

    .venv/bin/python bench/report.py [--folder dist/bench] [--quick] [--again]

Runs other scripts of this folder one after the other, each for a short time (14 minutes together), and keeps their
figures in the folder. What fails is named in the end, and the exit status is 1; what was measured is written
nevertheless. `--quick` tries whether all of it works (4 minutes): its figures say nothing, and are written into the
folder alone. `--again` writes the page and the chart from the figures of the last run.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import chart
import compare
import figures
import scale
from figures import Figure
from testbed import HERE, TOOLS, MissingToolError, machine, need, say

_ONCE: Final = ("--rounds", "1", "--seconds", "1")


class Part(NamedTuple):
    """A script, as `make bench` runs it."""

    script: str
    minutes: float
    """How long that takes, about."""
    options: tuple[str, ...] = ()
    quick: tuple[str, ...] = _ONCE
    """The options of a quick run."""
    calls: bool = True
    """Whether it calls a gateway, and has figures for the page."""


COMPARISON: Final = Part("compare.py", 9, quick=(*_ONCE, "--slow-rounds", "0"))
SCALE: Final = Part("scale.py", 2.8)
_SHORT: Final = ("--rounds", "3", "--seconds", "1")
PARTS: Final = (
    Part("steps.py", 0.5, ("--fast", "--quiet"), ("--debug-single-value", "--quiet"), calls=False),
    COMPARISON,
    Part("persons.py", 0.6, _SHORT),
    Part("cache.py", 0.5, _SHORT),
    Part("dossier.py", 0.3, _SHORT),
    SCALE,
)
_PAGE: Final = HERE.parent / "docs" / "performance.md"
_CHART: Final = HERE.parent / "docs" / "images" / "bench.svg"
_MACHINE: Final = "machine"
_QUIET: Final = 1.0
"""Load below which a machine has nothing else to do."""


def possible() -> list[Part]:
    """The parts that can be measured with what is installed; what is missing is said."""
    try:
        need("wrk", *TOOLS)
    except MissingToolError as error:
        say(f"Only single steps are measured: {error}")
        return [part for part in PARTS if not part.calls]
    return list(PARTS)


def run(parts: Sequence[Part], folder: Path, *, quick: bool) -> list[str]:
    """Run the scripts; return the names of those that failed."""
    failed = []
    for number, part in enumerate(parts):
        left = "" if quick else f", {part.minutes:g} min; {sum(each.minutes for each in parts[number:]):.0f} min left"
        say(f"part {number + 1} of {len(parts)}: {part.script}{left}")
        handing = ["--json", str(_figures(folder, part))] if part.calls else []
        command = [sys.executable, str(HERE / part.script), *(part.quick if quick else part.options), *handing]
        if subprocess.run(command, check=False).returncode:
            failed.append(part.script)
    return failed


def _figures(folder: Path, part: Part) -> Path:
    return folder / part.script.replace(".py", ".json")


def _machine() -> str:
    """The machine, and what else it does."""
    load = os.getloadavg()[0]
    if load < _QUIET:
        return machine()
    say(f"This machine has other work to do (a load of {load:.0f}): figures are worth less, and the page will say so.")
    return f"{machine()}, with other work (a load of {load:.0f})"


def tables(folder: Path) -> dict[str, str]:
    """What the page says, by the name of the marks between which it does; of what was measured alone."""
    on, found = (folder / _MACHINE).read_text(), {}
    if compared := _read(folder, COMPARISON):
        lines = [
            f"{on}; {compare.caption(compared)}.",
            "",
            "![CPU per answer as a multiple of that of nginx + Lua, under each condition](images/bench.svg)",
            "",
            compare.table(compared),
        ]
        others = [each for part in PARTS if part not in (COMPARISON, SCALE) for each in _read(folder, part)]
        found["bench"] = "\n".join([*lines, *(["", *_rows(others)] if others else [])])
    if scaled := _read(folder, SCALE):
        found["scale"] = f"{on}; {scale.caption(scaled)}.\n\n{scale.table(scaled)}"
    return found


def _read(folder: Path, part: Part) -> list[Figure]:
    path = _figures(folder, part)
    return figures.read(path) if path.exists() else []


def _rows(found: Sequence[Figure]) -> list[str]:
    return [
        "| other calls | CPU | | aim |",
        "|---|---|---|---|",
        *(f"| {each.condition} | {each.value:.2f} | {each.unit} | {each.goal} |" for each in found),
    ]


def filled(page: str, texts: Mapping[str, str]) -> str:
    """A page with its tables put between their marks.

    Raises:
        ValueError: it has no such marks.
    """
    for name, text in texts.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, found, rest = page.partition(start)
        _, also, after = rest.partition(end)
        if not found or not also:
            raise ValueError(f"there is no place for a table: {start.strip()} and {end}")
        page = f"{before}{start}{text}\n{end}{after}"
    return page


def write(folder: Path, page: Path, picture: Path) -> None:
    """Write the tables into the page, and the chart."""
    page.write_text(filled(page.read_text(), tables(folder)))
    if ratios := compare.ratios(_read(folder, COMPARISON)):
        picture.write_text(chart.drawn(ratios))
    say(f"written: {page}, {picture}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=HERE.parent / "dist" / "bench")
    parser.add_argument(
        "--quick", action="store_true", help="try whether everything works, write into the folder alone"
    )
    parser.add_argument("--again", action="store_true", help="measure nothing, write from the last figures")
    given = parser.parse_args()
    page, picture = _PAGE, _CHART
    if given.quick:
        given.folder /= "quick"
        page, picture = given.folder / _PAGE.name, given.folder / _CHART.name
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.quick:
        page.write_text(_PAGE.read_text())
    failed, began = [], time.monotonic()
    if not given.again:
        for part in PARTS:
            _figures(given.folder, part).unlink(missing_ok=True)
        (given.folder / _MACHINE).write_text(_machine())
        parts = possible()
        failed = [part.script for part in PARTS if part not in parts] + run(parts, given.folder, quick=given.quick)
    write(given.folder, page, picture)
    if failed:
        say(f"not measured, or not all of it: {', '.join(failed)}")
    say(f"{(time.monotonic() - began) / 60:.1f} min")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
