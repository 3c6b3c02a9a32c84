"""Count the instructions that the gateway executes per call, with callgrind.

    .venv/bin/python bench/instructions.py [--connections 8] [--seconds 30] [--functions 20] [--python PATH]
                                           [--cached memory|redis] [--upstream-tls] [--tls] [--persons]

A count hardly depends on the machine or on its other work, so it shows a difference of one per cent, which no clock
can. Under callgrind the gateway is some fifty times slower. `--python` names another interpreter that has the packages;
with some builds the same code takes a tenth more instructions. docs/performance.md has the figures.
`--cached` has every call answered from the cache; with `--upstream-tls` the provider speaks HTTPS, with `--tls` the
callers do. `--persons` counts the calls of `persons.py` in place of the ordinary one, each kind in turn in one gateway.
"""

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import persons
from conditions import Condition, Place, place
from testbed import (
    LIMIT,
    PATH,
    MissingToolError,
    Server,
    Testbed,
    free_port,
    machine,
    need,
    own_certificate,
    say,
    started,
    testbed,
)

from support.tokens import SECRET, token

_WARM_CALLS = 500
_WARM_SECONDS = 4


def load(url: str, key: str, connections: int, seconds: int) -> int:
    """Call as fast as answers come; return the number of answers."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Authorization: Bearer {key}", url + PATH]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise RuntimeError(f"not every call was answered with 200:\n{output}")
    found = re.search(r"(\d+) requests in", output)
    if found is None:
        raise RuntimeError(f"wrk says nothing of requests:\n{output}")
    return int(found.group(1))


def control(pid: int, *arguments: str) -> None:
    """Control callgrind in a process."""
    subprocess.run(["callgrind_control", *arguments, str(pid)], check=True, capture_output=True)


@contextlib.contextmanager
def counting(where: Place, given: argparse.Namespace) -> Iterator[Server]:
    """A gateway under callgrind, which counts nothing yet."""
    place, port = where.testbed, free_port()
    valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={place.folder / 'counts'}"]
    serve = [given.python, "-m", "apientreprise_gateway", "serve", "--port", str(port)]
    settings = place.trust() | own_certificate(where.signed) | persons.SETTINGS
    env = {
        "GATEWAY_JWT_SECRETS": SECRET,
        "GATEWAY_REDIS_URL": f"redis://127.0.0.1:{place.redis_port}",
        "GATEWAY_UPSTREAM_URL": place.upstream,
        "GATEWAY_UPSTREAM_TIMEOUT": "60",
        "GATEWAY_ACCESS_LOG": str(place.folder / "access.log"),
        "GATEWAY_LIMIT_IP": str(LIMIT),
        "GATEWAY_LIMIT_JSON": str(LIMIT),
        "GATEWAY_CACHE": given.cached,
        "PYTHONHASHSEED": "0",
    } | {f"GATEWAY_{name.upper()}": value for name, value in settings.items()}
    say("starting the gateway under callgrind, which takes a minute")
    with started([*valgrind, *serve], place.folder / "gateway", port=port, cpu="0", env=env, seconds=300) as server:
        yield server


def counted(server: Server, place: Testbed, calls: Callable[[], int], functions: int) -> tuple[float, list[str]]:
    """Measure instructions per call, and the functions that execute most of them."""
    for each in place.folder.glob("counts*"):
        each.unlink()
    control(server.process.pid, "-z")
    control(server.process.pid, "-i", "on")
    answers = calls()
    control(server.process.pid, "-i", "off")
    control(server.process.pid, "-d")
    totals = {each: _total(each) for each in place.folder.glob("counts*")}
    counts = max(totals, key=lambda each: totals[each])  # some versions leave one that has counted nothing besides
    if not totals[counts]:
        raise RuntimeError("callgrind has counted nothing")
    table = subprocess.run(["callgrind_annotate", str(counts)], capture_output=True, text=True, check=True).stdout
    rows = [line for line in table.splitlines() if re.match(r"\s*[\d,]+ \(", line)]
    return totals[counts] / answers, rows[1 : functions + 1]


def _total(counts: Path) -> int:
    found = re.search(r"^totals: (\d+)", counts.read_text(), re.MULTILINE)
    return 0 if found is None else int(found[1])


def ordinary(server: Server, place: Testbed, given: argparse.Namespace) -> None:
    """Count the ordinary call."""
    key, url = token(), server.url.replace("http:", "https:") if given.tls else server.url
    load(url, key, given.connections, 2)  # all connections to the provider, so that their handshakes are not counted
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=60, verify=False) as client:
        for _ in range(_WARM_CALLS):
            client.get(url + PATH).raise_for_status()
    say(f"counting for {given.seconds} s")
    cost, rows = counted(server, place, lambda: load(url, key, given.connections, given.seconds), given.functions)
    print(f"{cost:,.0f} instructions per call, {given.connections} connections")
    print("\n".join(rows))


def of_persons(server: Server, place: Testbed, given: argparse.Namespace) -> None:
    """Count each kind of call about a person, and the one about a company."""
    base = 0.0
    for case in persons.CASES:

        def calls(case: str = case, seconds: float = given.seconds) -> int:
            return persons.answered(server, place, case, connections=given.connections, seconds=seconds)

        calls(seconds=_WARM_SECONDS)
        say(f"counting for {given.seconds} s: {case}")
        cost, _ = counted(server, place, calls, 0)
        base = base or cost
        print(f"{cost:9,.0f} instructions, {cost / base:.3f} of API Entreprise: {case}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--functions", type=int, default=20, help="how many functions to show")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--cached", choices=("memory", "redis"), default="off", help="where the answers are kept")
    parser.add_argument("--upstream-tls", action="store_true", help="the provider speaks HTTPS")
    parser.add_argument("--tls", action="store_true", help="callers speak HTTPS")
    parser.add_argument("--persons", action="store_true", help="count the calls of persons.py")
    given = parser.parse_args()
    try:
        need("valgrind", "callgrind_control", "callgrind_annotate", "wrk")
        bodies = persons.bodies() if given.persons else None
        condition = Condition("counted", {}, clients_by_https=given.tls, provider_by_https=given.upstream_tls)
        with (
            tempfile.TemporaryDirectory() as folder,
            testbed(Path(folder), bodies=bodies) as prepared,
            place(condition, prepared) as where,
            counting(where, given) as server,
        ):
            print(machine())
            (of_persons if given.persons else ordinary)(server, where.testbed, given)
    except MissingToolError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
