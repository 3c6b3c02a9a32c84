"""Whether a call costs the same at any size: of the catalogue, of the tokens in use, of the connections.

    .venv/bin/python bench/scale.py [--rounds 5] [--seconds 2] [--only endpoints,tokens,connections] [--json FILE]

One worker with Redis and every check, header, metric and access line; the provider answers 1 kB at once. Few and many
are measured in turn, in one order and then in the other, and each ratio is one of the same round. CPU is that of the
worker, per line of its access log, while calls go on: connections are opened before, and tokens verified.

- endpoints: 1 or 129 that are all alike (`endpoints.py`), called in turn
- tokens: 1 or 50 000, called in turn, which is the hardest order for what remembers the latest
- connections: 10 or 4000, all of them with a call at any time
"""

import argparse
import contextlib
import math
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import endpoints
import figures
from figures import Figure
from testbed import HERE, QUERY, TOOLS, MissingToolError, Server, Testbed, machine, need, say
from testbed import testbed as prepared

from support.tokens import token

GOAL: Final = "at most 1.10"
USUAL: Final = 64
"""Connections, where their number is not what is looked at."""
_SCOPE: Final = "unites_legales_etablissements_insee"
_DAYS: Final = 540
_FILES_BESIDE: Final = 1_000
"""Files that a process has open besides connections."""
OF_FEW, LOWEST, HIGHEST, CPU, ROUNDS = "of few", "lowest", "highest", "CPU", "rounds"


class Pair(NamedTuple):
    """The same load, small and large."""

    what: str
    few: int
    many: int

    def label(self, size: int) -> str:
        """One of the two, in words."""
        number = f"{size:,}".replace(",", " ")
        return f"{number} {self.what.removesuffix('s') if size == 1 else self.what}"


ENDPOINTS: Final = Pair("endpoints", 1, 129)
TOKENS: Final = Pair("tokens", 1, 50_000)
CONNECTIONS: Final = Pair("connections", 10, 4_000)
PAIRS: Final = (ENDPOINTS, TOKENS, CONNECTIONS)
Spent = dict[Pair, list[tuple[float, float]]]
"""CPU microseconds per answer of few and of many, by round."""


def allow_files() -> None:
    """Allow this process, and what it starts, as many open files as the largest load needs.

    Raises:
        MissingToolError: the system does not.
    """
    # The gateway has a connection to the provider for each call in flight.
    needed = 2 * CONNECTIONS.many + _FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= needed:
        return
    try:
        highest = hard if hard == unlimited or hard >= needed else needed
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, highest))
    except (OSError, ValueError) as error:
        raise MissingToolError(f"{needed} open files are needed, {hard} are allowed: raise ulimit -Hn") from error


class Target(NamedTuple):
    """A gateway, and what it is called for."""

    server: Server
    log: Path
    """Its access log."""
    paths: Path
    """A file of the paths of its endpoints."""


def cost(target: Target, place: Testbed, *, tokens: Path, connections: int, seconds: float) -> float:
    """CPU microseconds per answer, once all connections are open."""
    place.store().flushdb()
    opening = 1 + connections / 2_000
    with subprocess.Popen(
        _command(target, place, tokens=tokens, connections=connections, seconds=opening + seconds + 0.5),
        stdout=subprocess.PIPE,
        text=True,
    ) as calls:
        time.sleep(opening)
        before, start = target.server.cpu(), target.log.stat().st_size
        time.sleep(seconds)
        spent, end = target.server.cpu() - before, target.log.stat().st_size
        told = calls.communicate()[0]
    _check(told)
    with target.log.open("rb") as file:
        file.seek(start)
        answers = file.read(end - start).count(b"\n")
    os.truncate(target.log, 0)
    if answers == 0:
        raise RuntimeError("there was no answer")
    return spent / answers * 1e6


def warm(target: Target, place: Testbed, *, tokens: Path, connections: int) -> None:
    """Call until every token has been verified, with all connections to the provider open."""
    wanted, done = tokens.read_text().count("\n"), 0
    while done < wanted:
        command = _command(target, place, tokens=tokens, connections=connections, seconds=2 + connections / 2_000)
        # Calls that got no answer before the end are made again.
        done += _check(subprocess.run([*command, str(done)], stdout=subprocess.PIPE, text=True, check=True).stdout)


def _command(target: Target, place: Testbed, *, tokens: Path, connections: int, seconds: float) -> list[str]:
    command = ["taskset", "-c", place.cpus, "wrk", "-t1", f"-c{connections}", f"-d{math.ceil(seconds)}s"]
    command += ["--timeout", "20s", "-s", str(HERE / "scale.lua"), f"{target.server.url}/{QUERY}"]
    return [*command, "--", str(tokens), str(target.paths)]


def _check(told: str) -> int:
    """The number of answers that wrk tells of.

    Raises:
        RuntimeError: one was no success.
    """
    answers = re.search(r"(\d+) requests in", told)
    if answers is None or answers[1] == "0" or "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(f"not every call was answered with 200:\n{told}")
    return int(answers[1])


@contextlib.contextmanager
def serving(place: Testbed, count: int) -> Iterator[Target]:
    """Run a gateway with so many endpoints."""
    paths, log = place.folder / f"paths-{count}", place.folder / f"log-{count}"
    paths.write_text("".join(f"{endpoints.path(number)}\n" for number in range(count)))
    # All connections have a call at any time, which for as many as these is an overload by the default.
    settings = {"access_log": str(log), "waiting_calls": str(CONNECTIONS.many)}
    with place.gateway(str(HERE / "endpoints.py"), str(count), **settings) as server:
        yield Target(server, log, paths)


