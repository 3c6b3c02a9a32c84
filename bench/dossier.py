"""What a dossier of ten parts costs, beside ten calls for the same: `docs/performance.md` has the table.

    .venv/bin/python bench/dossier.py [--rounds 7] [--seconds 3] [--connections 16] [--json FILE]

One gateway of one worker, with Redis and every check, header, metric and access line, is asked for dossiers and for
their parts alone in turn, by one token; the provider answers 1 kB at once. CPU is that of the worker, for a dossier and
for ten calls, and each ratio is one of the same round.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import figures
from testbed import HERE, QUERY, MissingToolError, Server, Testbed, machine, need, say, testbed

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from support.tokens import token

PARTS: Final = 10
AGENT: Final = "&user_id=agent-7"


def resources() -> dict[str, Endpoint]:
    """The first resources of a dossier, by name, that are known by the number of the company and count alike."""
    dossier = ENTREPRISE.dossier
    assert dossier is not None
    found = {}
    for name, resource in sorted(dossier.resources_of(ENTREPRISE.endpoints).items()):
        endpoint = resource.endpoint
        is_plain = len(endpoint.parameters) == 1 and endpoint.document is None and not endpoint.array
        if is_plain and not re.match(r"v\d", name) and endpoint.group.name == "json":
            found[name] = endpoint
    return dict(list(found.items())[:PARTS])


def load(server: Server, place: Testbed, paths: list[str], key: str, *, connections: int, seconds: float) -> float:
    """Call as fast as answers come; return the CPU microseconds per answer."""
    place.store().flushdb()
    command = ["taskset", "-c", place.cpus, "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "5s"]
    command += ["-H", f"Authorization: Bearer {key}", "-s", str(HERE / "dossier.lua"), server.url, "--", *paths]
    before = server.cpu()
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent = server.cpu() - before
    answers = re.search(r"(\d+) requests in", told)
    if answers is None or "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(f"not every call was answered with 200 (see {server.folder}):\n{told}")
    return spent / int(answers[1]) * 1e6


def measure(
    place: Testbed, *, rounds: int, seconds: float, connections: int
) -> tuple[list[float], list[float], list[float]]:
    """CPU microseconds of a dossier, of ten calls, and how much of them a dossier is, round by round."""
    parts = resources()
    key = token(scopes=sorted({scope for endpoint in parts.values() for scope in endpoint.scopes}))
    # Some parts want the agent who asks.
    alone = [re.sub(r"\{(sire[nt])\w*\}", r"{\1}", each.path) + QUERY + AGENT for each in parts.values()]
    whole = [f"/v3/dossiers/{{siret}}{QUERY}{AGENT}&ressources={','.join(parts)}"]
    dossiers, calls = [], []
    with place.gateway(duplicates="count") as server:
        for paths in (whole, alone):
            load(server, place, paths, key, connections=connections, seconds=1)  # warm-up
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            dossiers.append(load(server, place, whole, key, connections=connections, seconds=seconds))
            calls.append(PARTS * load(server, place, alone, key, connections=connections, seconds=seconds))
    return dossiers, calls, [whole / alone for whole, alone in zip(dossiers, calls, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=16)
    figures.add_option(parser)
    given = parser.parse_args()
    try:
        need("wrk")
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, testbed(Path(folder)) as place:
            found = measure(place, rounds=given.rounds, seconds=given.seconds, connections=given.connections)
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    dossier, calls, ratio = (statistics.median(each) for each in found)
    print(f"{machine()}; median of {given.rounds} rounds, {given.connections} connections\n")
    print(f"| a dossier of {PARTS}, CPU µs | {PARTS} calls, CPU µs | of them |\n|---|---|---|")
    print(f"| {dossier:.0f} | {calls:.0f} | {ratio:.2f} ({min(found[2]):.2f} to {max(found[2]):.2f}) |")
    figures.write(
        given.json,
        [figures.Figure(f"dossier of {PARTS}", "gateway", "CPU", ratio, f"of {PARTS} calls", "at most 0.8")],
    )


if __name__ == "__main__":
    main()
