"""Compare the gateway with its peers on the same work, under the conditions of real traffic.

The work of every call: verify an HS256 token, require context, object and recipient, one round trip to Redis for ban,
address window and token window, ask a provider that answers 1.2 kB of JSON at once, add three RateLimit headers, count
and time the answer, write one JSON line. The gateway does more (route lookup among all endpoints, scopes, identifiers,
duplicates, a check of the provider's answer), and none of it is switched off. Each call asks about another company.

    .venv/bin/python bench/compare.py [--rounds 5] [--seconds 3] [--slow-rounds 1] [--only NAME,…] [--json FILE]

`conditions.py` has the conditions and their names. In each round every server is measured under each condition, in one
order and then in the other. Each figure is the median of the rounds, each ratio one of the same round; CPU is that of
the server's whole process tree, per answer. FastAPI + httpx takes part in `--slow-rounds` rounds only: it is ten times
dearer, which fewer rounds show as well. `make bench` runs this (report.py).
"""

import argparse
import contextlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import figures
from conditions import CONDITIONS, Condition, Place, place
from figures import Figure
from servers import FASTAPI, GATEWAY, NGINX, SERVERS, available, serving
from testbed import HERE, PATH, QUERY, TOOLS, MissingToolError, Server, Testbed, bearer, machine, need, say
from testbed import testbed as prepared

_MILLISECONDS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_START_SECONDS: Final = 2.5
"""How long a server takes to start, to warm up and to stop, about."""
TIMES: Final = "of nginx + Lua's"
LATE: Final = "p99, of plain HTTP's"
LOWEST, HIGHEST, ROUNDS, SECONDS = "lowest", "highest", "rounds", "seconds"


class Measurement(NamedTuple):
    """The figures of one run."""

    per_second: float
    p50: float
    """Median time of a call, in milliseconds."""
    p99: float
    cpu: float
    """CPU microseconds per answer."""
    memory: float
    """Memory in MiB."""


class Case(NamedTuple):
    """What is measured: a server, under a condition, with so many connections."""

    condition: Condition
    connections: int
    server: str


Runs = dict[Case, dict[int, Measurement]]
"""By case and number of the round."""


