"""More calls than a worker can answer: what becomes of them, and how long the worker takes to be itself again.

    sudo apt-get install nghttp2-client
    .venv/bin/python bench/overload.py [--seconds 60] [--times 1.5] [--callers 2000] [--rounds 1]

For each server (the gateway and the peers of `compare.py`): the best rate of answers at 64 connections; then 1.5 times
that, from 2000 callers with a connection each that send at fixed times whatever becomes of their calls (h2load), while
16 other callers go on with ten calls a second each, before, during and after. What a caller should send before its last
call is answered is sent as soon as that is: a server that refuses nothing has a call of each of them soon.
All ask about the same companies in the same order, so the gateway counts duplicates and does not refuse them.
`--seconds 10` is enough for a look; opening 2000 connections is a part of the load, and of more weight there.

- came: calls that ended, of those that were to be sent
- of the best: answers with 200 a second; by CPU, for each second of CPU that the server had: that depends less on what
  else the machine does
- recovered: seconds from the end of the load to the end of the last call of the others that was slow (three times their
  p99 before, at least 20 ms) or not answered with 200
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import figures
from figures import Figure
from servers import GATEWAY, available, serving
from testbed import PATH, QUERY, MissingToolError, Server, Testbed, bearer, machine, need, say
from testbed import testbed as prepared

_COMPANIES: Final = 5000
_QUIET: Final = 3.0
"""Seconds for which the other callers are alone, before and after."""
_BEST_SECONDS: Final = 4
_BEST: Final = ("-c64",)
_OTHERS: Final = ("-c16", "--rps=10")
_NORMAL_MS: Final = 20.0
"""Milliseconds that are not slow."""


class Ended(NamedTuple):
    """A call that has ended."""

    at: float
    """When it was sent, as Unix time."""
    status: int
    seconds: float


class Measured(NamedTuple):
    """The figures of one server, as the table has them."""

    best: float
    came: float
    answered: float
    by_cpu: float
    refused: float
    failed: float
    p50: float
    p99: float
    refused_p50: float
    refused_p99: float
    others_p99: float
    recovered: float
    before: float
    most: float


_COLUMNS: Final = {
    "best a second": "{0.best:.0f}",
    "came": "{0.came:.2f}",
    "200, of the best": "{0.answered:.2f}",
    "by CPU": "{0.by_cpu:.2f}",
    "503, of all": "{0.refused:.2f}",
    "ended otherwise": "{0.failed:.0f}",
    "200: p50, p99 ms": "{0.p50:.0f}, {0.p99:.0f}",
    "503: p50, p99 ms": "{0.refused_p50:.0f}, {0.refused_p99:.0f}",
    "p99 ms of the others": "{0.others_p99:.0f}",
    "recovered, s": "{0.recovered:.1f}",
    "MiB before, at most": "{0.before:.0f}, {0.most:.0f}",
}


def _siren(number: int) -> str:
    stem = str(10_000_000 + 7919 * number)
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(stem))]
    return stem + str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


class Load:
    """Calls that h2load sends from the other CPU."""

    def __init__(self, server: Server, place: Testbed, name: str, *options: str, seconds: float) -> None:
        self._log = place.folder / f"{name}.calls"
        self._log.unlink(missing_ok=True)
        addresses = place.folder / "addresses"
        stem = PATH.removesuffix(QUERY)[:-9]
        addresses.write_text("".join(f"{server.url}{stem}{_siren(number)}{QUERY}\n" for number in range(_COMPANIES)))
        command = ["taskset", "-c", place.cpus, "h2load", "--h1", "-t1", "-D", f"{seconds:g}", "-H", bearer()]
        command += ["-i", str(addresses), "--log-file", str(self._log), *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end(self) -> list[Ended]:
        """Wait for the end; returns the calls."""
        told, _ = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(f"h2load failed:\n{told}")
        with self._log.open() as lines:
            rows = (line.split("\t")[:3] for line in lines)
            return [Ended(int(at) / 1e6, int(status), int(took) / 1e6) for at, status, took in rows]


@contextmanager
def _watched(server: Server) -> Iterator[list[float]]:
    """The memory of a server, in MiB, looked at four times a second during the block."""
    sizes, end = [server.memory()], threading.Event()

    def look() -> None:
        while not end.wait(0.25):
            sizes.append(server.memory())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield sizes
    finally:
        end.set()
        thread.join()


def _ms(calls: list[Ended], share: float) -> float:
    times = sorted(call.seconds for call in calls)
    return 1000 * times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


def _good(calls: list[Ended]) -> list[Ended]:
    return [call for call in calls if call.status == 200]


def measure(name: str, place: Testbed, *, seconds: float, times: float, callers: int) -> Measured:
    """Measure one server."""
    with place.gateway(duplicates="count") if name == GATEWAY else serving(name, place) as server:
        Load(server, place, "warm", *_BEST, seconds=2).end()
        spent = -server.cpu()
        answers = len(_good(Load(server, place, "best", *_BEST, seconds=_BEST_SECONDS).end()))
        spent += server.cpu()
        best, best_by_cpu = answers / _BEST_SECONDS, answers / spent
        others = Load(server, place, "others", *_OTHERS, seconds=2 * _QUIET + seconds)
        time.sleep(_QUIET)
        start, spent = time.time(), -server.cpu()
        with _watched(server) as sizes:
            rate = f"--rps={times * best / callers:.4f}"
            calls = Load(server, place, "load", f"-c{callers}", rate, seconds=seconds).end()
        spent, end = spent + server.cpu(), start + seconds
        beside = others.end()
    good, refused = _good(calls), [call for call in calls if call.status == 503]
    normal = max(_NORMAL_MS, 3 * _ms([call for call in beside if call.at < start], 0.99)) / 1000
    late = [call for call in beside if call.at + call.seconds > end and (call.seconds > normal or call.status != 200)]
    return Measured(
        best=best,
        came=len(calls) / (times * best * seconds),
        answered=len(good) / seconds / best,
        by_cpu=len(good) / spent / best_by_cpu,
        refused=len(refused) / max(1, len(calls)),
        failed=len(calls) - len(good) - len(refused),
        p50=_ms(good, 0.5),
        p99=_ms(good, 0.99),
        refused_p50=_ms(refused, 0.5),
        refused_p99=_ms(refused, 0.99),
        others_p99=_ms([call for call in beside if start <= call.at < end], 0.99),
        recovered=max((call.at + call.seconds - end for call in late), default=0.0),
        before=sizes[0],
        most=max(sizes),
    )


def table(found: dict[str, Measured]) -> str:
    """The figures in Markdown, a column for each server."""
    lines = [f"| | {' | '.join(found)} |", "|---" * (len(found) + 1) + "|"]
    lines += [
        f"| {name} | {' | '.join(form.format(each) for each in found.values())} |" for name, form in _COLUMNS.items()
    ]
    return "\n".join(lines)


def summary(found: dict[str, Measured], condition: str) -> Iterator[Figure]:
    """What was aimed at."""
    for name, each in found.items():
        yield Figure(condition, name, "answers with 200", each.answered, "of the best", "at least 0.9")
        yield Figure(condition, name, "recovered", each.recovered, "s", "at most 2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--times", type=float, default=1.5, help="the rate, of the best")
    parser.add_argument("--callers", type=int, default=2000)
    parser.add_argument("--servers", default="", help="of the gateway and its peers, with commas between; all if empty")
    figures.add_option(parser)
    given = parser.parse_args()
    runs: dict[str, list[Measured]] = {}
    try:
        need("h2load")
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, prepared(Path(folder)) as place:
            for number in range(given.rounds):
                for name in given.servers.split(",") if given.servers else available():
                    say(f"round {number + 1} of {given.rounds}: {name}")
                    one = measure(name, place, seconds=given.seconds, times=given.times, callers=given.callers)
                    runs.setdefault(name, []).append(one)
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    found = {name: Measured(*map(statistics.median, zip(*each, strict=True))) for name, each in runs.items()}
    condition = f"{given.times:g} times the best for {given.seconds:g} s, {given.callers} callers"
    figures.write(given.json, summary(found, condition))
    print(f"{machine()}; {condition}; medians of {given.rounds} rounds\n\n{table(found)}")


if __name__ == "__main__":
    main()
