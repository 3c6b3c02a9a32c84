"""Check that a worker's memory does not grow, over a million calls of many tokens from many addresses.

    .venv/bin/python bench/soak.py [--calls 1000000] [--tokens 50000]

Prints the worker's memory after the warm-up, then every tenth of the calls.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from testbed import HERE, QUERY, MissingToolError, Server, Testbed, machine, need, say, testbed

from support.tokens import token

BATCH_SECONDS = 5
SCOPE = "unites_legales_etablissements_insee"


def calls(server: Server, prepared: Testbed, tokens: Path) -> int:
    """Call for a while; return the number of answers."""
    command = [
        "taskset",
        "-c",
        prepared.cpus,
        "wrk",
        "-t1",
        "-c64",
        f"-d{BATCH_SECONDS}s",
        "-s",
        str(HERE / "soak.lua"),
    ]
    told = subprocess.run(
        [*command, server.url + "/" + QUERY, "--", str(tokens)], capture_output=True, text=True, check=True
    ).stdout
    match = re.search(r"(\d+) requests in", told)
    if match is None or "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(f"not every call was answered with 200:\n{told}")
    return int(match[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--tokens", type=int, default=50_000)
    options = parser.parse_args()
    try:
        need("wrk")
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, testbed(Path(folder)) as prepared:
        print(f"{machine()}; {options.tokens} tokens from as many addresses, 64 connections, one worker")
        tokens = Path(folder) / "tokens"
        ids = (str(uuid.UUID(int=2**100 + number)) for number in range(options.tokens))
        tokens.write_text("".join(token(jti=jti, uid=jti, scopes=[SCOPE]) + "\n" for jti in ids))
        with prepared.gateway(trusted_proxies="127.0.0.1") as server:
            cold, done = server.memory(), 0
            while done < options.tokens * 2:  # until every token and address has been used
                done += calls(server, prepared, tokens)
            warm, done, shown = server.memory(), 0, 0
            print(f"\n| calls | MiB | of the warm worker |\n|---|---|---|\n| at the start | {cold:.1f} | |")
            print(f"| after the warm-up | {warm:.1f} | 1.000 |")
            while done < options.calls:
                done += calls(server, prepared, tokens)
                say(f"{done} calls")
                if done * 10 // options.calls > shown:
                    shown = done * 10 // options.calls
                    now = server.memory()
                    print(f"| {done} | {now:.1f} | {now / warm:.3f} |", flush=True)


if __name__ == "__main__":
    main()