def issued(folder: Path, count: int) -> Path:
    """A file of so many tokens, which were issued through the last 18 months for as long."""
    path, now = folder / f"tokens-{count}", int(time.time())
    with path.open("w") as file:
        for number in range(count):
            jti = str(uuid.UUID(int=2**100 + number))
            end = now + (number % _DAYS + 1) * 86_400
            file.write(token(jti=jti, uid=jti, scopes=[_SCOPE], exp=end) + "\n")
    return path


Measuring = Callable[[int], float]
"""From a size to the CPU microseconds per answer."""


def measurings(
    place: Testbed, stack: contextlib.ExitStack, wanted: Sequence[Pair], seconds: float
) -> dict[Pair, Measuring]:
    """How each pair is measured; all is warm."""
    few, many = (stack.enter_context(serving(place, size)) for size in (ENDPOINTS.few, ENDPOINTS.many))
    tokens = {size: issued(place.folder, size) for size in ((TOKENS.few, TOKENS.many) if TOKENS in wanted else (1,))}
    measure = partial(cost, place=place, seconds=seconds)
    for target in (few, many):
        warm(target, place, tokens=tokens[1], connections=USUAL)
    for size in (CONNECTIONS.many,) if CONNECTIONS in wanted else ():
        warm(many, place, tokens=tokens[1], connections=size)
    for size, file in tokens.items():
        say(f"verifying {TOKENS.label(size)}")
        warm(few, place, tokens=file, connections=USUAL)
    return {
        ENDPOINTS: lambda size: measure(few if size == 1 else many, tokens=tokens[1], connections=USUAL),
        TOKENS: lambda size: measure(few, tokens=tokens[size], connections=USUAL),
        # Of all endpoints, as one provider alone is asked by no more than 2500 calls at once.
        CONNECTIONS: lambda size: measure(many, tokens=tokens[1], connections=size),
    }


def measure(place: Testbed, wanted: Sequence[Pair], *, rounds: int, seconds: float) -> Spent:
    """Few and many of each pair, round by round."""
    spent: Spent = {pair: [] for pair in wanted}
    with contextlib.ExitStack() as stack:
        ways = measurings(place, stack, wanted, seconds)
        for number in range(rounds):
            for pair in wanted:
                sizes = (pair.few, pair.many)
                try:
                    found = {size: ways[pair](size) for size in (sizes[::-1] if number % 2 else sizes)}
                except RuntimeError as error:
                    say(f"{pair.what} could not be measured, in this round: {error}")
                    continue
                spent[pair].append((found[pair.few], found[pair.many]))
                say(f"round {number + 1} of {rounds}: {pair.what}, {found[pair.many] / found[pair.few]:.2f}")
    return {pair: found for pair, found in spent.items() if found}


def summary(spent: Spent) -> Iterator[Figure]:
    """The medians, and the ratios of the same round."""
    for pair, found in spent.items():
        ratios = [many / few for few, many in found]
        for size, column in zip((pair.few, pair.many), zip(*found, strict=True), strict=True):
            yield Figure(pair.label(size), "gateway", CPU, statistics.median(column), "µs per answer")
        label = pair.label(pair.many)
        yield Figure(label, "gateway", OF_FEW, statistics.median(ratios), f"of that with {pair.label(pair.few)}", GOAL)
        yield Figure(label, "gateway", LOWEST, min(ratios), "")
        yield Figure(label, "gateway", HIGHEST, max(ratios), "")
        yield Figure(label, "gateway", ROUNDS, len(found), "")


def table(found: Sequence[Figure]) -> str:
    """The figures in Markdown."""
    lines = ["| | CPU µs per answer | of the line before | aim |", "|---|---|---|---|"]
    rows: dict[str, dict[str, Figure]] = {}
    for each in found:
        rows.setdefault(each.condition, {})[each.figure] = each
    for label, row in rows.items():
        ratio = aim = ""
        if OF_FEW in row:
            ratio = f"**{row[OF_FEW].value:.2f}** ({row[LOWEST].value:.2f} to {row[HIGHEST].value:.2f})"
            aim = row[OF_FEW].goal
        lines.append(f"| {label} | {row[CPU].value:.0f} | {ratio} | {aim} |")
    return "\n".join(lines)


def caption(found: Sequence[Figure]) -> str:
    """How often was measured."""
    return f"medians of {max(each.value for each in found if each.figure == ROUNDS):.0f} rounds"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--only", default=",".join(pair.what for pair in PAIRS), help="of what, with commas between")
    figures.add_option(parser)
    given = parser.parse_args()
    wanted = [pair for pair in PAIRS if pair.what in given.only.split(",")]
    if not wanted:
        parser.error(f"there are {', '.join(pair.what for pair in PAIRS)}")
    try:
        need("wrk", *TOOLS)
        allow_files()
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, prepared(Path(folder)) as place:
            found = list(summary(measure(place, wanted, rounds=given.rounds, seconds=given.seconds)))
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    if not found:
        sys.exit("bench: nothing could be measured")
    figures.write(given.json, found)
    print(f"{machine()}; {caption(found)}\n\n{table(found)}")
    return 0 if {each.condition for each in found} >= {pair.label(pair.many) for pair in wanted} else 1


if __name__ == "__main__":
    sys.exit(main())