def load(server: Server, testbed: Testbed, *, connections: int, seconds: int, same: bool = False) -> Measurement:
    """Call a server as fast as it answers, about another company each time, or always the same one (`same`)."""
    testbed.store().flushdb()
    command = ["taskset", "-c", testbed.cpus, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["--timeout", "5s", "-H", bearer()]
    command += [server.url + PATH] if same else ["-s", str(HERE / "load.lua"), server.url + "/" + QUERY]
    before = server.cpu()
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent = server.cpu() - before
    answers = int(_found(r"(\d+) requests in", told))
    if answers == 0 or "Non-2xx" in told or "Socket errors" in told:
        wrong = "; ".join(re.findall(r"Non-2xx.*|Socket errors.*", told)) or "there was no answer"
        raise RuntimeError(f"not every call was answered with 200: {wrong}")
    return Measurement(
        per_second=float(_found(r"Requests/sec: +([\d.]+)", told)),
        p50=_latency(told, "50%"),
        p99=_latency(told, "99%"),
        cpu=spent / answers * 1e6,
        memory=server.memory(),
    )


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else "0"


def _latency(text: str, share: str) -> float:
    match = re.search(rf"{share} +([\d.]+)(us|ms|s)", text)
    return float(match[1]) * _MILLISECONDS[match[2]] if match else 0.0


class Turn(NamedTuple):
    """One server's turn under one condition, in one round."""

    round: int
    condition: Condition
    server: str

    def planned(self, seconds: int) -> float:
        """How long it takes, about."""
        return _START_SECONDS + len(self.condition.aims) * seconds * self.condition.seconds


def turns(conditions: Sequence[Condition], servers: Sequence[str], *, rounds: int, slow_rounds: int) -> list[Turn]:
    """All turns in their order, which is turned round from one round to the next."""
    return [
        Turn(number, condition, server)
        for number in range(rounds)
        for condition in conditions
        for server in servers[:: -1 if number % 2 else 1]
        if server != FASTAPI or number < slow_rounds
    ]


def measure(testbed: Testbed, todo: Sequence[Turn], *, seconds: int) -> Runs:
    """Measure each turn; what fails is said, and left out."""
    runs: Runs = {}
    began, planned, done = time.monotonic(), sum(turn.planned(seconds) for turn in todo), 0.0
    places: dict[str, Place] = {}
    with contextlib.ExitStack() as stack:
        for turn in todo:
            left = (planned - done) * ((time.monotonic() - began) / done if done else 1.2) / 60
            rounds = todo[-1].round + 1
            say(f"round {turn.round + 1} of {rounds}, {turn.condition.name}: {turn.server}; {left:.0f} min left")
            if turn.condition.name not in places:
                places[turn.condition.name] = stack.enter_context(place(turn.condition, testbed))
            for case, found in _measured(turn, places[turn.condition.name], seconds):
                runs.setdefault(case, {})[turn.round] = found
            done += turn.planned(seconds)
    return runs


def _measured(turn: Turn, where: Place, seconds: int) -> Iterator[tuple[Case, Measurement]]:
    """What one turn gives."""
    counts, long = turn.condition.aims, seconds * turn.condition.seconds
    try:
        with serving(turn.server, where.testbed, signed=where.signed) as server:
            # The warm-up opens the connections to the provider, too.
            load(server, where.testbed, connections=max(counts), seconds=turn.condition.seconds)
            for count in counts:
                found = load(server, where.testbed, connections=count, seconds=long)
                yield Case(turn.condition, count, turn.server), found
    except (RuntimeError, subprocess.CalledProcessError) as error:
        say(f"{turn.server} could not be measured under {turn.condition.name}, in this round: {error}")


def summary(runs: Runs, *, seconds: int) -> Iterator[Figure]:
    """The figures of all cases: medians, and ratios to nginx + Lua of the same round."""
    conditions = list(CONDITIONS.values())
    for case in sorted(runs, key=lambda each: (conditions.index(each.condition), each[1], SERVERS.index(each.server))):
        found = runs[case]
        label = case.condition.label(case.connections)
        for name, unit, column in zip(_NAMES, _UNITS, zip(*found.values(), strict=True), strict=True):
            yield Figure(label, case.server, name, statistics.median(column), unit)
        if ratios := _ratios(found, runs.get(case._replace(server=NGINX), {}), "cpu"):
            aim = f"at most {case.condition.aims[case.connections]}" if case.server == GATEWAY else ""
            yield Figure(label, case.server, TIMES, statistics.median(ratios), "", aim)
            yield Figure(label, case.server, LOWEST, min(ratios), "")
            yield Figure(label, case.server, HIGHEST, max(ratios), "")
        late = _ratios(found, runs.get(case._replace(condition=CONDITIONS["plain"]), {}), "p99")
        if late and case.condition.p99_aim:
            aim = f"at most {case.condition.p99_aim}" if case.server == GATEWAY else ""
            yield Figure(label, case.server, LATE, statistics.median(late), "", aim)
        yield Figure(label, case.server, ROUNDS, len(found), "")
        yield Figure(label, case.server, SECONDS, seconds * case.condition.seconds, "s")


def _ratios(found: Mapping[int, Measurement], base: Mapping[int, Measurement], name: str) -> list[float]:
    """How many times that of another case a figure is, in each round that has both."""
    return [getattr(found[number], name) / getattr(base[number], name) for number in found.keys() & base.keys()]


_NAMES: Final = ("answers", "p50", "p99", "CPU", "memory")
_UNITS: Final = ("1/s", "ms", "ms", "µs per answer", "MiB")


def table(found: Sequence[Figure]) -> str:
    """The figures in Markdown."""
    lines = [
        "| condition | server | answers/s | p50 ms | p99 ms | of plain's | MiB | CPU µs | of nginx + Lua's |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (condition, server), each in _rows(found).items():
        cells = [f"{each[name].value:{form}}" if name in each else "" for name, form in _FORMS.items()]
        if LATE in each and each[LATE].goal:
            cells[3] += f", {each[LATE].goal}"
        lines.append(f"| {' | '.join([condition, server, *cells, _ratio(each, server)])} |")
    return "\n".join(lines)


_FORMS: Final = {"answers": ".0f", "p50": ".2f", "p99": ".2f", LATE: ".2f", "memory": ".0f", "CPU": ".0f"}


def _ratio(row: Mapping[str, Figure], server: str) -> str:
    """How many times the CPU of nginx + Lua a server takes, with the range and the aim where it is the gateway."""
    if TIMES not in row or server == NGINX:
        return ""
    ratio = f"{row[TIMES].value:.2f}"
    if server != GATEWAY:
        return ratio
    return f"**{ratio}** ({row[LOWEST].value:.2f} to {row[HIGHEST].value:.2f}), {row[TIMES].goal}"


def caption(found: Sequence[Figure]) -> str:
    """How often and how long was measured."""
    rounds: dict[str, set[int]] = {}
    for each in found:
        if each.figure == ROUNDS:
            rounds.setdefault(each.server, set()).add(int(each.value))
    most = max(max(each) for each in rounds.values())
    lengths = sorted({int(each.value) for each in found if each.figure == SECONDS})
    fewer = [f"{server} of {min(each)}" for server, each in rounds.items() if min(each) < most]
    return ", ".join([f"medians of {most} rounds", *fewer]) + f"; {' or '.join(map(str, lengths))} s each"


def _rows(found: Sequence[Figure]) -> dict[tuple[str, str], dict[str, Figure]]:
    rows: dict[tuple[str, str], dict[str, Figure]] = {}
    for each in found:
        rows.setdefault((each.condition, each.server), {})[each.figure] = each
    return rows


def ratios(found: Sequence[Figure]) -> Mapping[str, Mapping[str, float]]:
    """By condition and server, how many times the CPU of nginx + Lua it takes."""
    by_condition: dict[str, dict[str, float]] = {}
    for each in found:
        if each.figure == TIMES:
            by_condition.setdefault(each.condition, {})[each.server] = each.value
    return by_condition


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow-rounds", type=int, default=1, help="rounds that FastAPI + httpx takes part in")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", default=",".join(CONDITIONS), help="conditions, with commas between them")
    figures.add_option(parser)
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := set(chosen) - CONDITIONS.keys():
        parser.error(f"no such condition: {', '.join(unknown)}; there are {', '.join(CONDITIONS)}")
    try:
        need("wrk", *TOOLS)
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, prepared(Path(folder)) as testbed:
            todo = turns(
                [CONDITIONS[name] for name in chosen],
                available(),
                rounds=options.rounds,
                slow_rounds=options.slow_rounds,
            )
            runs = measure(testbed, todo, seconds=options.seconds)
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    if not runs:
        sys.exit("bench: nothing could be measured")
    found = list(summary(runs, seconds=options.seconds))
    figures.write(options.json, found)
    print(f"{machine()}; {caption(found)}\n\n{table(found)}")
    measured = {(case.condition, case.connections) for case in runs if case.server == GATEWAY}
    return 0 if all((CONDITIONS[name], count) in measured for name in chosen for count in CONDITIONS[name].aims) else 1


if __name__ == "__main__":
    sys.exit(main())
